"""Tokens of the gateway: what they are given for, where they count, and how they end."""

import asyncio
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from support.builders import AGENT, AUDREY, DANA, ERIN, Someone
from support.command_line import run_command
from support.gateway import Gateway
from support.keycloak import Keycloak
from support.wait import eventually

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
AT_ONCE = 2.0  # seconds

# Keycloak is fetched and set up once, and started once for all of them.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("identity")]


async def exchange(gateway: Gateway, subject: str, actor: str = "") -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.api_url) as client:
        form = {"grant_type": EXCHANGE, "subject_token": subject, "actor_token": actor}
        return await client.post("/api/token", data=form)


async def token_of(gateway: Gateway, someone: Someone) -> dict[str, Any]:
    answer = await exchange(gateway, someone.token)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def connect(gateway: Gateway, name: str, token: str) -> asyncpg.Connection:
    port = int(gateway.listen["postgres"].rpartition(":")[2])
    return await asyncpg.connect(
        host="127.0.0.1", port=port, user=name, password=token, database="orders", ssl=gateway.tls
    )


async def status(gateway: Gateway, token: str) -> int:
    async with httpx.AsyncClient(base_url=gateway.api_url) as client:
        return (await client.get("/api/me", headers={"Authorization": f"Bearer {token}"})).status_code


async def test_it_is_a_password_and_a_bearer_token_for_an_hour(gateway: Gateway) -> None:
    given = await token_of(gateway, AGENT)

    assert given["token_type"] == "Bearer"
    assert 3590 <= given["expires_in"] <= 3600
    connection = await connect(gateway, "agent-7", given["access_token"])
    assert await connection.fetchval("select 1") == 1
    await connection.close()
    assert await status(gateway, given["access_token"]) == 200
    assert await status(gateway, f"agent-7:{given['access_token']}") == 200
    assert await status(gateway, f"dana:{given['access_token']}") == 401

    issued = await eventually(
        lambda: gateway.audit(
            f"select payload from events where type = 'TokenIssued' and payload like '%{given['token_id']}%'"
        ),
        what="the event",
    )
    assert given["access_token"] not in issued[0]["payload"]


async def test_a_revoked_token_ends_its_sessions_at_once_and_no_others(gateway: Gateway) -> None:
    given, other = await token_of(gateway, AGENT), await token_of(gateway, AGENT)
    ended = await connect(gateway, "agent-7", given["access_token"])
    stays = await connect(gateway, "agent-7", other["access_token"])
    running = asyncio.create_task(ended.fetchval("select count(*) from customers"))
    await running

    async with gateway.api(AUDREY) as administrator:
        body = {"principal": "agent-7", "token": given["token_id"], "reason": "it was in a chat"}
        assert (await administrator.post("/api/revocations", json=body)).status_code == 200
    revoked_at = time.monotonic()

    await eventually(ended.is_closed, seconds=AT_ONCE, what="the end of the session")
    await eventually(lambda: _is_refused(gateway, given["access_token"]), seconds=AT_ONCE, what="refusal")
    assert time.monotonic() - revoked_at < AT_ONCE
    with pytest.raises(asyncpg.InvalidPasswordError, match="revoked"):
        await connect(gateway, "agent-7", given["access_token"])
    assert await stays.fetchval("select 1") == 1
    assert await status(gateway, other["access_token"]) == 200
    await stays.close()


async def test_all_of_a_principal_ends_also_what_a_configured_token_opened(gateway: Gateway) -> None:
    given = await token_of(gateway, ERIN)
    by_token = await connect(gateway, "erin", given["access_token"])
    by_hash = await connect(gateway, "erin", ERIN.token)

    async with gateway.api(AUDREY) as administrator:
        assert (await administrator.post("/api/revocations", json={"principal": "erin"})).is_success

    for session in (by_token, by_hash):
        await eventually(session.is_closed, seconds=AT_ONCE, what="the end of the session")
    await eventually(lambda: _is_refused(gateway, given["access_token"]), seconds=AT_ONCE, what="refusal")
    # Who the configuration still has may come in again: that is the configuration's to say.
    assert (await exchange(gateway, ERIN.token)).status_code == 200


async def test_only_its_own_principal_and_administrators_revoke(gateway: Gateway) -> None:
    async with gateway.api(DANA) as dana, gateway.api(AGENT) as agent:
        for client in (dana, agent):
            refused = await client.post("/api/revocations", json={"principal": "audrey"})
            assert refused.status_code == 403
        given = await token_of(gateway, DANA)
        assert (await dana.post("/api/revoke", data={"token": given["access_token"]})).status_code == 200
    await eventually(lambda: _is_refused(gateway, given["access_token"]), seconds=AT_ONCE, what="refusal")


