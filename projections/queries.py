"""Every read of the audit log that the API makes. The SQL is in `queries.sql`, by the function's name.

Rows come as dicts with the columns of the view (docs/audit.md); times are aware, in UTC. All raise
ClickHouseUnavailable and ClickHouseRefused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from infra.clickhouse.client import ClickHouse
from schemas.codec import decode
from schemas.events import CommandRequested, Event, RecordingChunk
from schemas.vocabulary import Facts, Principal

Rows = list[dict[str, Any]]

_HEADING = re.compile(r"^-- (\w+) --\n((?:-- .*\n)+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Query:
    """A named query: a sentence that says what it reads, and its SQL."""

    sentence: str
    sql: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a recording. `frames` is what ingress/recorder.py wrote."""

    sequence: int
    format: str
    frames: bytes


@dataclass(frozen=True, slots=True)
class Search:
    """Which commands an auditor looks for; an empty string stands for all. `text`: a part of the command."""

    since: datetime
    until: datetime
    principal: str = ""
    resource: str = ""
    verdict: str = ""
    outcome: str = ""
    text: str = ""


async def sessions(
    clickhouse: ClickHouse,
    *,
    principal: str = "",
    resource: str = "",
    state: str = "",
    before: str = "",
    most: int = 100,
) -> Rows:
    """The newest sessions, before the session `before`; `state`: open, closed or lost. An empty string stands
    for all."""
    given = {"principal": principal, "resource": resource, "state": state, "before": before, "most": most}
    return await _rows(clickhouse, "sessions", given)


async def session(clickhouse: ClickHouse, session: str) -> dict[str, Any] | None:
    """One session, or None."""
    return await _row(clickhouse, "session", {"session": session})


async def sessions_like(clickhouse: ClickHouse, prefix: str) -> list[str]:
    """The ids of sessions that begin so, at most two."""
    return [row["session"] for row in await _rows(clickhouse, "sessions_like", {"prefix": prefix})]


async def commands_of_session(
    clickhouse: ClickHouse, session: str, *, after: str = "", most: int = 1000
) -> Rows:
    """A session's commands in the order they came, after the command `after`."""
    given = {"session": session, "after": after, "most": most}
    return await _rows(clickhouse, "commands_of_session", given)


async def command(clickhouse: ClickHouse, command: str) -> dict[str, Any] | None:
    """One command, or None."""
    return await _row(clickhouse, "command", {"command": command})


async def recording(clickhouse: ClickHouse, session: str) -> dict[str, Any] | None:
    """How much of a recording a session has, or None."""
    return await _row(clickhouse, "recording", {"session": session})


async def recording_chunks(
    clickhouse: ClickHouse, session: str, *, after: int = -1, most: int = 16
) -> list[Chunk]:
    """The next chunks of a session's recording, in order, after the sequence number `after`.

    Raises schemas.codec.NotAnEvent for what this version cannot read.
    """
    given = {"session": session, "after": after, "most": most}
    found = await clickhouse.query(_query("recording_chunks").sql, given, binary=["raw"])
    chunks = []
    for row in found:
        event = decode(row["raw"])
        assert isinstance(event, RecordingChunk)
        chunks.append(Chunk(event.sequence, event.format, event.frames))
    return chunks


async def approvals(clickhouse: ClickHouse, *, state: str = "", most: int = 100) -> Rows:
    """The newest approvals in this state; an empty string stands for all that are settled."""
    return await _rows(clickhouse, "approvals", {"state": state, "most": most})


async def approval(clickhouse: ClickHouse, approval: str) -> dict[str, Any] | None:
    """One approval, or None."""
    return await _row(clickhouse, "approval", {"approval": approval})


async def commands_before(clickhouse: ClickHouse, session: str, before: str, *, most: int = 10) -> Rows:
    """The newest commands of a session that came before one, newest first."""
    return await _rows(clickhouse, "commands_before", {"session": session, "before": before, "most": most})


async def commands_found(
    clickhouse: ClickHouse, search: Search, *, before: str = "", most: int = 100
) -> Rows:
    """The newest commands that fit, before the command `before`."""
    given = {
        "principal": search.principal,
        "resource": search.resource,
        "verdict": search.verdict,
        "outcome": search.outcome,
        "text": search.text,
        "since": _micros(search.since),
        "until": _micros(search.until),
        "before": before,
        "most": most,
    }
    return await _rows(clickhouse, "commands_found", given)


