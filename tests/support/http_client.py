"""An httpx client through the gateway, and requests that wait for a reviewer."""

import ssl

import httpx
from support.builders import AGENT, Someone
from support.gateway import Gateway
from support.wait import eventually

_NO_CAS = ssl.SSLContext(
    ssl.PROTOCOL_TLS_CLIENT
)  # it speaks plainly: the system's need not be read each time
OTHER = Someone("agent-8", "agent", ("agents",))  # a second agent


def http_client(gateway: Gateway, someone: Someone = AGENT) -> httpx.AsyncClient:
    """Signed in, to the gateway's HTTP listener. Use it with `async with`."""
    return httpx.AsyncClient(
        base_url=f"http://{gateway.listen['http']}",
        headers={"Authorization": f"Bearer {someone.token}"},
        timeout=60,
        trust_env=False,
        verify=_NO_CAS,
    )


async def pending_approval(gateway: Gateway, reviewer: Someone, text: str) -> str:
    """The approval of the command with this in its text, once it waits."""
    async with gateway.api(reviewer) as api:

        async def found() -> str | None:
            inbox = (await api.get("/api/approvals", params={"state": "pending"})).json()
            return next((one["id"] for one in inbox if text in one["command"]), None)

        return await eventually(found, what=f"an approval of {text!r}")
