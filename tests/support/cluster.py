"""What every cluster of the tests has, and how tests use one: `real_cluster.py` and `small_cluster.py` start
them.

It has the namespaces `dev` and `prod`; pods `web` (in both) and `other`, with a container `app`; secrets `db`
and `applied` (password `PASSWORD`), config maps `settings` and `annotated`. The bearer of TOKEN is an
administrator, and so are the group `countersign:agents` and the service accounts of `dev`.
"""

import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

PASSWORD = "correct-horse-battery"  # in a secret
EMAIL, CARD = "jane@example.com", "4111111111111111"
LOG = "".join(f"line {n} paid by {EMAIL} with {CARD}\n" for n in range(1, 4))
TOKEN = "gateway-token-of-the-cluster"
OURS = "the-tests-themselves"  # the User-Agent of the tests' own client
CLUSTER_ADMIN = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Request:
    """One that reached the cluster from others than the tests themselves. `user`: as whom it ran."""

    method: str
    path: str
    user: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster, and a client of it past the gateway. `forwarded`: the port of this machine that
    every port of its pods is, where ports can be forwarded."""

    origin: str
    ca: Path
    client: httpx.Client
    seen: Callable[[], list[Request]]
    forwarded: int | None = None

    def get(self, path: str) -> Any:
        return self.client.get(path).json()


def objects(kubelet: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects that tests find: where each is created, and with its status where it has one."""
    for name in ("dev", "prod"):
        yield "/api/v1/namespaces", _named(name, kind="Namespace")
    yield "/api/v1/namespaces/dev/serviceaccounts", _named("gateway", kind="ServiceAccount")
    for name in ("countersign:agents", "system:serviceaccounts:dev"):
        subject = {"kind": "Group", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
        binding = _named(name, kind="ClusterRoleBinding", roleRef=CLUSTER_ADMIN, subjects=[subject])
        binding["apiVersion"] = "rbac.authorization.k8s.io/v1"
        yield "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding
    addresses = [{"type": "InternalIP", "address": "127.0.0.1"}]
    daemon = {"kubeletEndpoint": {"Port": kubelet}}
    ready = [{"type": "Ready", "status": "True"}]
    status = {"addresses": addresses, "daemonEndpoints": daemon, "conditions": ready}
    yield "/api/v1/nodes", _named("node-1", kind="Node", status=status)
    spec = {"nodeName": "node-1", "containers": [{"name": "app", "image": "app:1"}]}
    running = {"name": "app", "ready": True, "restartCount": 0, "image": "app:1", "imageID": "1"}
    running |= {"containerID": "c://1", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
    status = {"phase": "Running", "hostIP": "127.0.0.1", "podIP": "127.0.0.1", "conditions": ready}
    status["containerStatuses"] = [running]
    for namespace, name in (("dev", "web"), ("dev", "other"), ("prod", "web")):
        yield f"/api/v1/namespaces/{namespace}/pods", _named(name, kind="Pod", spec=spec, status=status)
    data = {"password": base64.b64encode(PASSWORD.encode()).decode()}
    applied = {_APPLIED: json.dumps(_named("applied", kind="Secret", data=data))}
    for namespace in ("dev", "prod"):
        secrets, settings = (f"/api/v1/namespaces/{namespace}/{kind}" for kind in ("secrets", "configmaps"))
        yield secrets, _named("db", kind="Secret", type="Opaque", data=data)
        yield secrets, _named("applied", applied, kind="Secret", type="Opaque", data=data)
        yield settings, _named("settings", kind="ConfigMap", data={"contact": EMAIL, "colour": "blue"})
        yield settings, _named("annotated", {"who": f"ask {EMAIL}"}, kind="ConfigMap")


def _named(name: str, annotations: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"annotations": annotations} if annotations else {})}
    return {"apiVersion": "v1", **more, "metadata": metadata}


def kubectl(config: Path, *arguments: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    """kubectl, with this kubeconfig and nothing else of the machine."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(config.parent), "KUBECONFIG": str(config)}
    environment |= more.pop("env", {})
    return subprocess.run(
        ["kubectl", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **more,
    )


def kubeconfig(path: Path, server: str, certificate: str, token: str) -> Path:
    """A kubeconfig file; JSON is YAML, too. `certificate`: base64 of PEM."""
    cluster = {"server": server, "certificate-authority-data": certificate}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "dev"}}],
        "current-context": "x",
    }
    path.write_text(json.dumps(config))
    return path
