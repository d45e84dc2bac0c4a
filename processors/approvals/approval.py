"""One approval as a state machine: an event in, the approval after it and what follows from it out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from processors.approvals.quorum import has_quorum
from processors.approvals.stages import deciders, stage_after
from processors.approvals.states import may_follow
from processors.approvals.unattended import decide_unattended, gives_up
from processors.grants.issuing import issued, revoked
from processors.grants.terms import agreed
from processors.grants.terms import why_not as why_not_granted
from processors.policy.bundle import Bundle
from processors.policy.command import command_of
from processors.policy.decision import decide
from processors.policy.verdict import obligations_of, verdict_id
from schemas.envelope import Envelope, envelope
from schemas.events import (
    ApprovalEscalated,
    ApprovalRequested,
    ApprovalSettled,
    ApprovalWithdrawn,
    CommandAllowed,
    CommandDenied,
    CommandRevoked,
    Event,
    PauseLifted,
    ReviewDecided,
)
from schemas.ids import derived_id
from schemas.vocabulary import (
    Answer,
    ApprovalState,
    Fallback,
    GrantTerms,
    Obligations,
    Principal,
    PrincipalKind,
    Verdict,
    asked_by,
)

KEPT_FOR = timedelta(days=1)
"""How long after its deadline an approval is remembered, so that a late repeat finds it settled."""

LONGEST_COMMENT = 10_000
"""Characters kept of what reviewers say, so that no event about it grows too large for Kafka."""

Input = ApprovalRequested | ReviewDecided | ApprovalWithdrawn | ApprovalEscalated | ApprovalSettled


@dataclass(frozen=True, slots=True)
class Vote:
    """An approval that counts, and what the reviewer said."""

    reviewer: Principal
    comment: str
    grant: GrantTerms | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval: what was asked, who approved so far, and how it stands.

    `settled_by`: whose answers ended it. Two that come at once may each propose an end of the same kind: the
    first one read is the end, and only it is told again.
    """

    request: ApprovalRequested
    state: ApprovalState = ApprovalState.PENDING
    votes: tuple[Vote, ...] = ()
    settled_by: tuple[str, ...] = ()
    is_escalated: bool = False
    is_unattended: bool = False  # it ended because no reviewer could be reached

    @property
    def stage(self) -> int | None:
        """The number of the stage that waits; None where all have approved."""
        return stage_after(self.request, [(vote.reviewer.name, vote.reviewer.groups) for vote in self.votes])

    @property
    def deciders(self) -> tuple[str, ...]:
        """The groups that decide now; once all have approved, those of all stages."""
        return deciders(self.request, self.stage, escalated=self.is_escalated)

    @property
    def escalates_at(self) -> datetime | None:
        """When others may decide as well; None where they may already, or never."""
        return self.request.escalates_at if not self.is_escalated else None

    @property
    def due_at(self) -> datetime:
        """When something must happen by itself: its escalation, its deadline, later the end of memory."""
        deadline = self.request.expires_at
        if self.state is not ApprovalState.PENDING:
            return deadline + KEPT_FOR
        return min(deadline, self.escalates_at or deadline)


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one event: the approval after it, the events that follow, and why nothing did."""

    approval: Approval | None
    events: tuple[Event, ...] = ()
    ignored: str = ""
    told: ApprovalSettled | None = None  # for whoever keeps the standing approvals


def apply(approval: Approval | None, event: Input, bundle: Bundle, now: datetime, node: str) -> Step:
    """What one event does to an approval (None: unknown so far). Repeats and late events change nothing."""
    match event:
        case ApprovalRequested():
            return _requested(approval, event, now)
        case _ if approval is None:
            return Step(None, ignored="there is no such approval, or it was settled long ago")
        case ReviewDecided():
            return _decided(approval, event, now, node)
        case ApprovalEscalated():
            return Step(replace(approval, is_escalated=True))
        case ApprovalWithdrawn():
            return propose(approval, ApprovalState.WITHDRAWN, (), event.reason, now, node)
        case ApprovalSettled():
            return _settled(approval, event, bundle, node)


def expire(approval: Approval, now: datetime, node: str) -> Step:
    """What an approval whose `due_at` has come does: end undecided, or be forgotten (approval None)."""
    if now < approval.due_at:
        return Step(approval, ignored="not due yet")
    if approval.state is not ApprovalState.PENDING:
        return Step(None)
    if now < approval.request.expires_at:
        return _escalate(approval, node)
    return propose(approval, ApprovalState.TIMED_OUT, (), "", now, node)


def give_up(approval: Approval, now: datetime, node: str) -> Step:
    """What an approval does when no reviewer can be reached: it times out at once, where its rule says so."""
    if approval.state is not ApprovalState.PENDING or not gives_up(approval.request):
        return Step(approval, ignored="it does not wait for reviewers, or its rule holds it")
    return propose(approval, ApprovalState.TIMED_OUT, (), "", now, node, unattended=True)


def _escalate(approval: Approval, node: str) -> Step:
    """Lets others decide as well. It is so once this event is read back; meanwhile it is not due again."""
    request = approval.request
    assert request.escalates_at is not None, "it is due before its deadline only where it escalates"
    event = ApprovalEscalated(
        envelope=_envelope(
            request, derived_id("approval escalated", request.approval), request.escalates_at, node
        ),
        approval=request.approval,
        reviewers=request.escalates_to,
    )
    return Step(approval, (event,))


def why_not(approval: Approval, decision: ReviewDecided) -> str:
    """Why a reviewer's answer does not count; empty when it does."""
    request, reviewer = approval.request, decision.reviewer
    if decision.digest != request.digest:
        return "the reviewer was shown another command"
    if reviewer.kind is not PrincipalKind.PERSON:
        return "only a person decides"
    if reviewer.name.casefold() in asked_by(request.principal):
        return "nobody decides on their own request"
    if set(reviewer.groups).isdisjoint(approval.deciders):
        return "the reviewer is in none of the rule's groups"
    if decision.grant is not None:
        return why_not_granted(request, decision.grant)
    return ""