async def test_an_agent_acts_for_a_person_who_cannot_review_it(gateway: Gateway, keycloak: Keycloak) -> None:
    answer = await exchange(gateway, DANA.token, keycloak.of_service("agent-8"))
    assert answer.status_code == 200, answer.text
    given = answer.json()
    assert (given["principal"], given["kind"], given["acts_for"]) == ("agent-8", "agent", "dana")

    connection = await connect(gateway, "agent-8", given["access_token"])
    held = asyncio.create_task(connection.execute("update orders set note = note where id = 7"))
    async with gateway.api(DANA) as dana, gateway.api(ERIN) as erin:
        waiting = await eventually(lambda: _waiting(dana, "agent-8"), what="the approval")
        assert not waiting["can_decide"]
        assert waiting["acts_for"] == "dana"
        assert "acts for you" in waiting["cannot_decide_because"]
        refused = await dana.post(f"/api/approvals/{waiting['id']}/approve")
        assert refused.status_code == 403
        assert (await erin.post(f"/api/approvals/{waiting['id']}/approve")).status_code == 200
    assert await held == "UPDATE 1"
    await connection.close()

    (command,) = await eventually(
        lambda: gateway.audit("select * from commands where acts_for = 'dana' and outcome = 'succeeded'"),
        what="the command in the audit log",
    )
    assert command["principal"] == "agent-8"


async def test_what_a_person_is_kept_from_an_agent_acting_for_them_is_too(
    gateway: Gateway, keycloak: Keycloak
) -> None:
    bob = keycloak.of_person("bob")["access_token"]
    given = (await exchange(gateway, bob, keycloak.of_service("agent-8"))).json()

    connection = await connect(gateway, "agent-8", given["access_token"])
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="nobody in quarantine"):
        await connection.fetchval("select 1")
    await connection.close()


async def test_revoking_the_person_ends_who_acts_for_them(gateway: Gateway, keycloak: Keycloak) -> None:
    given = (await exchange(gateway, DANA.token, keycloak.of_service("agent-8"))).json()
    connection = await connect(gateway, "agent-8", given["access_token"])

    async with gateway.api(DANA) as dana:
        assert (await dana.post("/api/revocations", json={"principal": "dana"})).status_code == 200

    await eventually(connection.is_closed, seconds=AT_ONCE, what="the end of the session")


async def test_nobody_delegates_but_a_person_to_an_agent_once(gateway: Gateway, keycloak: Keycloak) -> None:
    agent = keycloak.of_service("agent-8")
    given = (await exchange(gateway, DANA.token, agent)).json()["access_token"]

    for subject, actor in ((given, AGENT.token), (DANA.token, given), (AGENT.token, agent)):
        assert (await exchange(gateway, subject, actor)).status_code == 400
    assert (await exchange(gateway, DANA.token, ERIN.token)).json()["error"] == "invalid_grant"


async def _is_refused(gateway: Gateway, token: str) -> bool:
    return await status(gateway, token) == 401


async def _waiting(client: httpx.AsyncClient, principal: str) -> dict[str, Any] | None:
    found = (await client.get("/api/approvals")).json()
    return next((approval for approval in found if approval["principal"] == principal), None)


async def test_a_stream_ends_with_its_token(gateway: Gateway) -> None:
    given = await token_of(gateway, ERIN)
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    async with (
        httpx.AsyncClient(base_url=gateway.api_url, timeout=30) as client,
        client.stream("GET", "/api/stream", headers=headers) as stream,
        gateway.api(ERIN) as erin,
    ):
        assert stream.status_code == 200
        body = {"principal": "erin", "token": given["token_id"]}
        assert (await erin.post("/api/revocations", json=body)).status_code == 200
        async with asyncio.timeout(AT_ONCE):
            async for _ in stream.aiter_lines():
                pass


async def test_an_administrator_revokes_from_a_terminal(gateway: Gateway, tmp_path: Path) -> None:
    given = await token_of(gateway, ERIN)
    connection = await connect(gateway, "erin", given["access_token"])

    done = await run_command(
        tmp_path,
        *("tokens", "revoke", "erin", "--reason", "OPS-13"),
        COUNTERSIGN_URL=gateway.api_url,
        COUNTERSIGN_TOKEN=AUDREY.token,
    )

    assert done.status == 0, done.err
    await eventually(connection.is_closed, seconds=AT_ONCE, what="the end of the session")
    (closed,) = await eventually(
        lambda: gateway.audit(
            f"select * from sessions where token = '{given['token_id']}' and state = 'closed'"
        ),
        what="the end in the audit log",
    )
    assert closed["close_reason"] == "the token was revoked: OPS-13"


async def test_an_auditor_asks_clickhouse_with_one(gateway: Gateway) -> None:
    given = await token_of(gateway, AUDREY)

    def asks() -> int:
        where = f"http://{gateway.listen['clickhouse']}/"
        answer = httpx.post(where, content="select 1", auth=("audrey", given["access_token"]), timeout=30)
        return answer.status_code

    assert await asyncio.to_thread(asks) == 200
    async with gateway.api(AUDREY) as audrey:
        body = {"principal": "audrey", "token": given["token_id"]}
        assert (await audrey.post("/api/revocations", json=body)).status_code == 200

    async def is_refused() -> bool:
        return await asyncio.to_thread(asks) in (401, 403)

    await eventually(is_refused, seconds=AT_ONCE, what="refusal")
