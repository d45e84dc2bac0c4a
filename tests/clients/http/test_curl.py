"""curl, as a person uses it, through the whole product."""

import asyncio
import json
from typing import Any

from support.builders import AGENT
from support.gateway import Gateway
from support.web_api import WebApi


async def curl(gateway: Gateway, path: str, *arguments: str, token: str = AGENT.token) -> tuple[int, str]:
    """The status and the body of one request."""
    process = await asyncio.create_subprocess_exec(
        *("curl", "-s", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {token}", *arguments),
        f"http://{gateway.listen['http']}{path}",
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    body, _, status = out.decode().rpartition("\n")
    return int(status), body


async def test_a_read_is_masked(gateway: Gateway) -> None:
    status, body = await curl(gateway, "/shop/v1/customers/1")
    assert status == 200
    assert json.loads(body) == {
        "customer": {
            "id": 1,
            "name": "Jane Doe",
            "email": "j***@example.com",
            "card": "************1111",
        },
        "note": "call j***@example.com, card ************1111",
    }


async def test_the_target_sees_the_gateways_credential_and_never_the_callers(
    gateway: Gateway, web_api: WebApi
) -> None:
    web_api.reset()
    status, _ = await curl(
        gateway, "/open/v1/customers/1?x=1", "-H", "Cookie: a=b", "-H", "X-Forwarded-For: 1.2.3.4"
    )
    assert status == 200
    (seen,) = web_api.seen()
    headers: dict[str, Any] = dict(seen["headers"])
    assert headers["authorization"] == "Bearer the-api-credential-of-the-gateway"
    assert headers["host"] == web_api.origin.removeprefix("http://")
    assert AGENT.token not in json.dumps(seen)
    assert "cookie" not in headers
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert (seen["path"], seen["query"]) == ("/v1/customers/1", "x=1")
