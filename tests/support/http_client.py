"""An httpx client through the gateway, and requests that wait for a reviewer."""

import httpx
from support.builders import AGENT, Someone
from support.gateway import Gateway
from support.wait import eventually

OTHER = Someone("agent-8", "agent", ("agents",))  # a second agent


def http_client(gateway: Gateway, someone: Someone = AGENT) -> httpx.AsyncClient:
    """Signed in, to the gateway's HTTP listener. Use it with `async with`."""
    return httpx.AsyncClient(
        base_url=f"http://{gateway.listen['http']}",
        headers={"Authorization": f"Bearer {someone.token}"},
        timeout=30,
        trust_env=False,
    )


async def pending_approval(gateway: Gateway, reviewer: Someone, text: str) -> str:
    """The approval of the command with this in its text, once it waits."""
    async with gateway.api(reviewer) as api:

        async def found() -> str | None:
            inbox = (await api.get("/api/approvals", params={"state": "pending"})).json()
            return next((one["id"] for one in inbox if text in one["command"]), None)

        return await eventually(found, what=f"an approval of {text!r}")
