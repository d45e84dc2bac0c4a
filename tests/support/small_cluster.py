"""A small stand-in for a cluster, for runs that build none: it keeps objects, and speaks the requests and
streams of an API server as far as tests use them. tests/clients/kubernetes holds both to the same.
"""

import asyncio
import json
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import uvicorn
from support.certificates import issue, make_authority
from support.cluster import LOG, OURS, TOKEN, Cluster, Request, objects
from support.processes import free_port, start, stop, tail
from support.wait import block_until

Scope = Any
Key = tuple[str, str, str, str]
"""Group, kind, namespace, name: "" where there is none."""
_KINDS = {
    "namespaces": "Namespace",
    "nodes": "Node",
    "pods": "Pod",
    "secrets": "Secret",
    "configmaps": "ConfigMap",
    "services": "Service",
    "serviceaccounts": "ServiceAccount",
    "deployments": "Deployment",
    "clusterrolebindings": "ClusterRoleBinding",
    "selfsubjectaccessreviews": "SelfSubjectAccessReview",
    "leases": "Lease",
}
_GROUPS = {
    "apps": ("deployments",),
    "rbac.authorization.k8s.io": ("clusterrolebindings",),
    "authorization.k8s.io": ("selfsubjectaccessreviews",),
    "coordination.k8s.io": ("leases",),
}
_METRICS = "metrics.k8s.io"
_CLUSTER_WIDE = ("namespaces", "nodes", "clusterrolebindings", "selfsubjectaccessreviews")
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


@contextmanager
def running_small_cluster(folder: Path) -> Iterator[Cluster]:
    """On a free port, over TLS."""
    authority = make_authority(folder)
    certificate, key = issue(authority, folder, "127.0.0.1")
    port, log = free_port(), folder / "small_cluster.log"
    command = [sys.executable, __file__, str(port), str(certificate), str(key)]
    process = start(command, log, cwd=folder, env={"PYTHONPATH": str(Path(__file__).parents[1])})
    try:
        block_until(
            lambda: process.poll() is not None or "running on" in tail(log),
            seconds=60,
            what="the small cluster",
        )
        assert process.poll() is None, tail(log)
        tls = ssl.create_default_context(cafile=authority.certificate_path)
        headers = {"Authorization": f"Bearer {TOKEN}", "User-Agent": OURS}
        origin = f"https://127.0.0.1:{port}"
        with httpx.Client(
            base_url=origin, verify=tls, headers=headers, trust_env=False, timeout=30
        ) as client:
            yield Cluster(
                origin,
                authority.certificate_path,
                client,
                lambda: [
                    Request(**{**one, "groups": tuple(one["groups"])}) for one in client.get("/_seen").json()
                ],
            )
    finally:
        stop(process)


def _seen(client: httpx.Client) -> list[Request]:
    return [Request(**{**one, "groups": tuple(one["groups"])}) for one in client.get("/_seen").json()]


class Store:
    """The objects, and what happened to them."""

    def __init__(self) -> None:
        self.objects: dict[Key, dict[str, Any]] = {}
        self.events: list[tuple[str, str, dict[str, Any]]] = []  # kind, type, object
        self.news = asyncio.Condition()
        self.seen: list[dict[str, Any]] = []

    async def put(self, key: Key, found: dict[str, Any]) -> dict[str, Any]:
        kind = "MODIFIED" if key in self.objects else "ADDED"
        self.objects[key] = found
        await self._tell(key, kind, found)
        return found

    async def remove(self, key: Key) -> None:
        await self._tell(key, "DELETED", self.objects.pop(key))

    async def _tell(self, key: Key, kind: str, found: dict[str, Any]) -> None:
        found["metadata"]["resourceVersion"] = str(len(self.events) + 1)
        self.events.append((key[1], kind, deepcopy(found)))
        async with self.news:
            self.news.notify_all()


class Refused(Exception):
    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        self.code, self.body = code, {**status, "message": message, "reason": reason, "code": code}


