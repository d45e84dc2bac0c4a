"""Agents without a secret of the gateway's: a token that Keycloak issued to them is the password."""

import base64
import json

import asyncpg
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from joserfc import jwt
from joserfc.jwk import RSAKey
from support.builders import AGENT, Someone
from support.gateway import Gateway
from support.issuer import part, signed_by_secret
from support.keycloak import Keycloak
from support.wait import eventually

AGENT_8 = Someone("agent-8", "agent", ("agents",))

# Keycloak is fetched and set up once, and started once for all of them.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("identity")]


async def connect(gateway: Gateway, token: str, someone: Someone = AGENT) -> asyncpg.Connection:
    """As `someone`, with this token as the password."""
    return await asyncpg.connect(
        host="127.0.0.1",
        port=int(gateway.listen["postgres"].rpartition(":")[2]),
        user=someone.name,
        password=token,
        database="orders",
        ssl=gateway.tls,
    )


async def me(gateway: Gateway, token: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.api_url) as client:
        return await client.get("/api/me", headers={"Authorization": f"Bearer {token}"})


async def test_its_token_is_the_password_and_the_bearer(gateway: Gateway, keycloak: Keycloak) -> None:
    token = keycloak.of_service("agent-7")

    connection = await connect(gateway, token)
    assert await connection.fetchval("select count(*) from customers") > 0
    await connection.close()

    assert (await me(gateway, token)).json() == {
        "name": "agent-7",
        "kind": "agent",
        "groups": ["agents"],
        "acts_for": "",
    }
    (session,) = await eventually(
        lambda: gateway.audit("select * from sessions where sign_in = 'federated' and principal = 'agent-7'"),
        what="the session in the audit log",
    )
    assert session["token"].startswith(keycloak.issuer)


@pytest.mark.parametrize("service", ["agent-9", "agent-elsewhere"])
async def test_another_services_and_another_audiences_token_is_refused(
    gateway: Gateway, keycloak: Keycloak, service: str
) -> None:
    token = keycloak.of_service(service)

    answer = await me(gateway, token)

    assert answer.status_code == 401
    assert ("no entry of identity.federated" in answer.text) == (service == "agent-9")
    assert ("issuer for this audience" in answer.text) == (service == "agent-elsewhere")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(gateway, token)


async def test_nobody_is_another_by_it(gateway: Gateway, keycloak: Keycloak) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(gateway, keycloak.of_service("agent-7"), AGENT_8)


async def test_an_id_token_of_another_application_is_no_credential(
    gateway: Gateway, keycloak: Keycloak
) -> None:
    assert (await me(gateway, keycloak.of_person("alice")["id_token"])).status_code == 401


async def test_a_persons_access_token_for_the_gateways_audience_is_one(
    gateway: Gateway, keycloak: Keycloak
) -> None:
    said = (await me(gateway, keycloak.of_person("alice")["access_token"])).json()

    assert (said["name"], said["kind"], said["groups"]) == ("alice", "person", ["dba"])


@pytest.mark.parametrize("how", ["none", "HS256", "tampered", "claims", "other key", "own key in the header"])
async def test_a_forged_token_is_refused(gateway: Gateway, keycloak: Keycloak, how: str) -> None:
    token = keycloak.of_service("agent-7")
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    named = json.loads(base64.urlsafe_b64decode(header + "=="))
    mine = RSAKey.import_key(
        generate_private_key(65537, 2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    match how:
        case "none":
            forged = f"{part({'alg': 'none', 'typ': 'JWT'})}.{payload}."
        case "HS256":  # the public key, which everybody has, taken for a secret
            (key,) = [key for key in keycloak.published_keys() if key["kid"] == named["kid"]]
            forged = signed_by_secret(RSAKey.import_key(key).as_pem(private=False), named["kid"], claims)
        case "tampered":
            forged = (
                f"{header}.{payload}.{signature[:9]}{'A' if signature[9] != 'A' else 'B'}{signature[10:]}"
            )
        case "claims":
            forged = f"{header}.{part({**claims, 'azp': 'agent-8'})}.{signature}"
        case "other key":
            forged = jwt.encode({"alg": "RS256", "kid": named["kid"]}, claims, mine)
        case _:
            jwk = mine.as_dict(private=False)
            forged = jwt.encode({"alg": "RS256", "kid": "mine", "jwk": jwk}, claims, mine)

    assert (await me(gateway, forged)).status_code == 401
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect(gateway, forged)


async def test_its_session_ends_with_its_token(gateway: Gateway, keycloak: Keycloak) -> None:
    brief = Someone("agent-brief", "agent", ("agents",))
    connection = await connect(gateway, keycloak.of_service("agent-brief"), brief)
    assert await connection.fetchval("select 1") == 1

    await eventually(connection.is_closed, seconds=15, what="the end of the session")

    (session,) = await eventually(
        lambda: gateway.audit("select * from sessions where principal = 'agent-brief' and state = 'closed'"),
        what="the end in the audit log",
    )
    assert session["close_reason"] == "the token has expired: sign in again"


async def test_keys_are_replaced(gateway: Gateway, keycloak: Keycloak) -> None:
    before = keycloak.of_service("agent-7")
    assert (await me(gateway, before)).status_code == 200

    with keycloak.newer_key():
        after = keycloak.of_service("agent-7")
        assert before.split(".")[0] != after.split(".")[0]

        # A key that is not known is asked for at most every few seconds.
        await eventually(lambda: _is_let_in(gateway, after), seconds=15, every=0.5, what="the new key")
        assert (await me(gateway, before)).status_code == 200


async def _is_let_in(gateway: Gateway, token: str) -> bool:
    return (await me(gateway, token)).status_code == 200
