"""One approval as a state machine: an event in, the approval after it and what follows from it out."""

from dataclasses import replace
from datetime import datetime

from processors.approvals.record import KEPT_FOR, LONGEST_COMMENT, Approval, Step, Vote
from processors.approvals.states import may_follow
from processors.approvals.unattended import gives_up
from processors.approvals.verdicts import order_to_stop, verdict_unattended, verdict_under, verdict_without
from processors.grants.issuing import issued, revoked
from processors.grants.terms import agreed
from processors.grants.terms import why_not as why_not_granted
from processors.policy.bundle import Bundle
from schemas.envelope import envelope_about
from schemas.events import (
    ApprovalEscalated,
    ApprovalRequested,
    ApprovalSettled,
    ApprovalWithdrawn,
    CommandAllowed,
    PauseLifted,
    ReviewDecided,
)
from schemas.ids import derived_id
from schemas.vocabulary import (
    Answer,
    ApprovalState,
    Fallback,
    GrantTerms,
    Principal,
    PrincipalKind,
    asked_by,
)

Input = ApprovalRequested | ReviewDecided | ApprovalWithdrawn | ApprovalEscalated | ApprovalSettled


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
        envelope=envelope_about(
            request.envelope,
            request.escalates_at,
            node,
            id=derived_id("approval escalated", request.approval),
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
        envelope=envelope_about(
            approval.request.envelope,
            event.envelope.time,
            node,
            id=derived_id("pause lifted", event.envelope.id),
        ),
        approval=approval.request.approval,
        rule=approval.request.rule,
        lifted_by=event.reviewer.name,
        comment=event.comment[:LONGEST_COMMENT],
    )
    return Step(approval, (lifted,))


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
        envelope=envelope_about(request.envelope, now, node, id=derived_id(what, request.approval)),
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
        return Step(approval, (order_to_stop(approval, event, node),) if stops else ())
    if not approval.request.hold:
        return Step(approval, grants, told=event)
    if event.state is ApprovalState.REVOKED:
        return Step(approval, (order_to_stop(approval, event, node), *grants))
    if event.unattended:
        return Step(approval, (verdict_unattended(bundle, approval, event, node),))
    lets_through = event.state is ApprovalState.APPROVED or (
        event.state is ApprovalState.TIMED_OUT and approval.request.on_timeout is Fallback.ALLOW
    )
    if not lets_through:
        return Step(approval, (verdict_without(approval, event, bundle, node),))
    verdict = verdict_under(bundle, approval, event, node)
    return Step(approval, (verdict, *grants) if isinstance(verdict, CommandAllowed) else (verdict,))
