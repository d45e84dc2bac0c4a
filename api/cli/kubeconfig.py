"""The kubeconfig of a cluster behind the gateway: it asks nobody for a token, and no file holds one.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

_PLUGIN = "client.authentication.k8s.io/v1"


def make_kubeconfig(resource: str, server: str, ca: Path | None, plugin: Sequence[str]) -> str:
    """The file, as JSON, which is YAML, too. `plugin`: the command line that prints the token."""
    cluster = {"server": server}
    if ca is not None:
        cluster["certificate-authority-data"] = base64.b64encode(ca.read_bytes()).decode()
    command, *arguments = plugin
    user = {
        "exec": {
            "apiVersion": _PLUGIN,
            "command": command,
            "args": arguments,
            "interactiveMode": "Never",
            "installHint": "Install countersign-gateway, then run `countersign login`.",
        }
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": resource, "cluster": cluster}],
        "users": [{"name": resource, "user": user}],
        "contexts": [{"name": resource, "context": {"cluster": resource, "user": resource}}],
        "current-context": resource,
    }
    return json.dumps(config, indent=1) + "\n"


def with_words(token: str, reason: str, ticket: str) -> str:
    """The token, and why its user wants what they ask for (ingress/kubernetes/reasons.py reads it)."""
    said = (("reason", reason), ("ticket", ticket))
    return token + "".join(
        f",countersign-{name}={base64.urlsafe_b64encode(words.encode()).decode().rstrip('=')}"
        for name, words in said
        if words
    )


def exec_credential(token: str) -> str:
    """What a credential plugin prints."""
    return json.dumps({"apiVersion": _PLUGIN, "kind": "ExecCredential", "status": {"token": token}})
