"""What an object that is written can do: its JSON, whole or a patch of it -> features and intents. Pure.

A patch may set any part of an object, at any depth of what was there before: fields are looked for by name
wherever they stand, so that a feature is found in an object, in its pod template and in a patch alike.
"""

from collections.abc import Iterator
from typing import Any

from schemas.vocabulary import Intent

_TRUE_MEANS = {
    "privileged": "privileged",
    "allowPrivilegeEscalation": "privilege_escalation",
    "hostNetwork": "host_network",
    "hostPID": "host_pid",
    "hostIPC": "host_ipc",
    "shareProcessNamespace": "shared_processes",
}
_PRESENCE_MEANS = {
    "hostPath": "host_path",
    "hostPort": "host_port",
    "procMount": "proc_mount",
    "ephemeralContainers": "ephemeral_container",
    "nodeName": "node_name",
    "serviceAccountName": "service_account",
    "serviceAccount": "service_account",
    "secretKeyRef": "uses_secret",
    "secretRef": "uses_secret",
    "secretName": "uses_secret",
    "externalIPs": "external_address",
    "externalName": "external_address",
    "loadBalancerIP": "load_balancer",
    "nodePort": "node_port",
    "caBundle": "trust",
    "clientConfig": "webhook",
    "ownerReferences": "ownership",
    "finalizers": "finalizer",
}
_STARTS = frozenset(("image", "command", "args", "postStart", "preStop", "containers", "initContainers"))
_INTENTS = {
    **dict.fromkeys(
        (
            *("privileged", "privilege_escalation", "host_network", "host_pid", "host_ipc", "host_path"),
            *(
                "host_port",
                "proc_mount",
                "capabilities",
                "root",
                "node_name",
                "service_account",
                "host_users",
            ),
            *("webhook", "unconfined"),
        ),
        Intent.ADMIN,
    ),
    "uses_secret": Intent.CREDENTIAL,
    **dict.fromkeys(("external_address", "load_balancer", "node_port"), Intent.NETWORK),
    "starts_programs": Intent.EXEC,
    "ephemeral_container": Intent.EXEC,
}
_MOST_DEPTH = 100


def features(document: Any) -> frozenset[str]:
    """What this object or patch can do, by name: "privileged", "host_path", "load_balancer" …"""
    return frozenset(_features(document, 0))


def patched(operations: Any) -> tuple[Any, str]:
    """A JSON Patch (RFC 6902) as what it sets; and why that is not all, or empty."""
    if not isinstance(operations, list):
        return None, "its JSON Patch is no list"
    documents: list[Any] = []
    doubt = ""
    for one in operations:
        operation = one.get("op") if isinstance(one, dict) else None
        path = one.get("path") if isinstance(one, dict) else None
        if not isinstance(path, str) or operation not in ("add", "replace", "remove", "test"):
            doubt = "its JSON Patch moves or copies what is not in it"
            continue
        if operation in ("add", "replace"):
            inner = one.get("value")
            for step in reversed(path.split("/")[1:]):
                name = step.replace("~1", "/").replace("~0", "~")
                inner = [inner] if name.isdigit() or name == "-" else {name: inner}
            documents.append(inner)
    return documents, doubt


def intents_of(found: frozenset[str]) -> frozenset[Intent]:
    """What these features are for."""
    return frozenset(_INTENTS[feature] for feature in found if feature in _INTENTS)


def _features(value: Any, depth: int) -> Iterator[str]:
    if depth > _MOST_DEPTH:
        yield "privileged"  # nobody nests so deep for good
        return
    if isinstance(value, list):
        for inner in value:
            yield from _features(inner, depth + 1)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _field(name, inner)
            yield from _features(inner, depth + 1)


def _field(name: str, value: Any) -> Iterator[str]:
    """What one field means, if anything. A string "true" is refused by the server: it is no boolean."""
    if name in _TRUE_MEANS and value is not False and value is not None:
        yield _TRUE_MEANS[name]
    elif name in _PRESENCE_MEANS and value not in (None, "", [], {}):
        yield _PRESENCE_MEANS[name]
    elif name in _STARTS and value not in (None, "", [], {}):
        yield "starts_programs"
    elif name == "secret" and isinstance(value, dict):
        yield "uses_secret"  # of a projected volume
    elif name in ("capabilities", "add") and value not in (None, [], {}):
        if name == "capabilities" or isinstance(value, list):
            yield "capabilities"
    elif (name == "runAsUser" and value == 0) or (name == "runAsNonRoot" and value is False):
        yield "root"
    elif name == "hostUsers" and value is True:
        yield "host_users"
    elif name in ("seccompProfile", "appArmorProfile", "seLinuxOptions"):
        yield "unconfined"
    elif name == "type" and value in ("LoadBalancer", "NodePort", "ExternalName"):
        yield {"LoadBalancer": "load_balancer", "NodePort": "node_port"}.get(value, "external_address")
