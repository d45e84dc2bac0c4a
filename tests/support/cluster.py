"""A real cluster for one test session: kube-apiserver, etcd, and a stub kubelet that runs what is exec'd as
commands of this machine. There is no controller: what is created stays as it was created.

It has the namespaces `dev` and `prod`; pods `web` and `other` in `dev`, with a container `app`; the secret
`db` (password `PASSWORD`) and the config map `settings` in `dev`; the token `gateway-token` is an administrator's.
"""

import base64
import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from support.certificates import Authority, issue, issue_client, make_authority
from support.cluster_build import programs
from support.processes import free_port, start, stop, tail
from support.wait import block_until

PASSWORD = "correct-horse-battery"  # in a secret
EMAIL, CARD = "jane@example.com", "4111111111111111"
LOG = "".join(f"line {n} paid by {EMAIL} with {CARD}\n" for n in range(1, 4))
TOKEN = "gateway-token-of-the-cluster"
_SECONDS = 90  # to start, on a machine that is busy with other tests


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster, and a client of it past the gateway."""

    origin: str
    ca: Path
    client: httpx.Client
    audit: Path  # the cluster's own audit log
    forwarded: int  # the port of this machine that port 8080 of every pod is

    def get(self, path: str) -> Any:
        return self.client.get(path).json()

    def seen(self) -> list[dict[str, Any]]:
        """What came from others than the tests and the cluster's own parts, by its own audit log."""
        lines = [json.loads(line) for line in self.audit.read_text().splitlines()]
        return [one for one in lines if not one.get("userAgent", "").startswith((_OURS, "apiserver/"))]


