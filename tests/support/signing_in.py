"""Somebody who signs in: their browser at the gateway's page, and what `countersign login` shows them."""

import asyncio
from pathlib import Path

import httpx
from support.command_line import Ran, run_command, start_command
from support.gateway import Gateway
from support.keycloak import Keycloak

_SECONDS = 90


class Browser:
    """A browser at the gateway's page. It keeps the cookies; the identity provider's own are apart."""

    def __init__(self, gateway: Gateway) -> None:
        self.client = httpx.Client(base_url=gateway.api_url, timeout=30)

    def begin(self, path: str = "/sign-in/begin") -> str:
        """Where the gateway sends it."""
        answer = self.client.get(path, params={"next": "/history"})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def page(self, path: str) -> httpx.Response:
        return self.client.get(path)


async def shown_link(process: asyncio.subprocess.Process) -> str:
    """The link that a terminal's `countersign login` shows."""
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        if line.strip().startswith("http"):
            return line.strip()
    raise AssertionError((await process.communicate())[1].decode())


class Terminal:
    """Somebody's terminal, with a home of its own."""

    def __init__(self, gateway: Gateway, folder: Path) -> None:
        self.folder = folder
        self.gateway = gateway
        self.variables = {
            "XDG_CONFIG_HOME": str(folder / "config"),
            "COUNTERSIGN_URL": gateway.api_url,
            "PATH": "/usr/bin:/bin",
        }

    @property
    def kept(self) -> Path:
        return self.folder / "config" / "countersign" / "credentials.json"

    async def run(self, *arguments: str) -> Ran:
        return await run_command(self.folder, *arguments, seconds=_SECONDS, **self.variables)

    async def login(self, keycloak: Keycloak, name: str) -> None:
        process = await start_command(self.folder, "login", **self.variables)
        link = await shown_link(process)
        keycloak.sign_in(link, name)
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        assert f"as {name}" in out.decode()
