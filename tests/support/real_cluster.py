"""A real cluster for one test session: kube-apiserver, etcd, and a stub kubelet that runs what is exec'd as
commands of this machine. There is no controller: what is created stays as it was created.
"""

import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from support.certificates import Authority, issue, issue_client, make_authority
from support.cluster import LOG, OURS, TOKEN, Cluster, Request, objects
from support.cluster_build import programs
from support.processes import free_port, start, stop, tail
from support.wait import block_until

_SECONDS = 90  # to start, on a machine that is busy with other tests
_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}


@contextmanager
def running_real_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster of its own in `folder`."""
    built = programs()
    authority = make_authority(folder)
    ports = {name: free_port() for name in ("etcd", "peer", "api", "kubelet", "forwarded")}
    with _etcd(built, folder, ports), _kubelet(built, folder, authority, ports):
        log = folder / "kube-apiserver.log"
        process = start([str(built / "apiserver"), *_options(folder, authority, ports)], log, cwd=folder)
        try:
            origin = f"https://127.0.0.1:{ports['api']}"
            tls = ssl.create_default_context(cafile=authority.certificate_path)
            headers = {"Authorization": f"Bearer {TOKEN}", "User-Agent": OURS}
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
                audit = folder / "audit.log"
                yield Cluster(
                    origin,
                    authority.certificate_path,
                    client,
                    lambda: _seen(audit.read_text()),
                    ports["forwarded"],
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
def _kubelet(built: Path, folder: Path, authority: Authority, ports: dict[str, int]) -> Iterator[None]:
    place = folder / "kubelet"
    place.mkdir()
    certificate, key = issue(authority, place, "127.0.0.1")
    (place / "log.txt").write_text(LOG)
    command = [str(built / "stubkubelet"), "-listen", f"127.0.0.1:{ports['kubelet']}"]
    command += ["-tls-cert-file", str(certificate), "-tls-private-key-file", str(key)]
    command += ["-client-ca-file", str(authority.certificate_path), "-log-file", str(place / "log.txt")]
    command += ["-forward-to", f"127.0.0.1:{ports['forwarded']}"]
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
    for path, document in objects(kubelet):
        answer = client.post(path, json=document)
        assert answer.status_code == 201, answer.text
        if "status" in document:
            fields = {"content-type": "application/merge-patch+json"}
            place = f"{path}/{document['metadata']['name']}/status"
            answer = client.patch(place, content=json.dumps({"status": document["status"]}), headers=fields)
            assert answer.status_code == 200, answer.text


def _seen(log: str) -> list[Request]:
    """What the cluster's own audit log has of others than the tests and its own parts."""
    found = {}  # by request: it is logged when it came, and again when it was answered
    for one in map(json.loads, log.splitlines()):
        if not one.get("userAgent", "").startswith((OURS, "apiserver/")):
            user = one.get("impersonatedUser") or one["user"]
            found[one["auditID"]] = Request(
                one["verb"], one["requestURI"], user["username"], tuple(user.get("groups", ()))
            )
    return list(found.values())