_OURS = "the-tests-themselves"
_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
_POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "spec": {"nodeName": "node-1", "containers": [{"name": "app", "image": "app:1"}]},
}


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster of its own in `folder`."""
    built = programs()
    authority = make_authority(folder)
    ports = {name: free_port() for name in ("etcd", "peer", "api", "kubelet", "forwarded")}
    with (
        _etcd(built, folder, ports),
        _kubelet(built, folder, authority, ports["kubelet"], ports["forwarded"]),
    ):
        log = folder / "kube-apiserver.log"
        process = start([str(built / "apiserver"), *_options(folder, authority, ports)], log, cwd=folder)
        try:
            origin = f"https://127.0.0.1:{ports['api']}"
            tls = ssl.create_default_context(cafile=authority.certificate_path)
            headers = {"Authorization": f"Bearer {TOKEN}", "User-Agent": _OURS}
            with httpx.Client(
                base_url=origin, verify=tls, headers=headers, trust_env=False, timeout=30
            ) as client:
                block_until(
                    lambda: process.poll() is not None or _is_ready(client),
                    seconds=_SECONDS,
                    what="a cluster that is ready",
                )
                assert process.poll() is None, tail(log)
                _fill(client, ports["kubelet"])
                yield Cluster(
                    origin, authority.certificate_path, client, folder / "audit.log", ports["forwarded"]
                )
        finally:
            stop(process, seconds=60)


@contextmanager
def _etcd(built: Path, folder: Path, ports: dict[str, int]) -> Iterator[None]:
    client, peer = f"http://127.0.0.1:{ports['etcd']}", f"http://127.0.0.1:{ports['peer']}"
    command = [str(built / "etcd"), "--data-dir", str(folder / "etcd"), "--unsafe-no-fsync"]
    command += ["--listen-client-urls", client, "--advertise-client-urls", client]
    command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
    command += ["--initial-cluster", f"default={peer}"]
    process = start(command, folder / "etcd.log", cwd=folder)
    try:
        yield
    finally:
        stop(process)


@contextmanager
def _kubelet(built: Path, folder: Path, authority: Authority, port: int, forwarded: int) -> Iterator[None]:
    place = folder / "kubelet"
    place.mkdir()
    certificate, key = issue(authority, place, "127.0.0.1")
    (place / "log.txt").write_text(LOG)
    command = [str(built / "stubkubelet"), "-listen", f"127.0.0.1:{port}"]
    command += ["-tls-cert-file", str(certificate), "-tls-private-key-file", str(key)]
    command += ["-client-ca-file", str(authority.certificate_path), "-log-file", str(place / "log.txt")]
    command += ["-forward-to", f"127.0.0.1:{forwarded}"]
    process = start(command, folder / "kubelet.log", cwd=place)
    try:
        yield
    finally:
        stop(process)


def _options(folder: Path, authority: Authority, ports: dict[str, int]) -> list[str]:
    place = folder / "apiserver"
    place.mkdir()
    certificate, key = issue(authority, place, "127.0.0.1", "localhost", "kubernetes.default.svc")
    own, own_key = issue_client(authority, place, "kube-apiserver", "system:masters")
    accounts, public = place / "sa.key", place / "sa.pub"
    subprocess.run(["openssl", "genrsa", "-out", accounts, "2048"], check=True, capture_output=True)
    subprocess.run(
        ["openssl", "rsa", "-in", accounts, "-pubout", "-out", public], check=True, capture_output=True
    )
    (place / "tokens.csv").write_text(f'{TOKEN},gateway,u-gateway,"system:masters"\n')
    (place / "policy.json").write_text(json.dumps(_POLICY))
    options = {
        "etcd-servers": f"http://127.0.0.1:{ports['etcd']}",
        "secure-port": ports["api"],
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "tls-cert-file": certificate,
        "tls-private-key-file": key,
        "client-ca-file": authority.certificate_path,
        "token-auth-file": place / "tokens.csv",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": public,
        "service-account-signing-key-file": accounts,
        "service-cluster-ip-range": "10.0.0.0/24",
        "authorization-mode": "RBAC",
        "kubelet-client-certificate": own,
        "kubelet-client-key": own_key,
        "kubelet-certificate-authority": authority.certificate_path,
        "kubelet-preferred-address-types": "InternalIP",
        "disable-admission-plugins": "ServiceAccount",
        "audit-policy-file": place / "policy.json",
        "audit-log-path": folder / "audit.log",
        "audit-log-mode": "blocking",
    }
    return [f"--{name}={value}" for name, value in options.items()]


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def _fill(client: httpx.Client, kubelet: int) -> None:
    """The objects that tests find."""
    for name in ("dev", "prod"):
        _post(client, "/api/v1/namespaces", {"metadata": {"name": name}})
    _post(client, "/api/v1/namespaces/dev/serviceaccounts", {"metadata": {"name": "gateway"}})
    for name in ("countersign:agents", "system:serviceaccounts:dev"):
        subject = {"kind": "Group", "name": name, "apiGroup": "rbac.authorization.k8s.io"}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
        binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
        _post(client, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
    _post(client, "/api/v1/nodes", {"metadata": {"name": "node-1"}})
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet}},
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    _patch(client, "/api/v1/nodes/node-1/status", {"status": status})
    for namespace, name in (("dev", "web"), ("dev", "other"), ("prod", "web")):
        pods = f"/api/v1/namespaces/{namespace}/pods"
        _post(client, pods, {**_POD, "metadata": {"name": name}})
        running = {"name": "app", "ready": True, "restartCount": 0, "image": "app:1", "imageID": "1"}
        running |= {"containerID": "c://1", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}
        ready = {
            "phase": "Running",
            "hostIP": "127.0.0.1",
            "podIP": "127.0.0.1",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [running],
        }
        _patch(client, f"{pods}/{name}/status", {"status": ready})
    for namespace in ("dev", "prod"):
        secret = {
            "metadata": {"name": "db"},
            "data": {"password": base64.b64encode(PASSWORD.encode()).decode()},
        }
        _post(client, f"/api/v1/namespaces/{namespace}/secrets", secret)
        settings = {"metadata": {"name": "settings"}, "data": {"contact": EMAIL, "colour": "blue"}}
        _post(client, f"/api/v1/namespaces/{namespace}/configmaps", settings)
        annotated = {"metadata": {"name": "annotated", "annotations": {"a": f"ask {EMAIL}"}}}
        _post(client, f"/api/v1/namespaces/{namespace}/configmaps", annotated)


def _post(client: httpx.Client, path: str, document: dict[str, Any]) -> None:
    answer = client.post(path, json=document)
    assert answer.status_code == 201, answer.text


def _patch(client: httpx.Client, path: str, document: dict[str, Any]) -> None:
    fields = {"content-type": "application/strategic-merge-patch+json"}
    answer = client.patch(path, content=json.dumps(document), headers=fields)
    assert answer.status_code == 200, answer.text


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