async def similar_approvals(
    clickhouse: ClickHouse, principal: str, resource: str, facts: Facts, before: str, *, most: int = 10
) -> Rows:
    """How requests like one with these facts ended, of commands before the command `before`."""
    given = {
        "principal": principal,
        "resource": resource,
        "statements": "\n".join(facts.statements),
        "tables": "\n".join(facts.tables),
        "programs": "\n".join(facts.programs),
        "methods": "\n".join(facts.methods),
        "before": before,
        "most": most,
    }
    return await _rows(clickhouse, "similar_approvals", given)


async def settled_approvals(
    clickhouse: ClickHouse, who: Principal, before: datetime, *, everything: bool, most: int = 100
) -> Rows:
    """Ids of the newest approvals asked for before a moment that ended, and of their commands.

    `everything`: not only those that `who` asked for or may review.
    """
    given = {
        "who": who.name.casefold(),
        "groups": "\n".join(who.groups),
        "everything": int(everything),
        "before": _micros(before),
        "most": most,
    }
    return await _rows(clickhouse, "settled_approvals", given)


async def approvals_like(clickhouse: ClickHouse, prefix: str) -> Rows:
    """The approvals whose ids begin so, at most two, with their commands' ids."""
    return await _rows(clickhouse, "approvals_like", {"prefix": prefix})


async def events_of_approvals(clickhouse: ClickHouse, commands: Sequence[str]) -> list[Event]:
    """What happened to the approvals of these commands, each in its order.

    Raises schemas.codec.NotAnEvent for what this version cannot read.
    """
    given = {"commands": "\n".join(commands)}
    found = await clickhouse.query(_query("events_of_approvals").sql, given, binary=["raw"])
    return [decode(row["raw"]) for row in found]


async def newest_requests(clickhouse: ClickHouse, *, most: int) -> list[CommandRequested]:
    """The newest commands that were asked for. Raises schemas.codec.NotAnEvent, as above."""
    found = await clickhouse.query(_query("newest_requests").sql, {"most": most}, binary=["raw"])
    events = [decode(row["raw"]) for row in found]
    return [event for event in events if isinstance(event, CommandRequested)]


async def reviewers_of_session(clickhouse: ClickHouse, session: str) -> list[str]:
    """The names of those who decided on a command of a session."""
    return [row["reviewer"] for row in await _rows(clickhouse, "reviewers_of_session", {"session": session})]


async def nodes(clickhouse: ClickHouse) -> Rows:
    """The processes that were heard lately."""
    return await _rows(clickhouse, "nodes", {})


async def decisions_of_approval(clickhouse: ClickHouse, approval: str) -> Rows:
    """The reviewers' answers to an approval, in the order they came."""
    return await _rows(clickhouse, "decisions_of_approval", {"approval": approval})


async def grant_uses(clickhouse: ClickHouse, grants: Sequence[str]) -> Rows:
    """How many commands each of these grants let through; those that let none through are left out."""
    return await _rows(clickhouse, "grant_uses", {"grants": list(grants)})


@cache
def all_queries() -> Mapping[str, Query]:
    """Every query of queries.sql by name. Raises ValueError when a name is there twice."""
    text = (files("projections") / "queries.sql").read_text()
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    queries: dict[str, Query] = {}
    for heading, end in zip(headings, ends, strict=True):
        if heading[1] in queries:
            raise ValueError(f"projections/queries.sql: {heading[1]} is there twice")
        sentence = " ".join(line.removeprefix("-- ") for line in heading[2].splitlines())
        queries[heading[1]] = Query(sentence, text[heading.end() : end].strip())
    return queries


def _micros(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _query(name: str) -> Query:
    return all_queries()[name]


async def _rows(clickhouse: ClickHouse, name: str, given: Mapping[str, Any]) -> Rows:
    return await clickhouse.query(_query(name).sql, given)


async def _row(clickhouse: ClickHouse, name: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    rows = await _rows(clickhouse, name, given)
    return rows[0] if rows else None