def _requested(approval: Approval | None, event: ApprovalRequested, now: datetime) -> Step:
    if approval is not None:
        return Step(approval, ignored="a repeat")
    if now >= event.expires_at + KEPT_FOR:
        return Step(None, ignored="a repeat from long ago, or a request nobody processed for a day")
    return Step(Approval(event))


def _decided(approval: Approval, event: ReviewDecided, now: datetime, node: str) -> Step:
    if event.answer is Answer.REVOKE:
        return _revoked(approval, event, now, node)
    if event.answer is Answer.RESUME:
        return _resumed(approval, event, node)
    if approval.state is not ApprovalState.PENDING:
        return Step(approval, ignored=f"already {approval.state.value}")
    if now >= approval.request.expires_at:
        return replace(expire(approval, now, node), ignored="the deadline had passed")
    if reason := why_not(approval, event):
        return Step(approval, ignored=reason)
    if event.answer is Answer.REJECT:
        return propose(approval, ApprovalState.REJECTED, (event.reviewer.name,), event.comment, now, node)
    # Once there is a quorum no vote is added, so that a repeat proposes the same settlement.
    if approval.stage is not None and not _has_voted(approval, event.reviewer):
        votes = (*approval.votes, Vote(event.reviewer, event.comment[:LONGEST_COMMENT], event.grant))
        approval = replace(approval, votes=votes)
    if approval.stage is not None:
        return Step(approval)
    names = tuple(vote.reviewer.name for vote in approval.votes)
    comment = "; ".join(vote.comment for vote in approval.votes if vote.comment)
    grant = agreed([vote.grant for vote in approval.votes])
    return propose(approval, ApprovalState.APPROVED, names, comment, now, node, grant)


def _revoked(approval: Approval, event: ReviewDecided, now: datetime, node: str) -> Step:
    """What was approved is taken back; of what waits, or ended otherwise, there is nothing to take back."""
    if approval.state is not ApprovalState.APPROVED:
        return Step(approval, ignored=f"{approval.state.value}: there is nothing to revoke")
    if reason := why_not(approval, event):
        return Step(approval, ignored=reason)
    return propose(approval, ApprovalState.REVOKED, (event.reviewer.name,), event.comment, now, node)


def _resumed(approval: Approval, event: ReviewDecided, node: str) -> Step:
    """What was rejected counts no longer against who asked."""
    if approval.state is not ApprovalState.REJECTED:
        return Step(approval, ignored=f"{approval.state.value}: it leads to no pause")
    if reason := why_not(approval, event):
        return Step(approval, ignored=reason)
    lifted = PauseLifted(
        envelope=_envelope(
            approval.request, derived_id("pause lifted", event.envelope.id), event.envelope.time, node
        ),
        approval=approval.request.approval,
        rule=approval.request.rule,
        lifted_by=event.reviewer.name,
        comment=event.comment[:LONGEST_COMMENT],
    )
    return Step(approval, (lifted,))


