"""What waits for a reviewer when the rules change: it goes on waiting where the same rules still ask the same
reviewers for it, and is withdrawn otherwise. Pure."""

from datetime import datetime, timedelta

from processors.approvals.approval import propose
from processors.approvals.record import Approval, Step
from processors.policy.bundle import Bundle
from processors.policy.command import command_of
from processors.policy.decision import decide
from schemas.events import ApprovalRequested
from schemas.vocabulary import ApprovalState, Verdict

CHANGED = "the rules changed while it waited"

_AGAIN_AFTER = timedelta(seconds=10)


class Looks:
    """When what waits is looked through: as soon as the rules are others, and once more a while later."""

    def __init__(self) -> None:
        self._version = ""
        self._again_at: datetime | None = None

    def is_due(self, version: str, now: datetime) -> bool:
        """Whether it is time; each time is given once. `version`: of the policy in force."""
        if version != self._version:
            self._version, self._again_at = version, now + _AGAIN_AFTER
            return True
        if self._again_at is not None and now >= self._again_at:
            self._again_at = None
            return True
        return False


def reconsider(approval: Approval, bundle: Bundle, now: datetime, node: str) -> Step:
    """What the rules in force make of an approval that may have been asked for under others."""
    request = approval.request
    if approval.state is not ApprovalState.PENDING or request.policy_version == bundle.version:
        return Step(approval, ignored="not asked for under other rules")
    if request.afterwards or _is_still_asked(request, bundle, now):
        return Step(approval, ignored="the same rules still ask for it")
    return propose(approval, ApprovalState.WITHDRAWN, (), CHANGED, now, node)


def _is_still_asked(request: ApprovalRequested, bundle: Bundle, now: datetime) -> bool:
    resource = bundle.resources.get(request.envelope.resource)
    if resource is None or not request.rules:
        return False
    if request.access is not None:
        return {compiled.digest for compiled in bundle.rules}.issuperset(request.rules)
    if not request.hold:
        return False  # to ask again under other rules is to ask anew
    decision = decide(command_of(request, resource), bundle.rules, now)
    return (
        decision.verdict is Verdict.REVIEW
        and decision.rules == request.rules
        and decision.review is not None
        and decision.review.reviewers == request.reviewers
    )
