"""Sessions, their commands and recordings, from the audit log of the whole gateway."""

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from support.builders import AGENT, AUDREY, DANA, Someone
from support.command_line import Ran, run_command
from support.gateway import Gateway
from support.wait import eventually

READ = "select id, email, card from customers order by id limit 2"
DROP = "drop table customers"


@pytest_asyncio.fixture
async def session(gateway: Gateway) -> AsyncIterator[str]:
    """A session of agent-7 that is closed and whole in the audit log: a read and a refused DROP."""
    marker = f"api-test-{uuid.uuid4()}"
    connection: asyncpg.Connection[Any] = await asyncpg.connect(
        gateway.conninfo("orders"), server_settings={"application_name": marker}
    )
    await connection.fetch(READ)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(DROP)
    await connection.close()

    async with gateway.api(AUDREY) as auditor:

        async def closed() -> str | None:
            for found in (await auditor.get("/api/sessions")).json():
                if found["client_name"] == marker and found["state"] == "closed":
                    return str(found["id"])
            return None

        yield await eventually(closed, seconds=30, what="the session in the audit log")


async def get(gateway: Gateway, someone: Someone, path: str) -> httpx.Response:
    async with gateway.api(someone) as client:
        return await client.get(path)


@pytest.mark.parametrize("someone", [AGENT, DANA, AUDREY], ids=lambda who: who.name)
async def test_a_session_and_its_commands(gateway: Gateway, session: str, someone: Someone) -> None:
    shown = (await get(gateway, someone, f"/api/sessions/{session}")).json()
    commands = (await get(gateway, someone, f"/api/sessions/{session}/commands")).json()

    assert shown["principal"] == "agent-7"
    assert shown["resource"] == "orders"
    assert shown["protocol"] == "postgres"
    assert shown["close_reason"]
    by_text = {command["text"]: command for command in commands}
    assert by_text[READ]["verdict"] == "allow"
    assert by_text[READ]["outcome"] == "succeeded"
    assert by_text[READ]["rows"] == 2
    assert by_text[READ]["masked"] >= 4
    assert by_text[DROP]["verdict"] == "deny"
    assert by_text[DROP]["outcome"] == "refused"
    assert by_text[DROP]["rule"] == "nobody drops production data"
    after = (
        await get(gateway, someone, f"/api/sessions/{session}/commands?after={commands[-1]['id']}")
    ).json()
    assert after == []


async def test_a_session_of_somebody_else_on_a_resource_one_does_not_review_is_unknown(
    gateway: Gateway,
) -> None:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(gateway.conninfo("plain", DANA))
    await connection.execute("select 1")
    await connection.close()

    async def known() -> list[dict[str, Any]]:
        found = (await get(gateway, AUDREY, "/api/sessions?limit=1000")).json()
        return [s for s in found if s["principal"] == "dana" and s["resource"] == "plain"]

    [dana, *_] = await eventually(known, seconds=30)
    for path in ("", "/commands", "/recording"):
        assert (await get(gateway, AGENT, f"/api/sessions/{dana['id']}{path}")).status_code == 404
    listed = (await get(gateway, AGENT, "/api/sessions?limit=1000")).json()
    assert {found["principal"] for found in listed} <= {"agent-7"}


@pytest.mark.parametrize("given", ["ffffffff-ffff-7fff-bfff-ffffffffffff", "00000000"])
async def test_an_unknown_session_is_a_problem(gateway: Gateway, given: str) -> None:
    for path in ("", "/commands", "/recording"):
        answer = await get(gateway, AUDREY, f"/api/sessions/{given}{path}")
        assert answer.status_code == 404
        assert answer.json()["type"].endswith(":unknown-session")


async def test_the_recording_is_masked(gateway: Gateway, session: str) -> None:
    answer = await get(gateway, AUDREY, f"/api/sessions/{session}/recording")

    assert answer.headers["x-recording-format"] == "postgres"
    assert answer.headers["x-recording-whole"] == "true"
    assert answer.content.startswith(b"\x28\xb5\x2f\xfd")  # zstd


