"""Reads of the audit log, for those who may see them, and what to say when ClickHouse is away.

Approvals never come from here: the queue works without ClickHouse. Auditors who want more than sessions and
recordings ask ClickHouse itself (docs/audit.md).
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

import structlog

from api.access import Access
from api.problems import Problem
from infra.clickhouse.client import ClickHouse, ClickHouseRefused, ClickHouseUnavailable
from projections import queries
from projections.queries import Search
from schemas.codec import NotAnEvent
from schemas.events import CommandRequested, Event
from schemas.vocabulary import Facts, Principal

Row = dict[str, Any]

_PROBE = "SELECT 1 FROM sessions LIMIT 1"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Recording:
    """A session's recording. `is_whole`: no part is missing so far."""

    format: str
    is_whole: bool


class AuditLog:
    """The audit log as one principal may see it. Its methods raise Problem."""

    def __init__(self, clickhouse: ClickHouse, access: Access) -> None:
        self._clickhouse = clickhouse
        self.access = access

    async def obstacle(self) -> str | None:
        """Why the audit log cannot be read; None when it can."""
        try:
            await self._clickhouse.query(_PROBE)
        except ClickHouseUnavailable:
            return "ClickHouse does not answer."
        except ClickHouseRefused:
            return "ClickHouse answers, but has no audit log: the projections role makes it."
        return None

    async def sessions(self, who: Principal, most: int, *, state: str = "", before: str = "") -> list[Row]:
        """The newest sessions that `who` may see before the session `before`, newest first; `state`: open,
        closed, lost or empty."""

        async def found(**whose: str) -> list[Row]:
            return await queries.sessions(self._clickhouse, state=state, before=before, most=most, **whose)

        with _answers():
            if self.access.is_auditor(who):
                return await found()
            rows = await found(principal=who.name)
            for resource in sorted(self.access.resources_reviewed(who)):
                rows += await found(resource=resource)
        different = {row["session"]: row for row in rows}
        return sorted(different.values(), key=lambda row: str(row["session"]), reverse=True)[:most]

    async def session(self, who: Principal, given: str) -> Row:
        """The session with this id, or whose id begins so."""
        with _answers():
            found = await queries.sessions_like(self._clickhouse, given)
            if len(found) > 1:
                raise _ambiguous_session(given)
            row = await queries.session(self._clickhouse, found[0]) if found else None
        if row is None or not self.access.sees_session(who, row["principal"], row["resource"]):
            raise _unknown_session(given)
        return row

    async def commands(self, session: str, after: str, most: int) -> list[Row]:
        """A session's commands in the order they came, after the command `after`."""
        with _answers():
            return await queries.commands_of_session(self._clickhouse, session, after=after, most=most)

    async def commands_before(self, session: str, before: str, most: int) -> list[Row]:
        """The newest commands of a session before one."""
        with _answers():
            return await queries.commands_before(self._clickhouse, session, before, most=most)

    async def find_commands(self, who: Principal, search: Search, before: str, most: int) -> list[Row]:
        """The newest commands that fit, before the command `before`. For auditors alone."""
        if not self.access.is_auditor(who):
            raise _for_auditors()
        with _answers():
            return await queries.commands_found(self._clickhouse, search, before=before, most=most)

    async def newest_requests(self, most: int) -> list[CommandRequested]:
        """What was asked for last, whoever may see it."""
        with _answers():
            return await queries.newest_requests(self._clickhouse, most=most)

    async def similar_approvals(
        self, principal: str, resource: str, facts: Facts, before: str, most: int
    ) -> list[Row]:
        """How earlier requests of the same kind ended."""
        with _answers():
            return await queries.similar_approvals(
                self._clickhouse, principal, resource, facts, before, most=most
            )

    async def settled_approvals(self, who: Principal, before: datetime, most: int) -> list[Row]:
        """Ids of the newest that ended and that `who` may see."""
        everything = self.access.is_auditor(who)
        with _answers():
            return await queries.settled_approvals(
                self._clickhouse, who, before, everything=everything, most=most
            )

    async def approvals_like(self, prefix: str) -> list[Row]:
        """Ids of approvals that begin so, whoever may see them."""
        with _answers():
            return await queries.approvals_like(self._clickhouse, prefix)

    async def events_of_approvals(self, commands: Sequence[str]) -> list[Event]:
        """What happened to the approvals of these commands, whoever may see them."""
        if not commands:
            return []
        with _answers():
            return await queries.events_of_approvals(self._clickhouse, commands)

    async def nodes(self) -> list[Row]:
        """The processes of the gateway."""
        with _answers():
            return await queries.nodes(self._clickhouse)

    async def replayable(self, who: Principal, given: str) -> Row:
        """The session, if `who` may see its recording: its own principal, who decided in it, and auditors."""
        row = await self.session(who, given)
        if who.name == row["principal"] or self.access.is_auditor(who):
            return row
        with _answers():
            reviewers = await queries.reviewers_of_session(self._clickhouse, row["session"])
        if who.name not in reviewers:
            raise _not_replayable(row["session"])
        return row

    async def grant_uses(self, grants: list[str]) -> dict[str, int] | None:
        """How many commands each of these grants let through; None when ClickHouse is away."""
        if not grants:
            return {}
        try:
            found = await queries.grant_uses(self._clickhouse, grants)
        except (ClickHouseUnavailable, ClickHouseRefused) as error:
            log.warning("audit_log_unreachable", reason=str(error))
            return None
        return {row["grant"]: int(row["used"]) for row in found}

    async def recording(self, session: str) -> Recording:
        with _answers():
            row = await queries.recording(self._clickhouse, session)
        if row is None:
            raise _no_recording(session)
        return Recording(row["format"], bool(row["is_whole"]))

    async def frames(self, session: str) -> AsyncIterator[bytes]:
        """The parts of a recording in order, up to the first that is missing."""
        last = -1
        while True:
            with _answers():
                chunks = await queries.recording_chunks(self._clickhouse, session, after=last)
            for chunk in chunks:
                if chunk.sequence != last + 1:
                    return
                last = chunk.sequence
                yield chunk.frames
            if not chunks:
                return


