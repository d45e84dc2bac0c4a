"""A settlement -> the verdict on its command, and the order that stops it. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from processors.approvals.quorum import has_quorum
from processors.approvals.record import Approval, Vote
from processors.approvals.unattended import decide_unattended
from processors.policy.bundle import Bundle
from processors.policy.command import command_of
from processors.policy.decision import decide
from processors.policy.verdict import obligations_of, verdict_id
from schemas.envelope import Envelope, envelope_about
from schemas.events import ApprovalSettled, CommandAllowed, CommandDenied, CommandRevoked
from schemas.ids import derived_id
from schemas.vocabulary import ApprovalState, Fallback, Obligations, Verdict


def verdict_under(
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


def verdict_unattended(
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


def verdict_without(approval: Approval, settled: ApprovalSettled, bundle: Bundle, node: str) -> CommandDenied:
    """The verdict of an approval that does not let its command through."""
    return _denied(approval, settled, bundle.version, _ending(settled), node)


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


def order_to_stop(approval: Approval, settled: ApprovalSettled, node: str) -> CommandRevoked:
    """What makes an ingress stop the command."""
    request = approval.request
    id = derived_id("command revoked", request.envelope.command)
    return CommandRevoked(
        envelope=envelope_about(request.envelope, settled.envelope.time, node, id=id),
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
    return envelope_about(asked, settled.envelope.time, node, id=verdict_id(asked.command))


def _are_enough(votes: Sequence[Vote], approvals: int, all_of: Sequence[str]) -> bool:
    return has_quorum(approvals, all_of, {vote.reviewer.name: vote.reviewer.groups for vote in votes})
