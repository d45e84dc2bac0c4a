"""curl, as a person uses it, through the whole product."""

import asyncio
import json
from pathlib import Path
from typing import Any

from support.builders import AGENT
from support.gateway import Gateway
from support.web_api import PIN, WebApi


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
            "pin": PIN,  # no detector knows it, and here no field is sensitive
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


async def test_a_body_that_waits_for_100_continue(gateway: Gateway, tmp_path: Path) -> None:
    """curl says Expect: 100-continue before a long body, and waits a second for the word to go on."""
    path = tmp_path / "body"
    path.write_bytes(b"x" * 3_000_000)
    status, body = await curl(
        gateway, "/open/upload", "-X", "POST", "-T", str(path), "-H", "Expect: 100-continue"
    )
    assert (status, json.loads(body)["size"]) == (200, 3_000_000)


async def test_http_1_0(gateway: Gateway) -> None:
    assert (await curl(gateway, "/open/v1/customers", "--http1.0"))[0] == 200


async def test_several_requests_on_one_connection(gateway: Gateway) -> None:
    url = f"http://{gateway.listen['http']}/open/v1/customers"
    _, said = await curl(gateway, "/open/v1/customers", "-v", "--stderr", "-", url, url)
    assert said.count("Jane Doe") == 3
    assert said.count("Re-using existing connection") == 2


async def test_head_and_an_answer_without_a_body(gateway: Gateway) -> None:
    assert await curl(gateway, "/open/v1/customers", "--head", "-o", "/dev/null") == (405, "")
    assert await curl(gateway, "/open/v1/orders/9", "-X", "DELETE", "-H", "X-Countersign-Reason: x") == (
        204,
        "",
    )