@contextmanager
def _answers() -> Iterator[None]:
    """Turns ClickHouse's absence into a problem with what to do."""
    try:
        yield
    except ClickHouseUnavailable as error:
        log.warning("audit_log_unreachable", reason=str(error))
        raise _unavailable("ClickHouse does not answer, so the audit log cannot be read.") from error
    except ClickHouseRefused as error:
        log.error("audit_log_refused", reason=str(error))
        raise _unavailable("ClickHouse answers, but refused to read the audit log.") from error
    except NotAnEvent as error:
        log.error("recording_unreadable", reason=str(error))
        raise _unavailable("A part of the recording is of a version that cannot be read here.") from error


def _unavailable(detail: str) -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "audit-log-unavailable",
        detail,
        "Approvals work without it. See to ClickHouse and the projections role; their logs say more.",
        headers={"Retry-After": "5"},
    )


def _unknown_session(given: str) -> Problem:
    return Problem(
        HTTPStatus.NOT_FOUND,
        "unknown-session",
        f"There is no session {given} that you may see.",
        "Check the id. A session appears here a moment after it was opened.",
    )


def _ambiguous_session(given: str) -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "ambiguous-session",
        f"Several sessions begin with {given}.",
        "Give more characters of the id.",
    )


def _for_auditors() -> Problem:
    return Problem(
        HTTPStatus.FORBIDDEN,
        "for-auditors",
        "Only auditors search the audit log.",
        "Ask a member of a group under gateway.auditors; your own sessions are yours to see.",
    )


def _not_replayable(session: str) -> Problem:
    return Problem(
        HTTPStatus.FORBIDDEN,
        "not-yours-to-replay",
        f"The recording of session {session} is for its own principal, for who decided on one of its "
        "commands, and for auditors.",
        "Ask an auditor.",
    )


def damaged_recording(reason: str) -> Problem:
    """What a recording has is not what a recorder writes."""
    return Problem(
        HTTPStatus.CONFLICT,
        "recording-damaged",
        f"The recording cannot be read: {reason}.",
        "The audit log's events hold it as it was written.",
    )


def _no_recording(session: str) -> Problem:
    return Problem(
        HTTPStatus.NOT_FOUND,
        "no-recording",
        f"Session {session} has no recording.",
        "Its resource may say `recording: metadata`, or nothing was recorded yet.",
    )