class App:
    """The ASGI application (asgi.readthedocs.io, HTTP and WebSocket specification 2.4)."""

    def __init__(self) -> None:
        self.store = Store()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for path, document in objects(0):
                await self._create(path.strip("/").split("/"), document)
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        groups = [value.decode() for name, value in scope["headers"] if name == b"impersonate-group"]
        if scope["path"] == "/_seen":
            await _send(send, 200, self.store.seen)
            return
        if headers.get("user-agent") != OURS:
            user = headers.get("impersonate-user", "gateway")
            self.store.seen.append(
                {"method": scope.get("method", "GET"), "path": scope["path"], "user": user, "groups": groups}
            )
        try:
            if headers.get("authorization") != f"Bearer {TOKEN}":
                raise Refused(401, "Unauthorized", "Unauthorized")
            if scope["type"] == "websocket":
                await _execute(scope, receive, send)
            else:
                await self._answer(scope, headers, receive, send)
        except Refused as refused:
            await _send(send, refused.code, refused.body)

    async def _answer(self, scope: Scope, headers: dict[str, str], receive: Any, send: Any) -> None:
        parts = [unquote(part) for part in scope["path"].strip("/").split("/")]
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        discovered = _discover(parts)
        if discovered is not None:
            await _send(send, 200, discovered)
            return
        if parts[-1] == "log":
            await _send_text(send, LOG.splitlines(keepends=True)[-int(query.get("tailLines", "99")) :])
            return
        key, watches = (
            _key(parts),
            parts[1:2] == ["watch"] or query.get("watch", "false") not in ("false", "0"),
        )
        method = scope["method"]
        form = headers.get("accept", "")
        if method == "HEAD":  # as a real API server has it for its resources, and for `export` since 1.21
            raise Refused(405, "MethodNotAllowed", "the server does not allow this method")
        if "export" in query:
            raise Refused(400, "BadRequest", "the export parameter is no longer supported")
        if method == "GET" and watches:
            await self._watch(key, query, form, send)
        elif method == "GET":
            await _send(send, 200, _formed(self._get(key, query), form, query))
        elif method == "DELETE":
            for one in self._matching(key):
                await self.store.remove(one)
            await _send(send, 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})
        else:
            document = await _body(receive)
            status, written = await self._write(
                method, parts, headers.get("content-type", ""), document, query
            )
            await _send(send, status, _formed(written, form, query))

    def _matching(self, key: Key) -> list[Key]:
        found = [
            one
            for one in self.store.objects
            if all(part in ("", has) for part, has in zip(key, one, strict=True))
        ]
        if not found and key[3]:
            raise Refused(404, "NotFound", f'{key[1]} "{key[3]}" not found')
        return found

    def _get(self, key: Key, query: dict[str, str]) -> dict[str, Any]:
        found = [self.store.objects[one] for one in self._matching(key)]
        if key[3]:
            return found[0]
        version = {"resourceVersion": str(len(self.store.events))}
        api = f"{key[0]}/v1" if key[0] else "v1"
        return {"kind": f"{_KINDS[key[1]]}List", "apiVersion": api, "metadata": version, "items": found}

    async def _create(self, parts: list[str], document: dict[str, Any]) -> dict[str, Any]:
        group, kind, namespace, _ = _key(parts)
        metadata = document.setdefault("metadata", {})
        metadata.setdefault("name", "")
        metadata |= {"uid": f"{kind}-{metadata['name']}", "creationTimestamp": "2026-01-01T00:00:00Z"}
        if namespace:
            metadata["namespace"] = namespace
        if kind == "namespaces":
            namespace = metadata["name"]
        document |= {"kind": _KINDS[kind], "apiVersion": f"{group}/v1" if group else "v1"}
        if kind == "selfsubjectaccessreviews":
            return {**document, "status": {"allowed": True}}
        key = (group, kind, "" if kind in _CLUSTER_WIDE else namespace, metadata["name"])
        if key in self.store.objects:
            raise Refused(409, "AlreadyExists", f'{kind} "{key[3]}" already exists')
        return await self.store.put(key, document)

    async def _write(
        self, method: str, parts: list[str], media: str, document: Any, query: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        if method == "POST":
            return 201, await self._create(parts, document if isinstance(document, dict) else {})
        key = _key(parts)
        if "apply-patch" in media and key not in self.store.objects:
            return 201, await self._create(parts[:-1], document)
        (key,) = self._matching(key)
        found = document if method == "PUT" else _merged(deepcopy(self.store.objects[key]), document)
        return 200, found if "dryRun" in query else await self.store.put(key, found)

    async def _watch(self, key: Key, query: dict[str, str], form: str, send: Any) -> None:
        version = query.get("resourceVersion", "")
        next_event = int(version) if version.isdigit() and version != "0" else 0
        fields = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        with suppress(TimeoutError):
            async with asyncio.timeout(float(query.get("timeoutSeconds", "300"))):
                while True:
                    for kind, what, found in self.store.events[next_event:]:
                        if kind == key[1] and key[2] in ("", found["metadata"].get("namespace", "")):
                            event = {"type": what, "object": _formed(found, form, query)}
                            await _more(send, json.dumps(event).encode() + b"\n")
                    next_event = len(self.store.events)
                    async with self.store.news:
                        await self.store.news.wait()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _discover(parts: list[str]) -> Any:
    """What a client learns of the cluster; None for what is a resource."""
    match parts:
        case ["version"]:
            return {"major": "1", "minor": "36", "gitVersion": "v1.36.3"}
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"]}
        case ["apis"]:
            versions = {name: {"groupVersion": f"{name}/v1", "version": "v1"} for name in _GROUPS}
            versions[_METRICS] = {"groupVersion": f"{_METRICS}/v1beta1", "version": "v1beta1"}
            groups = [{"name": n, "versions": [v], "preferredVersion": v} for n, v in versions.items()]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["api", "v1"]:
            inside = {name for names in _GROUPS.values() for name in names}
            return _resources("v1", [name for name in _KINDS if name not in inside])
        case ["apis", group, "v1"]:
            return _resources(f"{group}/v1", _GROUPS.get(group, ()))
        case ["apis", "metrics.k8s.io", "v1beta1"]:
            return _resources(f"{_METRICS}/v1beta1", ("nodes", "pods"))
        case ["apis", "metrics.k8s.io", "v1beta1", *_, kind]:
            return _measured(kind)
        case ["api" | "apis", *_] if len(parts) > 2:
            return None
    raise Refused(404, "NotFound", "the server could not find the requested resource")


def _measured(kind: str) -> dict[str, Any]:
    """What `kubectl top` asks for, as the metrics server says it."""
    api = {"apiVersion": f"{_METRICS}/v1beta1"}
    used = {"timestamp": "2026-01-01T00:00:00Z", "window": "15s"}
    usage = {"cpu": "250m", "memory": "64Mi"}
    if kind == "nodes":
        node = {"metadata": {"name": "node-1"}, **used, "usage": usage}
        return {"kind": "NodeMetricsList", **api, "metadata": {}, "items": [node]}
    pod = {"metadata": {"name": "web", "namespace": "dev"}, **used}
    containers = {"containers": [{"name": "app", "usage": usage}]}
    return {"kind": "PodMetricsList", **api, "metadata": {}, "items": [{**pod, **containers}]}


def _resources(version: str, names: Any) -> dict[str, Any]:
    listed = [
        {"name": name, "kind": _KINDS[name], "namespaced": name not in _CLUSTER_WIDE, "verbs": _VERBS,
         "singularName": _KINDS[name].lower()}
        for name in names
    ]  # fmt: skip
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": listed}


def _key(parts: list[str]) -> Key:
    group, rest = (parts[1], parts[3:]) if parts[0] == "apis" else ("", parts[2:])
    if rest[:1] == ["watch"]:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    kind, name = (*rest, "")[:2]
    if kind not in _KINDS:
        raise Refused(404, "NotFound", "the server could not find the requested resource")
    return group, kind, namespace, name


def _formed(found: dict[str, Any], form: str, query: dict[str, str]) -> dict[str, Any]:
    """An object or list, as a table or as metadata alone where that is asked for."""
    items = found.get("items", [found])
    metadata = {"apiVersion": "meta.k8s.io/v1", "metadata": found.get("metadata", {})}
    alone = [
        {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": one["metadata"]}
        for one in items
    ]
    if "as=PartialObjectMetadataList" in form:
        return {"kind": "PartialObjectMetadataList", **metadata, "items": alone}
    if "as=PartialObjectMetadata" in form:
        return alone[0]
    if "as=Table" not in form:
        return found
    column = {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0}
    shown = items if query.get("includeObject") == "Object" else alone
    rows = [{"cells": [one["metadata"]["name"]], "object": one} for one in shown]
    return {"kind": "Table", **metadata, "columnDefinitions": [column], "rows": rows}


def _merged(found: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    found = found if isinstance(found, dict) else {}
    for name, value in patch.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = _merged(found.get(name), value)
    return found


async def _execute(scope: Scope, receive: Any, send: Any) -> None:
    """exec, as KEP-4006 has it: v5.channel.k8s.io."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})
    query = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
    argv = [value for name, value in query if name == "command"]
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=pipe)
    except OSError as error:
        await _channel(send, 3, json.dumps({"status": "Failure", "message": str(error)}).encode())
        await send({"type": "websocket.close"})
        return
    assert process.stdin is not None
    if ("stdin", "true") not in query:
        process.stdin.close()
    feeding = asyncio.create_task(_feed(process.stdin, receive))
    await asyncio.gather(_drain(process.stdout, send, 1), _drain(process.stderr, send, 2))
    code = await process.wait()
    feeding.cancel()
    status: dict[str, Any] = {"metadata": {}, "status": "Success"}
    if code:
        causes = [{"reason": "ExitCode", "message": str(code)}]
        status = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}
    await _channel(send, 3, json.dumps(status).encode())
    await send({"type": "websocket.close"})


async def _feed(stdin: asyncio.StreamWriter, receive: Any) -> None:
    with suppress(ConnectionError):
        while (message := await receive())["type"] == "websocket.receive":
            data = message["bytes"]
            if data[:1] == b"\0":
                stdin.write(data[1:])
                await stdin.drain()
            elif data == b"\xff\0":
                stdin.close()


async def _drain(reader: asyncio.StreamReader | None, send: Any, channel: int) -> None:
    assert reader is not None
    while data := await reader.read(32768):
        await _channel(send, channel, data)


async def _channel(send: Any, channel: int, data: bytes) -> None:
    await send({"type": "websocket.send", "bytes": bytes((channel,)) + data})


async def _body(receive: Any) -> Any:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    with suppress(ValueError):
        return json.loads(body)
    return None


async def _more(send: Any, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _send(send: Any, status: int, document: Any) -> None:
    fields = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})


async def _send_text(send: Any, lines: list[str]) -> None:
    fields = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    for line in lines:
        await _more(send, line.encode())
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    port, certificate, key = sys.argv[1:]
    uvicorn.run(
        App(),
        host="127.0.0.1",
        port=int(port),
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ws="websockets-sansio",
        timeout_graceful_shutdown=1,
    )
