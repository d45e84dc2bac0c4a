"""Grants: what reviewers let through beforehand, and its end."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AfterValidator, BaseModel, Field

from api.access import Access, obstacle_to_ending, sees_grant
from api.audit import AuditLog
from api.auth import SignIn
from api.deciding import clean_comment
from api.inbox import SHORTEST_PREFIX
from api.problems import Problem, documented, unavailable
from api.register import Entry, GrantState, Register
from infra.clock import Clock
from infra.kafka.bus import Bus, BusUnavailable
from infra.kafka.following import Following
from schemas.envelope import envelope
from schemas.events import GrantRevoked
from schemas.vocabulary import GrantKind, Intent, Principal


class GrantView(BaseModel):
    """One grant. Names and meanings stay; more may be added."""

    id: str
    kind: GrantKind
    state: GrantState
    principal: str = Field(description="to whom")
    acts_for: str = Field(description="the person for whom the agent must act; empty: for nobody")
    resource: str
    pattern: str = Field(description="the commands it lets through, where it is of kind pattern")
    intents: list[Intent] = Field(description="of the commands that a window lets through")
    session: str = Field(description="the session it is for, where it is of kind session")
    rule: str = Field(description="the rule whose review it stands for")
    issued_by: str
    issued_at: datetime
    starts_at: datetime
    expires_at: datetime
    uses: int | None = Field(description="how many commands it lets through; null: as many as come")
    used: int | None = Field(description="how many it let through; null where the audit log is away")
    reason: str
    ticket: str
    comment: str = Field(description="the reviewers'")
    approval: str = Field(description="the approval it was given with")
    revoked_by: str
    revoked_at: datetime | None
    revocation: str = Field(description="why it was revoked")
    can_revoke: bool = Field(description="whether the one who asks may end it now")


@dataclass(frozen=True, slots=True)
class Grants:
    """The grants, as `following` keeps the register up to date, and where they are ended."""

    register: Register
    following: Following
    bus: Bus
    access: Access
    administrators: Collection[str]
    audit_log: AuditLog
    node: str
    clock: Clock

    def visible_to(self, who: Principal) -> list[Entry]:
        """Those this principal may see, the newest first. Raises Problem when Kafka is away."""
        self._must_be_current()
        return [entry for entry in self.register.entries(self.clock()) if sees_grant(self.access, who, entry)]

    def find(self, given: str, who: Principal) -> Entry:
        """The grant with this id, or whose id begins so. Raises Problem."""
        self._must_be_current()
        found = [entry for entry in self.register.find(given.lower()) if sees_grant(self.access, who, entry)]
        if not found:
            raise _unknown(given)
        if len(found) > 1:
            raise _ambiguous(given, len(found))
        return found[0]

    async def revoke(self, given: str, who: Principal, reason: str) -> Entry:
        """Ends a grant now; what runs under it is cut off. Raises Problem."""
        entry = self.find(given, who)
        if forbidden := obstacle_to_ending(who, entry, self.administrators):
            raise Problem(
                HTTPStatus.FORBIDDEN, "not-yours-to-revoke", forbidden, "Ask one of them.", extra={}
            )
        now = self.clock()
        if entry.state(now) in (GrantState.REVOKED, GrantState.ENDED):
            raise Problem(
                HTTPStatus.CONFLICT,
                "already-ended",
                f"Grant {entry.id[:8]} is {entry.state(now).value}.",
                "Nothing needs to be done: it lets nothing through.",
            )
        about = entry.issued.envelope
        event = GrantRevoked(
            envelope=envelope(now, self.node, principal=about.principal, resource=about.resource),
            grant=entry.id,
            revoked_by=who.name,
            reason=reason,
        )
        try:
            await self.bus.publish_durably(event)
        except BusUnavailable as error:
            raise unavailable(str(error)) from error
        self.register.apply(event)
        return self.find(entry.id, who)

    async def views(self, entries: list[Entry], who: Principal) -> list[GrantView]:
        """The grants as `who` gets to see them; how often they were used, the audit log says."""
        used = await self.audit_log.grant_uses([entry.id for entry in entries])
        now = self.clock()
        return [
            _view(
                entry,
                None if used is None else used.get(entry.id, 0),
                now,
                can_revoke=not obstacle_to_ending(who, entry, self.administrators),
            )
            for entry in entries
        ]

    def _must_be_current(self) -> None:
        if not self.following.is_current:
            raise unavailable("The grants cannot be read from Kafka now.")


def routes(grants: Grants, sign_in: SignIn) -> APIRouter:
    router = APIRouter(prefix="/grants", tags=["grants"])
    identifier = Path(
        description=f"the id, or at least its first {SHORTEST_PREFIX} characters",
        min_length=SHORTEST_PREFIX,
        max_length=36,
    )
    reading = documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)
    ending = reading | documented(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT)

    @router.get("", responses=reading)
    async def list_grants(
        who: Annotated[Principal, Depends(sign_in)],
        state: Annotated[Literal["open", "all"], Query()] = "open",
    ) -> list[GrantView]:
        """The grants you may see, the newest first: those that are not over or, with `all`, of eight days."""
        now = grants.clock()
        found = [
            entry
            for entry in grants.visible_to(who)
            if state == "all" or entry.state(now) in (GrantState.ACTIVE, GrantState.UPCOMING)
        ]
        return await grants.views(found, who)

    @router.get("/{grant}", responses=reading)
    async def show_grant(
        grant: Annotated[str, identifier], who: Annotated[Principal, Depends(sign_in)]
    ) -> GrantView:
        """One grant."""
        return (await grants.views([grants.find(grant, who)], who))[0]

    @router.delete("/{grant}", responses=ending)
    async def revoke_grant(
        grant: Annotated[str, identifier],
        who: Annotated[Principal, Depends(sign_in)],
        reason: Annotated[str, Query(min_length=1), AfterValidator(clean_comment)],
    ) -> GrantView:
        """Ends a grant now: nothing more is let through by it, and what runs by it is cancelled. Reviewers of
        its rule, administrators and whoever has it may. `reason` tells whoever has it why."""
        return (await grants.views([await grants.revoke(grant, who, reason)], who))[0]

    return router


def _view(entry: Entry, used: int | None, now: datetime, *, can_revoke: bool) -> GrantView:
    issued, revoked = entry.issued, entry.revoked
    state = entry.state(now)
    if state is GrantState.ACTIVE and issued.uses is not None and used is not None and used >= issued.uses:
        state = GrantState.ENDED
    return GrantView(
        id=entry.id,
        kind=issued.kind,
        state=state,
        principal=issued.envelope.principal,
        acts_for=issued.acts_for,
        resource=issued.envelope.resource,
        pattern=issued.pattern,
        intents=list(issued.intents),
        session=issued.envelope.session if issued.kind is GrantKind.SESSION else "",
        rule=issued.rule,
        issued_by=issued.issued_by,
        issued_at=issued.envelope.time,
        starts_at=entry.starts_at,
        expires_at=issued.expires_at,
        uses=issued.uses,
        used=used,
        reason=issued.reason,
        ticket=issued.ticket,
        comment=issued.comment,
        approval=issued.approval,
        revoked_by=revoked.revoked_by if revoked is not None else "",
        revoked_at=revoked.envelope.time if revoked is not None else None,
        revocation=revoked.reason if revoked is not None else "",
        can_revoke=can_revoke and state in (GrantState.ACTIVE, GrantState.UPCOMING),
    )


def _unknown(given: str) -> Problem:
    return Problem(
        HTTPStatus.NOT_FOUND,
        "unknown-grant",
        f"No grant {given} that you may see is there.",
        "Check the id, at least its first 6 characters. The audit log has the older ones.",
    )


def _ambiguous(given: str, count: int) -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "ambiguous-grant",
        f"{count} grants begin with {given}.",
        "Give more characters of the id.",
    )