def _are_enough(votes: Sequence[Vote], approvals: int, all_of: Sequence[str]) -> bool:
    return has_quorum(approvals, all_of, {vote.reviewer.name: vote.reviewer.groups for vote in votes})


def _has_voted(approval: Approval, reviewer: Principal) -> bool:
    return any(vote.reviewer.name.casefold() == reviewer.name.casefold() for vote in approval.votes)


def propose(
    approval: Approval,
    state: ApprovalState,
    decided_by: tuple[str, ...],
    comment: str,
    now: datetime,
    node: str,
    grant: GrantTerms | None = None,
    *,
    unattended: bool = False,
) -> Step:
    """Asks for an end of the approval; it has ended when this event is read back from the log."""
    if not may_follow(approval.state, state):
        return Step(approval, ignored=f"already {approval.state.value}")
    request = approval.request
    # An approval is settled once, and once more where what was approved is revoked.
    what = "approval revoked" if state is ApprovalState.REVOKED else "approval settled"
    settled = ApprovalSettled(
        envelope=_envelope(request, derived_id(what, request.approval), now, node),
        approval=request.approval,
        state=state,
        rule=request.rule,
        decided_by=decided_by,
        comment=comment[:LONGEST_COMMENT],
        requested_at=request.envelope.time,
        digest=request.digest,
        grant=grant,
        unattended=unattended,
    )
    return Step(approval, (settled,))


def _settled(approval: Approval, event: ApprovalSettled, bundle: Bundle, node: str) -> Step:
    """The settlement: the approval ends so, and the verdict follows; told again, it is said again."""
    if may_follow(approval.state, event.state):
        approval = replace(
            approval, state=event.state, settled_by=event.decided_by, is_unattended=event.unattended
        )
    elif (approval.state, approval.settled_by, approval.is_unattended) != (
        event.state,
        event.decided_by,
        event.unattended,
    ):
        return Step(approval, ignored=f"already {approval.state.value}")
    grants = tuple(
        follows
        for follows in (issued(approval.request, event, node), revoked(approval.request, event, node))
        if follows is not None
    )
    if approval.request.access is not None:  # no command waits
        return Step(approval, grants)
    if approval.request.afterwards:
        stops = event.state in (ApprovalState.REJECTED, ApprovalState.REVOKED)
        return Step(approval, (_order(approval, event, node),) if stops else ())
    if not approval.request.hold:
        return Step(approval, grants, told=event)
    if event.state is ApprovalState.REVOKED:
        return Step(approval, (_order(approval, event, node), *grants))
    if event.unattended:
        return Step(approval, (_verdict_unattended(bundle, approval, event, node),))
    lets_through = event.state is ApprovalState.APPROVED or (
        event.state is ApprovalState.TIMED_OUT and approval.request.on_timeout is Fallback.ALLOW
    )
    if not lets_through:
        return Step(approval, (_denied(approval, event, bundle.version, _ending(event), node),))
    verdict = _verdict_under(bundle, approval, event, node)
    return Step(approval, (verdict, *grants) if isinstance(verdict, CommandAllowed) else (verdict,))


def _verdict_under(
    bundle: Bundle, approval: Approval, settled: ApprovalSettled, node: str
) -> CommandAllowed | CommandDenied:
    """The verdict of an approval that lets its command through, under the policy in force now."""
    request = approval.request
    if bundle.version == request.policy_version:
        return _allowed(approval, settled, request.rule, bundle.version, request.obligations, node)
    resource = bundle.resources.get(request.envelope.resource)
    if resource is None:
        return _denied(approval, settled, bundle.version, _CHANGED, node)
    decision = decide(command_of(request, resource), bundle.rules, settled.envelope.time)
    if decision.verdict is Verdict.DENY:
        ending = (decision.message, decision.hint)
        return _denied(approval, settled, bundle.version, ending, node, rule=decision.rule)
    review = decision.review
    if review is not None and settled.state is ApprovalState.APPROVED:
        counting = [
            vote for vote in approval.votes if not set(vote.reviewer.groups).isdisjoint(review.reviewers)
        ]
        is_later = review.then not in ((), request.then)
        if is_later or not _are_enough(counting, review.approvals, review.all_of):
            return _denied(approval, settled, bundle.version, _CHANGED, node, rule=decision.rule)
    if review is not None and settled.state is ApprovalState.TIMED_OUT and review.on_timeout is Fallback.DENY:
        return _denied(approval, settled, bundle.version, _CHANGED, node, rule=decision.rule)
    obligations = obligations_of(request, bundle, decision.limits, decision.limited_by)
    obligations = replace(obligations, unmasked=request.unmask)
    return _allowed(approval, settled, decision.rule, bundle.version, obligations, node)