async def countersign(gateway: Gateway, someone: Someone, *arguments: str) -> Ran:
    return await run_command(
        gateway.folder,
        *arguments,
        "--config",
        str(gateway.config),
        COUNTERSIGN_USER=someone.name,
        COUNTERSIGN_TOKEN=someone.token,
    )


async def test_the_commands_list_show_and_replay(gateway: Gateway, session: str) -> None:
    listed = await countersign(gateway, DANA, "sessions", "list", "--json")
    shown = await countersign(gateway, DANA, "sessions", "show", session)
    as_json = await countersign(gateway, DANA, "sessions", "show", session, "--json")
    replayed = await countersign(gateway, AUDREY, "sessions", "replay", session)
    faster = await countersign(gateway, AUDREY, "sessions", "replay", session, "--speed", "1000", "--json")

    refused = await countersign(gateway, DANA, "sessions", "replay", session)

    assert session in [found["id"] for found in json.loads(listed.out)]
    assert (refused.status, "for auditors" in refused.err) == (1, True)
    assert shown.status == 0, shown.err
    assert READ in shown.out
    assert [command["text"] for command in json.loads(as_json.out)["commands"]] == [READ, DROP]
    assert replayed.status == 0, replayed.err
    assert READ in replayed.out
    assert "SELECT 2" in replayed.out
    assert "************" in replayed.out
    rows = [row for entry in json.loads(faster.out) if entry["kind"] == "rows" for row in entry["rows"]]
    assert len(rows) == 2
    assert all("***@" in email for _, email, _ in rows)


async def test_an_auditor_asks_the_audit_log(gateway: Gateway, session: str) -> None:
    sql = f"select text, verdict from commands where session = '{session}' order by time"
    for_people = await countersign(gateway, AUDREY, "audit", "query", sql)
    for_scripts = await countersign(gateway, AUDREY, "audit", "query", sql, "--json")
    as_csv = await countersign(gateway, AUDREY, "audit", "query", sql, "--format", "CSV")
    wrong = await countersign(gateway, AUDREY, "audit", "query", "select nothing from nowhere")
    no_auditor = await countersign(gateway, DANA, "audit", "query", "select 1")

    assert for_people.status == 0, for_people.err
    assert READ in for_people.out
    assert json.loads(for_scripts.out) == [
        {"text": READ, "verdict": "allow"},
        {"text": DROP, "verdict": "deny"},
    ]
    assert as_csv.out.splitlines() == [f'"{READ}","allow"', f'"{DROP}","deny"']
    assert (wrong.status, wrong.out) == (1, "")
    assert "DB::Exception" in wrong.err
    assert no_auditor.status == 1
    assert "auditors" in no_auditor.err


async def test_an_audit_log_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    ran = await run_command(
        tmp_path,
        "audit",
        "query",
        "select 1",
        COUNTERSIGN_CLICKHOUSE_URL="http://127.0.0.1:1",
        COUNTERSIGN_USER="audrey",
        COUNTERSIGN_TOKEN="x",
    )

    assert ran.status == 3
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("someone", [AUDREY, DANA, AGENT], ids=lambda who: who.name)
async def test_a_list_of_sessions_goes_on_where_its_link_leads(
    gateway: Gateway, session: str, someone: Someone
) -> None:
    async with gateway.api(someone) as client:

        async def is_the_same_in_pages() -> bool:
            """As soon as no session is opened while one looks."""
            whole = [found["id"] for found in (await client.get("/api/sessions?limit=5")).json()]
            pages: list[str] = []
            page = await client.get("/api/sessions?limit=1")
            while page.json() and len(pages) < len(whole):
                pages += [found["id"] for found in page.json()]
                page = await client.get(page.links["next"]["url"])
            return session in whole and pages == whole

        await eventually(is_the_same_in_pages, seconds=60)
