"""Somebody who signs in: their browser at the gateway's page, and what `countersign login` shows them."""

import asyncio

import httpx
from support.gateway import Gateway


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
