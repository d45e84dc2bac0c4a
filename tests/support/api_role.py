"""The api role as a process of its own, without the rest of the gateway."""

import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import httpx
from support.builders import Someone, configuration, write_configuration
from support.processes import free_port, start, tail
from support.wait import block_until

_RUN = "import sys; from pathlib import Path; from api.main import run; from infra.config import load; "
_RUN += "sys.exit(run(load(Path(sys.argv[1]))))"


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
            base_url=self.url, headers={"Authorization": f"Bearer {someone.token}"}, timeout=30
        )


def start_api(folder: Path, bootstrap: str) -> Api:
    """The api role on a free port, listening."""
    port = free_port()
    config = write_configuration(
        folder,
        configuration(
            listen={"api": f"127.0.0.1:{port}"},
            resources=[],
            gateway={"kafka": {"bootstrap": bootstrap}},
        ),
        {},
    )
    log = folder / "api.log"
    process = start([sys.executable, "-P", "-c", _RUN, str(config)], log, cwd=folder)
    api = Api(f"http://127.0.0.1:{port}", config, folder / "state", log, process)
    block_until(lambda: process.poll() is not None or _answers(api), seconds=30, what="the API")
    assert process.poll() is None, tail(log)
    return api


def _answers(api: Api) -> bool:
    try:
        return httpx.get(f"{api.url}/healthz").is_success
    except httpx.TransportError:
        return False
