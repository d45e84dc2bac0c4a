"""The whole product as processes: `countersign up` on free ports in a folder of its own."""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from support.builders import AGENT, AUDREY, Document, Someone, write_configuration
from support.postgres import PASSWORD
from support.processes import start, stop, tail
from support.psql import psql_environment
from support.wait import block_until

_READY = re.compile(r"^\W*ready\b", re.MULTILINE)
# The rest is for the one download: how this machine reaches the network.
_NETWORK = ("HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
_KEPT = ("PATH", "HOME", "COUNTERSIGN_CACHE", *_NETWORK)
LISTENERS = ("api", "clickhouse", "postgres", "ssh", "http", "kubernetes")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that is ready; addresses are "127.0.0.1:port"."""

    folder: Path
    config: Path
    process: "subprocess.Popen[bytes]"
    log: Path  # of `countersign up`; each role's is `state/log/ROLE.log`
    listen: Mapping[str, str]

    @property
    def ca(self) -> Path:
        return self.folder / "state" / "tls" / "ca.crt"

    @property
    def tls(self) -> ssl.SSLContext:
        """What trusts the gateway's own CA."""
        return ssl.create_default_context(cafile=self.ca)

    @property
    def api_url(self) -> str:
        return f"http://{self.listen['api']}"

    @property
    def psql_environment(self) -> dict[str, str]:
        return psql_environment(self.folder, self.ca)

    def conninfo(self, resource: str, someone: Someone = AGENT, token: str | None = None) -> str:
        """What psql, asyncpg and psycopg connect with, over TLS and verified."""
        password = token if token is not None else someone.token
        return (
            f"postgresql://{someone.name}:{password}@{self.listen['postgres']}/{resource}"
            f"?sslmode=verify-full&sslrootcert={self.ca}"
        )

    def api(self, someone: Someone) -> httpx.AsyncClient:
        """A client of the decision API, signed in. Use it with `async with`."""
        return httpx.AsyncClient(
            base_url=self.api_url, headers={"Authorization": f"Bearer {someone.token}"}, timeout=30
        )

    def audit(self, sql: str, someone: Someone = AUDREY) -> list[dict[str, Any]]:
        """The rows that ClickHouse answers an auditor, by its own HTTP interface."""
        return [json.loads(line) for line in self.audit_text(sql, someone, "JSONEachRow").splitlines()]

    def audit_text(self, sql: str, someone: Someone = AUDREY, format: str = "TSVRaw") -> str:
        """Likewise, as text in one of ClickHouse's formats."""
        answer = httpx.post(
            f"http://{self.listen['clickhouse']}/",
            params={"database": "countersign", "default_format": format},
            content=sql,
            auth=(someone.name, someone.token),
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return answer.text

    def logs(self, lines: int = 40) -> str:
        """The end of every log, for a test that failed."""
        paths = [self.log, *sorted((self.folder / "state" / "log").glob("*.log"))]
        return "\n".join(f"--- {path.name}\n{tail(path, lines)}" for path in paths)


def countersign(*arguments: str) -> list[str]:
    """The command line of our own command, as the supervisor starts it."""
    return [sys.executable, "-P", "-m", "api.cli", *arguments]


@contextmanager
def running_gateway(
    folder: Path, document: Callable[[Mapping[str, str]], Document], *, seconds: float = 120
) -> Iterator[Gateway]:
    """`countersign up` in `folder`, ready. `document`: from the listen section to the configuration."""
    listen = _free_addresses()
    config = write_configuration(folder, document(listen), {"app.password": PASSWORD})
    log = folder / "up.log"
    log.unlink(missing_ok=True)  # an earlier run in this folder was ready once
    process = start(countersign("up", "--config", str(config)), log, cwd=folder, env=_environment(folder))
    gateway = Gateway(folder, config, process, log, listen)
    try:
        block_until(lambda: process.poll() is not None or _is_ready(log), seconds=seconds, what="ready")
        assert process.poll() is None, f"`countersign up` ended\n{gateway.logs()}"
        yield gateway
    finally:
        stop(process, seconds=60)


def _free_addresses() -> dict[str, str]:
    with ExitStack() as held:
        sockets = {name: held.enter_context(socket.socket()) for name in LISTENERS}
        for probe in sockets.values():
            probe.bind(("127.0.0.1", 0))
        return {name: f"127.0.0.1:{probe.getsockname()[1]}" for name, probe in sockets.items()}


def _is_ready(log: Path) -> bool:
    return log.exists() and _READY.search(log.read_text(errors="replace")) is not None


def _environment(folder: Path) -> dict[str, str]:
    """What a service would have: no terminal, and our caches, so that Kafka is not downloaded again."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
