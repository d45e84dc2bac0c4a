"""A request's method and path -> what it asks of the cluster, by the rules of the API server itself. Pure.

k8s.io/apiserver, pkg/endpoints/request/requestinfo.go: what is authorised there is what is judged here. Paths
come in their one normal form (`ingress/web/paths.py`).
"""

import re
from dataclasses import dataclass

from ingress.web.paths import RequestTarget, pairs
from ingress.web.strict import BadRequest

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")
_STREAMS = ("exec", "attach", "portforward")
_WORD = re.compile(r"[a-z0-9][a-z0-9.-]*")
# As the server reads a bool of a query: anything but these is true, also nothing.
_FALSE = ("false", "0")
_ONCE = ("watch", "container", "stdin", "stdout", "stderr", "tty", "fieldselector", "dryrun")


@dataclass(frozen=True, slots=True)
class Requested:
    """One request. `resource` is empty for what is no resource: discovery, health, metrics.

    `namespace`: "" where the request names none. `path`: decoded, without the cluster's prefix.
    """

    verb: str
    path: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    query: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> str:
        """As rules name it: "pods", "pods/exec", "deployments.apps/scale"."""
        whole = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{whole}/{self.subresource}" if self.subresource else whole

    @property
    def is_stream(self) -> bool:
        """exec, attach, port-forward: a connection of its own to a pod."""
        return (self.group, self.resource) == ("", "pods") and self.subresource in _STREAMS

    @property
    def is_log(self) -> bool:
        return (self.group, self.resource, self.subresource) == ("", "pods", "log")

    @property
    def cuts_a_log(self) -> bool:
        """Whether a log ends after so many bytes, wherever that is."""
        return self.is_log and any(name.lower() == "limitbytes" for name, _ in self.query)

    @property
    def is_watch(self) -> bool:
        return self.verb == "watch"

    def value(self, name: str) -> str:
        """The value of a parameter of the query; "" where there is none."""
        return next((value for found, value in self.query if found == name), "")

    def says(self, name: str) -> bool:
        """Whether a parameter of the query is there, and true."""
        return any(found == name and value.lower() not in _FALSE for found, value in self.query)


def read_request(method: str, target: RequestTarget) -> Requested:
    """What is asked. Raises BadRequest for what the server and we might read in two ways."""
    query = _query(target.query)
    parts = [part for part in target.path.split("/") if part]
    verb = _VERBS.get(method, "")
    path = target.path
    if len(parts) < 3 or parts[0] not in ("api", "apis") or (parts[0] == "apis" and len(parts) < 4):
        return Requested(method.lower(), path, query=query)
    group = parts[1] if parts[0] == "apis" else ""
    version, *rest = parts[2:] if parts[0] == "apis" else parts[1:]
    if rest[0] in ("watch", "proxy"):
        # Ways of old: /api/v1/watch/…, /api/v1/proxy/…
        verb, rest = rest[0], rest[1:]
        if not rest:
            raise BadRequest("the path names no resource", 404)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    resource, name, subresource = (*rest[:3], "", "")[:3]
    if len(rest) > 3 and subresource != "proxy":
        raise BadRequest("the path goes on after a subresource", 404)
    for word in (group, version, resource, subresource):
        if word and _WORD.fullmatch(word) is None:
            raise BadRequest("the path names a resource that no cluster has", 404)
    requested = Requested(verb, path, group, version, resource, subresource, namespace, name, query)
    return _with_verb(requested)


def _with_verb(requested: Requested) -> Requested:
    """The verb, where the method alone does not say it."""
    verb = requested.verb
    if requested.is_stream:
        # GET opens a WebSocket, POST a SPDY connection: both do what the client's body says.
        verb = "create"
    elif verb == "get" and not requested.name:
        verb = "watch" if requested.says("watch") else "list"
    elif verb == "delete" and not requested.name:
        verb = "deletecollection"
    return Requested(
        verb,
        requested.path,
        requested.group,
        requested.version,
        requested.resource,
        requested.subresource,
        requested.namespace,
        requested.name,
        requested.query,
    )


def _query(query: str | None) -> tuple[tuple[str, str], ...]:
    if query and ";" in query:
        raise BadRequest("the query has a semicolon: servers differ on what it means")
    found = pairs(query)
    names = [name for name, _ in found]
    for name in _ONCE:
        if sum(one.lower() == name for one in names) > 1:
            raise BadRequest(f"the query has {name} twice")
    return found
