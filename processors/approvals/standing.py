"""An approval that stands: of a rule that does not hold its commands. The client is answered at once, and
uses the approval by asking for the very same command again. Pure.

    nothing ──asked──▶ pending ──┬─ approved ──asked──▶ used, and the command runs
                                 ├─ rejected ──asked──▶ denied, with the reviewer's words
                                 └─ timed out, revoked
    used, timed out, revoked or of another policy ──asked──▶ a new approval

Whatever says that an approval was used is durable before its verdict is said: of several who ask, one runs,
and what became of that one does not matter: nothing runs again without a new decision.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from processors.policy.verdict import ALLOWED_FOR, verdict_id
from schemas.envelope import Envelope
from schemas.events import (
    ApprovalRequested,
    ApprovalSettled,
    CommandAllowed,
    CommandDenied,
    CommandRevoked,
    Event,
)
from schemas.ids import derived_id, time_of
from schemas.vocabulary import ApprovalState

REJECTED_FOR = timedelta(days=1)
"""How long after its rejection a command is refused without asking again."""

_PENDING = "a reviewer has been asked, and has not decided yet"
_PENDING_HINT = (
    "Nothing was executed. Run the very same command again once it is approved; it then runs once."
)
_REJECTED = "a reviewer rejected this command"
_REJECTED_HINT = "Nothing was executed, and to run it again will not help. The reviewer's words say why."


_REMEMBERED = 8  # uses
_REVOCABLE = timedelta(days=1)  # after its use: how long a command may still run when its approval is revoked


@dataclass(frozen=True, slots=True)
class Use:
    """A command that ran by an approval, and where its ingress listens."""

    approval: str
    envelope: Envelope
    reply_to: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the newest approval of one command. `until`: how long it may be joined (pending), used
    (approved), or is held against the command (rejected). `told_until`: who asked up to then was told
    to come again."""

    digest: str
    approval: str
    rule: str
    policy_version: str
    valid_for: float  # seconds
    told_until: datetime
    until: datetime
    state: ApprovalState = ApprovalState.PENDING
    decided_by: tuple[str, ...] = ()
    comment: str = ""
    uses: tuple[Use, ...] = ()  # of this and of earlier approvals, the newest last

    @property
    def is_used(self) -> bool:
        return any(use.approval == self.approval for use in self.uses)

    @property
    def forgotten_at(self) -> datetime:
        """When nothing of it matters any more. A settlement may be read after the time it was made in."""
        return max([self.until + timedelta(minutes=1), *(use.at + _REVOCABLE for use in self.uses)])

    def use_of(self, command: str) -> Use | None:
        return next((use for use in self.uses if use.envelope.command == command), None)

    def counts_for(self, request: ApprovalRequested, now: datetime) -> bool:
        """Whether it is about the same, under the same rule of the same policy, and its time is not over."""
        about = (self.digest, self.rule, self.policy_version)
        return about == (request.digest, request.rule, request.policy_version) and now < self.until


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one event: what stands after it, and what is said once that is durable."""

    standing: Standing
    events: tuple[Event, ...] = ()


def ask(standing: Standing | None, request: ApprovalRequested, now: datetime) -> Turn:
    """Somebody asks for a command. `request`: the approval that is asked for where none stands."""
    if standing is not None:
        if standing.approval == request.approval:  # a repeat: what was said may not have been heard
            return Turn(standing, (request, _denied(request, request.approval)))
        use = standing.use_of(request.envelope.command)
        if use is not None and use.approval == standing.approval:  # likewise
            return Turn(standing, (_allowed(standing, request, use.at),))
        if use is not None:
            return Turn(standing)  # it ran by an approval that another has taken the place of
        counts = standing.counts_for(request, now)
        if counts and standing.state is ApprovalState.REJECTED:
            return Turn(standing, (_rejected(standing, request),))
        # Who was told to come again may be read again after a crash: its client has left, so it neither uses
        # the approval up nor begins another.
        asked_at = time_of(request.envelope.command)
        if asked_at <= standing.told_until:
            return Turn(standing, (_denied(request, standing.approval),))
        if counts and standing.state is ApprovalState.PENDING:
            return Turn(replace(standing, told_until=asked_at), (_denied(request, standing.approval),))
        if counts and standing.state is ApprovalState.APPROVED and not standing.is_used:
            use = Use(standing.approval, request.envelope, request.reply_to, now)
            used = replace(standing, uses=(*standing.uses, use)[-_REMEMBERED:])
            return Turn(used, (_allowed(used, request, now),))
    asked = Standing(
        request.digest,
        request.approval,
        request.rule,
        request.policy_version,
        request.valid_for,
        time_of(request.envelope.command),
        request.expires_at,
        uses=standing.uses if standing is not None else (),
    )
    return Turn(asked, (request, _denied(request, request.approval)))


def revoke(standing: Standing | None, event: ApprovalSettled) -> tuple[CommandRevoked, int] | None:
    """What stops the command that ran by an approval which was revoked, and where its ingress listens; None
    where none did."""
    uses = standing.uses if standing is not None and event.state is ApprovalState.REVOKED else ()
    use = next((use for use in uses if use.approval == event.approval), None)
    if use is None:
        return None
    id = derived_id("command revoked", use.envelope.command)
    order = CommandRevoked(
        envelope=replace(use.envelope, id=id, time=event.envelope.time),
        digest=event.digest,
        approval=event.approval,
        revoked_by=", ".join(event.decided_by),
        comment=event.comment,
    )
    return order, use.reply_to


def settle(standing: Standing | None, event: ApprovalSettled) -> Standing | None:
    """What stands after an approval was settled: of one that another took the place of, nothing changes.

    What was used stays used, and what was revoked is not approved again by a repeat.
    """
    if standing is None or standing.approval != event.approval:
        return standing
    if standing.state not in (ApprovalState.PENDING, ApprovalState.APPROVED):
        return standing
    if standing.state is ApprovalState.APPROVED and event.state is not ApprovalState.REVOKED:
        return standing
    lasts = timedelta(seconds=standing.valid_for)
    return replace(
        standing,
        state=event.state,
        until=event.envelope.time + (REJECTED_FOR if event.state is ApprovalState.REJECTED else lasts),
        decided_by=event.decided_by,
        comment=event.comment,
    )


def _allowed(standing: Standing, request: ApprovalRequested, at: datetime) -> CommandAllowed:
    return CommandAllowed(
        envelope=_envelope(request, at),
        digest=request.digest,
        rule=request.rule,
        policy_version=request.policy_version,
        expires_at=min(standing.until, at + ALLOWED_FOR),
        obligations=request.obligations,
        approval=standing.approval,
        decided_by=standing.decided_by,
        comment=standing.comment,
    )


def _rejected(standing: Standing, request: ApprovalRequested) -> CommandDenied:
    return replace(
        _denied(request, standing.approval),
        message=_REJECTED,
        hint=_REJECTED_HINT,
        state=standing.state,
        decided_by=standing.decided_by,
        comment=standing.comment,
    )


def _denied(request: ApprovalRequested, approval: str) -> CommandDenied:
    return CommandDenied(
        envelope=_envelope(request, request.envelope.time),
        digest=request.digest,
        rule=request.rule,
        policy_version=request.policy_version,
        message=_PENDING,
        hint=_PENDING_HINT,
        approval=approval,
        state=ApprovalState.PENDING,
        decided_by=(),
        comment="",
    )


def _envelope(request: ApprovalRequested, at: datetime) -> Envelope:
    return replace(request.envelope, id=verdict_id(request.envelope.command), time=at)