def _verdict_unattended(
    bundle: Bundle, approval: Approval, settled: ApprovalSettled, node: str
) -> CommandAllowed | CommandDenied:
    """The verdict where no reviewer could be reached."""
    request = approval.request
    decision = decide_unattended(request, bundle, settled.envelope.time)
    if decision.verdict is Verdict.ALLOW:
        allowed = _allowed(approval, settled, decision.rule, bundle.version, request.obligations, node)
        return replace(allowed, unattended=True)
    ending = (decision.message, decision.hint)
    rule = decision.rule or request.rule
    return replace(_denied(approval, settled, bundle.version, ending, node, rule=rule), unattended=True)


_ENDINGS = {
    ApprovalState.REJECTED: (
        "a reviewer rejected this command",
        "Nothing was executed. The reviewer's words say why.",
    ),
    ApprovalState.TIMED_OUT: (
        "no reviewer decided in time",
        "Nothing was executed. Run it again when a reviewer is there.",
    ),
}


def _ending(settled: ApprovalSettled) -> tuple[str, str]:
    """Message and hint of what was not let through. Who withdrew it has gone, unless the rules did."""
    if settled.state is ApprovalState.WITHDRAWN:
        message = f"the request for review was withdrawn: {settled.comment}"
        return message, "Nothing was executed. Run it again to have it judged anew."
    return _ENDINGS[settled.state]


_CHANGED = (
    "the policy changed while this command waited, and now asks for more than was given",
    "Nothing was executed. Run it again to ask under the new policy.",
)


def _allowed(
    approval: Approval,
    settled: ApprovalSettled,
    rule: str,
    version: str,
    obligations: Obligations,
    node: str,
) -> CommandAllowed:
    request = approval.request
    return CommandAllowed(
        envelope=_verdict_envelope(approval, settled, node),
        digest=request.digest,
        rule=rule,
        policy_version=version,
        expires_at=settled.envelope.time + timedelta(seconds=request.valid_for),
        obligations=obligations,
        approval=request.approval,
        decided_by=settled.decided_by,
        comment=settled.comment,
    )


def _order(approval: Approval, settled: ApprovalSettled, node: str) -> CommandRevoked:
    """What makes an ingress stop the command."""
    request = approval.request
    id = derived_id("command revoked", request.envelope.command)
    return CommandRevoked(
        envelope=_envelope(request, id, settled.envelope.time, node),
        digest=request.digest,
        approval=request.approval,
        revoked_by=", ".join(settled.decided_by),
        comment=settled.comment,
    )


def _denied(
    approval: Approval,
    settled: ApprovalSettled,
    version: str,
    ending: tuple[str, str],
    node: str,
    *,
    rule: str | None = None,
) -> CommandDenied:
    message, hint = ending
    return CommandDenied(
        envelope=_verdict_envelope(approval, settled, node),
        digest=approval.request.digest,
        rule=approval.request.rule if rule is None else rule,
        policy_version=version,
        message=message,
        hint=hint,
        approval=approval.request.approval,
        state=settled.state,
        decided_by=settled.decided_by,
        comment=settled.comment,
    )


def _verdict_envelope(approval: Approval, settled: ApprovalSettled, node: str) -> Envelope:
    # The settlement's time, not the clock's: a verdict that is said again after a crash is the same one.
    asked = approval.request.envelope
    return _envelope(approval.request, verdict_id(asked.command), settled.envelope.time, node)


def _envelope(request: ApprovalRequested, id: str, now: datetime, node: str) -> Envelope:
    asked = request.envelope
    return envelope(
        now,
        node,
        id=id,
        session=asked.session,
        command=asked.command,
        principal=asked.principal,
        resource=asked.resource,
        trace=asked.trace,
    )
