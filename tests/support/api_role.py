"""The api role as a process of its own, without the rest of the gateway."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import httpx
from support.builders import Document, Someone, configuration, write_configuration
from support.gateway import countersign
from support.processes import free_port, start, tail
from support.wait import block_until


@dataclass(frozen=True, slots=True)
class Api:
    """A running api role."""

    url: str
    config: Path
    state: Path
    log: Path
    process: "Popen[bytes]"

    def client(self, someone: Someone) -> httpx.AsyncClient:
        """Signed in by a bearer token. Use it with `async with`."""
        return httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"Bearer {someone.token}"},
            timeout=30,
            verify=self.tls,
        )

    @property
    def tls(self) -> ssl.SSLContext | bool:
        """What trusts the gateway's own CA; made at its first start over TLS."""
        ca = self.state / "tls" / "ca.crt"
        return ssl.create_default_context(cafile=ca) if ca.exists() else True

    def answers(self, path: str) -> bool:
        """Whether this path is answered with success."""
        try:
            return httpx.get(self.url + path, verify=self.tls).is_success
        except httpx.TransportError:
            return False


def start_api(
    folder: Path,
    bootstrap: str,
    *,
    host: str = "127.0.0.1",
    scheme: str = "http",
    port: int = 0,
    more: Document | None = None,
) -> Api:
    """The api role, listening; on a free port unless one is named. `more`: sections of its configuration."""
    port = port or free_port()
    config = write_configuration(
        folder,
        {
            **configuration(
                listen={"api": f"{host}:{port}"}, resources=[], gateway={"kafka": {"bootstrap": bootstrap}}
            ),
            **(more or {}),
        },
        {},
    )
    log = folder / "api.log"
    process = start(countersign("api", "--config", str(config)), log, cwd=folder)
    api = Api(f"{scheme}://127.0.0.1:{port}", config, folder / "state", log, process)
    block_until(lambda: process.poll() is not None or api.answers("/healthz"), seconds=60, what="the API")
    assert process.poll() is None, tail(log)
    return api
