"""Approvals that were, from the audit log: they stay to be seen for ever.

The inbox forgets the oldest settled ones; here they are made again from their own events, so that a page or
an answer shows an old one as it showed it then. Methods raise Problem.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from api.access import Access
from api.audit import AuditLog, Row
from api.deciding import Desk
from api.inbox import SHORTEST_PREFIX, Approval, Inbox, Position
from api.problems import Problem, ambiguous_approval, unknown_approval
from schemas.events import ApprovalRequested, Event
from schemas.vocabulary import Principal

_BEFORE = 8  # commands of its session that a reviewer is shown
_SIMILAR = 8  # requests


@dataclass(frozen=True, slots=True)
class Background:
    """What a reviewer may want to know beside a request; rows as in docs/audit.md, newest first."""

    before: list[Row]  # what its principal did before in the session
    similar: list[Row]  # how requests of the same kind ended


class Past:
    """The approvals of the audit log, as one may see them."""

    def __init__(self, audit_log: AuditLog, access: Access) -> None:
        self._audit_log = audit_log
        self._access = access

    async def find(self, desk: Desk, given: str, who: Principal) -> Approval:
        """The approval with this id, or whose id begins so: of those that wait, or of all there were."""
        try:
            return desk.find(given, who)
        except Problem as unknown:
            if unknown.kind != unknown_approval(given).kind or len(given) < SHORTEST_PREFIX:
                raise
            try:
                return await self._one(given.lower(), who)
            except Problem as problem:
                # Where the audit log is away, what is said of the queue is all that is known.
                raise (unknown if problem.kind == "audit-log-unavailable" else problem) from problem

    async def settled(self, who: Principal, before: datetime, most: int) -> tuple[Approval, ...]:
        """The newest that were asked for before this moment and are settled, newest first."""
        rows = await self._audit_log.settled_approvals(who, before, most)
        found = approvals_of(await self._audit_log.events_of_approvals([row["command"] for row in rows]))
        return tuple(
            found[row["approval"]]
            for row in rows
            if row["approval"] in found and self._access.sees(who, found[row["approval"]])
        )

    async def background(self, request: ApprovalRequested) -> Background:
        """What was before this request. Who may see the request may see this."""
        about = request.envelope
        return Background(
            await self._audit_log.commands_before(about.session, about.command, _BEFORE),
            await self._audit_log.similar_approvals(
                about.principal, about.resource, request.facts, about.command, _SIMILAR
            ),
        )

    async def _one(self, given: str, who: Principal) -> Approval:
        rows = await self._audit_log.approvals_like(given)
        found = approvals_of(await self._audit_log.events_of_approvals([row["command"] for row in rows]))
        seen = [a for a in found.values() if a.id.startswith(given) and self._access.sees(who, a)]
        if len(seen) > 1:
            raise ambiguous_approval(given, len(seen))
        if not seen:
            raise unknown_approval(given)
        return seen[0]


def approvals_of(events: Iterable[Event]) -> dict[str, Approval]:
    """id -> the approval that these events make, each approval's in order."""
    inbox = Inbox()
    for number, event in enumerate(events):
        inbox.apply(event, Position(0, number))
    return {approval.id: approval for approval in (*inbox.pending(), *inbox.settled())}
