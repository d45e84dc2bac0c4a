"""An API, two hosts and a cluster, and one gateway before them all: what is not PostgreSQL."""

import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import asyncssh
from support.builders import AGENT, DANA, Document, configuration
from support.cluster import TOKEN, Cluster
from support.gateway import Gateway, running_gateway
from support.processes import free_port, start, stop
from support.small_cluster import running_small_cluster
from support.sshd import Sshd, running_sshd
from support.wait import block_until

_DETECT = ["email", "card_number"]


Connecting: TypeAlias = AbstractAsyncContextManager[asyncssh.SSHClientConnection]


@dataclass(frozen=True, slots=True)
class Targets:
    """`api`: its origin. `host`: the port of one that serves files by asyncssh, so that the same program is
    at both ends of the gateway; it has the keys of `sshd`.

    Resources are `plain`, `detected`, `host`, `sshd`, `sshd-detected`, `cluster` and `cluster-detected`, and
    the rules allow everything on them.
    """

    gateway: Gateway
    api: str
    host: int
    sshd: Sshd
    cluster: Cluster

    def ssh(self, resource: str) -> Any:
        """Through the gateway: awaited, or used with `async with`."""
        port = int(self.gateway.listen["ssh"].rpartition(":")[2])
        return _ssh(port, username=f"{AGENT.name}:{resource}", password=AGENT.token, client_keys=None)

    def ssh_past(self, port: int) -> Any:
        """Directly."""
        user = self.sshd.resource("")["credentials"]["user"]
        return _ssh(port, username=user, client_keys=[self.sshd.private_key])


def _ssh(port: int, **sign_in: Any) -> Any:
    return asyncssh.connect("127.0.0.1", port, known_hosts=None, config=None, **sign_in)


@contextmanager
def running_targets(folder: Path) -> Iterator[Targets]:
    """All of them, until the end of the block."""
    with ExitStack() as stack:
        sshd = stack.enter_context(running_sshd())
        cluster = stack.enter_context(running_small_cluster(folder))
        api = f"http://127.0.0.1:{stack.enter_context(_upstream(folder, 'api'))}"
        port = stack.enter_context(_upstream(folder, "host", str(sshd.folder)))
        (folder / "cluster.token").write_text(TOKEN)

        def document(listen: Mapping[str, str]) -> Document:
            detect: Document = {"sensitive": {"detect": _DETECT}}
            clear: Document = {"sensitive": {"detect": []}}
            resources = [
                {"name": "plain", "protocol": "http", "address": api},
                {"name": "detected", "protocol": "http", "address": api, **detect},
                {**sshd.resource("host", shells="recorded", **clear), "address": f"127.0.0.1:{port}"},
                sshd.resource("sshd", shells="recorded", **clear),
                sshd.resource("sshd-detected", shells="recorded", **detect),
                _cluster("cluster", cluster, **clear),
                _cluster("cluster-detected", cluster, **detect),
            ]
            rules = [{"name": "measured", "when": {"users": [AGENT.name]}, "verdict": "allow"}]
            return configuration(listen=listen, resources=resources, policies=rules, users=(AGENT, DANA))

        gateway = stack.enter_context(running_gateway(folder, document))
        yield Targets(gateway, api, port, sshd, cluster)


def _cluster(name: str, cluster: Cluster, **more: object) -> Document:
    credentials = {"token": {"file": "cluster.token"}}
    given: Document = {"address": cluster.origin, "ca": {"file": str(cluster.ca)}, "credentials": credentials}
    return {"name": name, "protocol": "kubernetes", "shells": "recorded", **given, **more}


@contextmanager
def _upstream(folder: Path, kind: str, *more: str) -> Iterator[int]:
    """Its port."""
    port = free_port()
    process = start([sys.executable, "-m", "bench.upstream", kind, str(port), *more], folder / f"{kind}.log")
    try:
        block_until(lambda: _listens(port), what=f"the {kind} of the measurements")
        yield port
    finally:
        stop(process)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
