"""How the gateway meets APIs: its credentials of every kind, TLS, and APIs that are not there."""

import base64
import hmac
from hashlib import sha256
from typing import Any

import pytest
from support.gateway import Gateway
from support.http_client import http_client
from support.wait import eventually
from support.web_api import WebApi


@pytest.mark.parametrize(
    ("resource", "name", "value"),
    [
        ("open", "authorization", "Bearer the-api-credential-of-the-gateway"),
        (
            "basic",
            "authorization",
            "Basic " + base64.b64encode(b"me:the-api-credential-of-the-gateway").decode(),
        ),
        ("key", "x-api-key", "the-api-credential-of-the-gateway"),
        ("bare", "authorization", None),
    ],
)
async def test_its_credential(
    resource: str, name: str, value: str | None, gateway: Gateway, web_api: WebApi
) -> None:
    web_api.reset()
    async with http_client(gateway) as client:
        answer = await client.get(f"/{resource}/echo", headers={"X-Api-Key": "mine"})
    (seen,) = web_api.seen()
    found = [found for key, found in seen["headers"] if key == name]
    assert found == ([value] if value is not None else [])
    assert value is None or value.split(" ")[-1] not in answer.text


async def test_an_api_that_needs_authorization_itself(gateway: Gateway, web_api: WebApi) -> None:
    web_api.reset()
    async with http_client(gateway) as client:
        token = client.headers.pop("authorization").removeprefix("Bearer ")
        await client.get("/bare/echo", headers={"X-Countersign-Token": token, "Authorization": "Own words"})
    (seen,) = web_api.seen()
    headers: dict[str, Any] = dict(seen["headers"])
    assert headers["authorization"] == "Own words"
    assert "x-countersign-token" not in headers


async def test_a_token_by_client_credentials_is_used_until_it_expires(
    gateway: Gateway, web_api: WebApi
) -> None:
    web_api.reset()
    async with http_client(gateway) as client:
        answers = [await client.get("/oauth/echo") for _ in range(3)]
    calls = [one for one in web_api.seen() if one["path"] == "/echo"]
    tokens = {dict(one["headers"])["authorization"] for one in calls}
    assert len(tokens) == 1
    assert tokens.pop().startswith("Bearer granted-token-")
    assert sum(one["path"] == "/token" for one in web_api.seen()) <= 1
    assert not any("granted-token" in answer.text for answer in answers)


async def test_over_tls_the_certificate_is_verified(gateway: Gateway) -> None:
    async with http_client(gateway) as client:
        trusted = await client.get("/tls/v1/customers")
        distrusted = await client.get("/distrusted/v1/customers")
    assert trusted.status_code == 200
    assert distrusted.status_code == 502
    assert "certificate is not trusted" in distrusted.json()["detail"]


async def test_an_api_that_is_not_there(gateway: Gateway) -> None:
    async with http_client(gateway) as client:
        answer = await client.post("/gone/x?not=there", json={})
        assert answer.status_code == 502
        assert "Nothing was executed" in answer.json()["hint"]

    def recorded() -> bool:
        rows = gateway.audit("select outcome from commands where text like '%not=there'")
        return [row["outcome"] for row in rows] == ["abandoned"]

    await eventually(recorded, what="the command abandoned")


async def test_an_api_that_knows_its_clients_by_certificate(gateway: Gateway) -> None:
    async with http_client(gateway) as client:
        assert (await client.get("/tls/v1/customers/1")).status_code == 200
        refused = await client.get("/nobody/v1/customers/1")
    assert refused.status_code == 502


async def test_a_signature_of_aws_is_made_last_and_never_shown(gateway: Gateway, web_api: WebApi) -> None:
    web_api.reset()
    async with http_client(gateway) as client:
        answer = await client.post("/aws/echo?b=2&a=1", json={"n": 1}, headers={"X-Amz-Date": "mine"})
        long = await client.post("/aws/upload", content=b"x" * 2_000_000)
    (seen,) = web_api.seen()
    headers = dict(seen["headers"])
    host = web_api.origin.removeprefix("http://")
    date = headers["x-amz-date"]
    canonical = "\n".join(
        [
            *("POST", "/echo", "a=1&b=2", "content-type:application/json", f"host:{host}"),
            *(f"x-amz-date:{date}", "", "content-type;host;x-amz-date", sha256(b'{"n":1}').hexdigest()),
        ]
    )
    scope = f"{date[:8]}/eu-central-1/execute-api/aws4_request"
    key = b"AWS4the-api-credential-of-the-gateway"
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    wanted = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(key, wanted.encode(), "sha256").hex()
    assert headers["authorization"].endswith(f"Signature={signature}")
    assert signature not in answer.text
    assert long.status_code == 413


async def test_an_encoded_slash_is_kept_where_its_api_keeps_it(gateway: Gateway, web_api: WebApi) -> None:
    web_api.reset()
    async with http_client(gateway) as client:
        kept = await client.get("/gitlab/projects/group%2Fproject")
        hidden = await client.get("/gitlab/projects/secret%2Fproject")
        refused = await client.get("/open/projects/group%2Fproject")
    assert (kept.status_code, hidden.status_code, refused.status_code) == (200, 403, 400)
    assert [one["path"] for one in web_api.seen()] == ["/projects/group%2Fproject"]
    assert hidden.json()["rule"] == "not theirs"
