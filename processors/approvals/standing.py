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
from schemas.events import ApprovalRequested, ApprovalSettled, CommandAllowed, CommandDenied, Event
from schemas.vocabulary import ApprovalState

REJECTED_FOR = timedelta(days=1)
"""How long after its rejection a command is refused without asking again."""

_PENDING = "a reviewer has been asked, and has not decided yet"
_PENDING_HINT = (
    "Nothing was executed. Run the very same command again once it is approved; it then runs once."
)
_REJECTED = "a reviewer rejected this command"
_REJECTED_HINT = "Nothing was executed, and to run it again will not help. The reviewer's words say why."


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the newest approval of one command. `until`: how long it may be joined (pending), used
    (approved), or is held against the command (rejected)."""

    digest: str
    approval: str
    rule: str
    policy_version: str
    valid_for: float  # seconds
    until: datetime
    state: ApprovalState = ApprovalState.PENDING
    decided_by: tuple[str, ...] = ()
    comment: str = ""
    used_by: str = ""  # the command that ran by it
    used_at: datetime | None = None

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
        if standing.used_by == request.envelope.command and standing.used_at is not None:
            return Turn(standing, (_allowed(standing, request, standing.used_at),))
        if standing.counts_for(request, now):
            match standing.state:
                case ApprovalState.PENDING:
                    return Turn(standing, (_denied(request, standing.approval),))
                case ApprovalState.REJECTED:
                    return Turn(standing, (_rejected(standing, request),))
                case ApprovalState.APPROVED if not standing.used_by:
                    used = replace(standing, used_by=request.envelope.command, used_at=now)
                    return Turn(used, (_allowed(used, request, now),))
    asked = Standing(
        request.digest,
        request.approval,
        request.rule,
        request.policy_version,
        request.valid_for,
        request.expires_at,
    )
    return Turn(asked, (request, _denied(request, request.approval)))


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
