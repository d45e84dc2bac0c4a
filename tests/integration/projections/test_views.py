"""What an auditor sees of a story, and what the API reads of it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard
from support.builders import AUDREY
from support.story import (
    FRAMES,
    NODE,
    NOW,
    Scene,
    Story,
    allow,
    ask,
    chunk,
    closed,
    finish,
    heartbeat,
    later,
    opened,
    pending,
    review,
    settle,
)
from support.wait import eventually

from projections import queries
from schemas.ids import approval_id, uuid7
from schemas.vocabulary import ApprovalState

VIEWS = (
    *("events", "sessions", "commands", "approvals", "decisions", "grants"),
    *("masked_fields", "recordings", "nodes"),
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def until(scene: Scene, sql: str, **given: Any) -> None:
    """Returns when this query has rows."""

    async def rows() -> list[dict[str, Any]]:
        return await scene.client.query(sql, given)

    await eventually(rows, what=sql)


@pytest.fixture(scope="module")
def tell(scene: Scene) -> Callable[[], Awaitable[Story]]:
    """Tells the one story of this file, the first time, and waits until it is projected."""
    told: list[Story] = []

    async def once() -> Story:
        if not told:
            story = Story()
            await scene.all_projected(await scene.publish(story.events))
            told.append(story)
        return told[0]

    return once


Tell = Callable[[], Awaitable[Story]]


async def test_commands(scene: Scene, tell: Tell) -> None:
    story = await tell()
    rows = await queries.commands_of_session(scene.client, story.session)
    seen = [
        (row["text"], row["verdict"], row["was_reviewed"], row["rule"], row["outcome"], row["decided_by"])
        for row in rows
    ]
    assert seen == [
        ("select email from customers", "allow", 0, "agents read freely", "succeeded", []),
        ("delete from orders where id = 7", "allow", 1, "changes need a DBA", "succeeded", ["dana"]),
        ("drop table orders", "deny", 0, "nobody drops", "refused", []),
        ("delete from orders where id = 8", "review", 1, "changes need a DBA", "abandoned", []),
        ("drop table customers", "deny", 0, "nobody drops", "refused", []),
    ]
    first = rows[0]
    assert first["time"] == later(1)
    assert (first["principal"], first["principal_kind"], first["groups"]) == ("agent-7", "agent", ["agents"])
    assert (first["resource"], first["protocol"], first["stage"]) == ("orders", "postgres", "execute")
    assert first["parameters"] == ["1", None]
    assert (first["intents"], first["statements"]) == (["read"], ["select"])
    assert first["tables"] == ["public.orders"]
    assert (first["rows"], first["bytes"], first["masked"], first["milliseconds"]) == (3, 120, 3, 4.5)
    assert (first["requested_at"], first["decided_at"], first["finished_at"]) == (
        later(1),
        later(1.1),
        later(1.2),
    )
    assert first["held_at"] is None
    assert rows[1]["comment"] == "OPS-12, fine"
    assert rows[1]["held_at"] == later(2.1)
    assert rows[2]["message"] == "Dropping is not possible."
    assert rows[3]["abandon_reason"] == "the client left"
    assert await queries.command(scene.client, rows[3]["command"]) == rows[3]
    assert (
        await queries.commands_of_session(scene.client, story.session, after=rows[2]["command"]) == rows[3:]
    )
    assert await queries.command(scene.client, "nothing") is None


async def test_sessions(scene: Scene, tell: Tell) -> None:
    story = await tell()
    row = await queries.session(scene.client, story.session)
    assert row is not None
    assert row == {
        "time": NOW,
        "session": story.session,
        "principal": "agent-7",
        "principal_kind": "agent",
        "groups": ["agents"],
        "acts_for": "",
        "sign_in": "federated",
        "token": "jwt-1",
        "resource": "orders",
        "protocol": "postgres",
        "database": "orders",
        "client_address": "127.0.0.1:53122",
        "client_name": "psql",
        "state": "closed",
        "opened_at": NOW,
        "closed_at": later(7.1),
        "close_reason": "the client left",
        "terminated_at": later(7),
        "termination": "enough",
        "node": NODE,
    }
    assert row in await queries.sessions(scene.client, principal="agent-7", resource="orders", state="closed")
    assert row not in await queries.sessions(scene.client, principal="another")
    assert row not in await queries.sessions(scene.client, state="open")
    assert await queries.sessions_like(scene.client, story.session) == [story.session]
    assert await queries.session(scene.client, "nothing") is None


async def test_approvals_and_decisions(scene: Scene, tell: Tell) -> None:
    story = await tell()
    write = (await queries.commands_of_session(scene.client, story.session))[1]
    approval = await queries.approval(scene.client, approval_id(write["command"]))
    assert approval is not None
    assert (approval["state"], approval["outcome"]) == ("approved", "succeeded")
    assert (approval["principal"], approval["resource"]) == ("agent-7", "orders")
    assert approval["text"] == "delete from orders where id = 7"
    assert (approval["rule"], approval["reviewers"]) == ("changes need a DBA", ["dba"])
    assert (approval["decided_by"], approval["comment"]) == (["dana"], "OPS-12, fine")
    assert (approval["requested_at"], approval["settled_at"]) == (later(2.1), later(2.6))
    assert approval["withdrawn_at"] is None
    (decision,) = await queries.decisions_of_approval(scene.client, approval["approval"])
    assert (decision["reviewer"], decision["answer"], decision["counted"]) == ("dana", "approve", 1)
    assert (decision["resource"], decision["principal"], decision["outcome"]) == (
        "orders",
        "agent-7",
        "succeeded",
    )
    mine = [row for row in await queries.approvals(scene.client) if row["session"] == story.session]
    assert [(row["state"], row["outcome"]) for row in mine] == [
        ("withdrawn", "abandoned"),
        ("approved", "succeeded"),
    ]
    assert mine[0]["withdrawal"] == "the client left"
    assert await queries.approvals(scene.client, state="approved") != []
    assert await queries.approval(scene.client, "nothing") is None


async def test_what_was_approved_and_revoked_is_both(scene: Scene) -> None:
    write = ask(uuid7(NOW), 2)
    settlement = settle(write, 2.6)
    revocation = replace(
        settle(write, 2.9, ApprovalState.REVOKED), decided_by=("erin",), comment="wrong table"
    )
    events = [write, review(write, 2.1), settlement, revocation, finish(write, 3)]
    await scene.all_projected(await scene.publish(events))
    found = await queries.approval(scene.client, settlement.approval)
    assert found is not None
    assert (found["state"], found["outcome"]) == ("revoked", "succeeded"), "what had ended stays as it was"
    assert (found["decided_by"], found["comment"]) == (["dana"], "OPS-12, fine")
    assert (found["revoked_by"], found["revocation"]) == (["erin"], "wrong table")
    assert (found["settled_at"], found["revoked_at"]) == (later(2.6), later(2.9))


async def test_what_ran_by_break_glass_is_overdue_until_it_is_reviewed(scene: Scene) -> None:
    """The story was long ago."""
    ran, reviewed, held = (ask(uuid7(NOW), 2) for _ in range(3))
    asked = [
        *(replace(review(event, 2.1), afterwards=True) for event in (ran, reviewed)),
        review(held, 2.1),
    ]
    await scene.all_projected(await scene.publish([ran, reviewed, held, *asked, settle(reviewed, 2.6)]))
    rows = [await queries.approval(scene.client, one.approval) for one in asked]
    assert [row and (row["afterwards"], row["is_overdue"]) for row in rows] == [(1, 1), (1, 0), (0, 0)]


async def test_masked_fields(scene: Scene, tell: Tell) -> None:
    story = await tell()
    rows = await scene.client.query(
        "SELECT field, mask, count, resource, principal FROM masked_fields WHERE session = {session:String}",
        {"session": story.session},
    )
    assert rows == [
        {
            "field": "public.customers.email",
            "mask": "email",
            "count": 3,
            "resource": "orders",
            "principal": "agent-7",
        }
    ]


async def test_a_recording_comes_back_in_order(scene: Scene) -> None:
    session = uuid7(NOW)
    events = [opened(session), *(chunk(session, n, n, b"%d" % n) for n in range(20))]
    await scene.all_projected(await scene.publish(events))
    found: list[queries.Chunk] = []
    while page := await queries.recording_chunks(
        scene.client, session, after=found[-1].sequence if found else -1, most=7
    ):
        found += page
    assert [chunk.sequence for chunk in found] == list(range(20))
    assert [zstandard.decompress(chunk.frames) for chunk in found] == [b"%d" % n for n in range(20)]
    recording = await queries.recording(scene.client, session)
    assert recording is not None
    assert (recording["chunks"], recording["is_whole"], recording["format"]) == (20, 1, "postgres")
    assert (recording["first_at"], recording["last_at"]) == (later(0), later(19))
    assert (recording["principal"], recording["resource"]) == ("agent-7", "orders")


async def test_frames_are_kept_once(scene: Scene, tell: Tell) -> None:
    story = await tell()
    rows = await scene.client.query(
        "SELECT payload FROM events WHERE type = 'RecordingChunk' AND session = {session:String}",
        {"session": story.session},
    )
    assert [row["payload"] for row in rows] == ['{"sequence":0,"format":"postgres"}']
    (found,) = await queries.recording_chunks(scene.client, story.session)
    assert zstandard.decompress(found.frames) == FRAMES


async def test_what_an_ingress_left_behind_is_told_from_what_runs(scene: Scene) -> None:
    """A newer incarnation of a node means that the older one is gone, and with it what it was doing."""
    session = uuid7(NOW)
    old, other = "ingress@h1#1", "ingress@h2#1"
    running, held, waiting, elsewhere = (ask(session, n) for n in range(4))
    finished = ask(session, 5)
    moved = [_on(event, old) for event in (running, held, waiting, finished)]
    await scene.publish(
        [
            heartbeat(old),
            heartbeat(other),
            *moved,
            _on(elsewhere, other),
            allow(running, 1),
            pending(held, 1),
            allow(elsewhere, 1),
            allow(finished, 5),
        ]
    )
    sql = "SELECT command, outcome FROM commands WHERE session = {session:String} ORDER BY time"

    async def outcomes() -> list[str]:
        rows = await scene.client.query(sql, {"session": session})
        return [row["outcome"] for row in rows]

    async def are(*expected: str) -> None:
        async def holds() -> bool:
            return await outcomes() == list(expected)

        await eventually(holds, what=f"{expected}")

    await are("running", "held", "held", "running", "running")
    await scene.publish([heartbeat("ingress@h1#2", started_at=NOW + timedelta(seconds=30))])
    await are("unknown", "abandoned", "abandoned", "running", "unknown")
    # What the old incarnation had still said counts, however late it comes.
    await scene.publish([_on(finish(finished, 6), old)])
    await are("unknown", "abandoned", "abandoned", "running", "succeeded")


async def test_a_session_of_an_ingress_that_is_gone_is_lost(scene: Scene) -> None:
    session, ended = uuid7(NOW), uuid7(later(1))
    node = "ingress@h3#1"
    await scene.publish(
        [
            heartbeat(node),
            _on(opened(session), node),
            _on(opened(ended, 1), node),
            _on(closed(ended, 2), node),
        ]
    )
    where = "SELECT 1 FROM sessions WHERE session = {session:String} AND state = {state:String}"
    await until(scene, where, session=session, state="open")
    await scene.publish([heartbeat("ingress@h3#2", started_at=later(10))])
    await until(scene, where, session=session, state="lost")
    await until(scene, where, session=ended, state="closed")


@pytest.mark.parametrize("view", VIEWS)
async def test_an_auditor_may_read_every_view(scene: Scene, tell: Tell, view: str) -> None:
    await tell()
    answer = scene.clickhouse.post(f"SELECT * FROM {view} LIMIT 3 FORMAT JSON", database="countersign")
    assert answer.status_code == 200, answer.text
    assert answer.json()["rows"] > 0
    with scene.clickhouse.client(AUDREY, database="countersign") as client:
        assert client.query(f"SELECT * FROM {view} LIMIT 3").row_count > 0


async def test_the_page_for_auditors_has_every_column(scene: Scene, tell: Tell) -> None:
    await tell()
    page = (Path(__file__).parents[3] / "docs" / "audit.md").read_text()
    sections = re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", page, re.MULTILINE | re.DOTALL)
    documented = {view: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) for view, text in sections}
    described = {
        view: [row["name"] for row in await scene.client.query(f"DESCRIBE {view}")] for view in documented
    }
    assert documented == described
    assert set(documented) == set(VIEWS)


async def test_the_questions_on_it_can_be_asked(scene: Scene, tell: Tell) -> None:
    await tell()
    page = (Path(__file__).parents[3] / "docs" / "audit.md").read_text()
    questions = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    assert len(questions) == 10
    for question in questions:
        answer = scene.clickhouse.post(question, database="countersign")
        assert answer.status_code == 200, f"{question}\n{answer.text}"


async def test_a_node_that_fell_silent_while_others_spoke_is_gone(scene: Scene) -> None:
    """The last test of this file: afterwards every node of the others is gone."""
    await scene.publish(
        [heartbeat("ingress@silent#1"), heartbeat("api@loud#1", at=NOW + timedelta(minutes=6))]
    )
    await until(scene, "SELECT 1 FROM nodes WHERE node = 'ingress@silent#1' AND is_gone")
    await until(scene, "SELECT 1 FROM nodes WHERE node = 'api@loud#1' AND NOT is_gone")


def _on(event: Any, node: str) -> Any:
    """The event as another node says it."""
    return replace(event, envelope=replace(event.envelope, node=node))
