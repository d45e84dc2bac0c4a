"""One decision: checked, published under the API's signature, and waited for."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus

from api.access import Access, Why, how_it_ended, obstacle, obstacle_to_revoking
from api.feed import Behind, Feed
from api.inbox import Approval
from api.problems import Problem, ambiguous_approval, unavailable, unknown_approval
from api.visible import is_odd
from infra.clock import Clock, now
from infra.kafka.bus import Bus, BusUnavailable
from processors.grants.terms import why_not as why_not_granted
from schemas.envelope import envelope_about
from schemas.events import ReviewDecided
from schemas.vocabulary import Answer, ApprovalState, GrantTerms, Principal

ANSWER_WITHIN = timedelta(seconds=10)
LONGEST_COMMENT = 2000  # characters

_STATE_AFTER = {
    Answer.APPROVE: ApprovalState.APPROVED,
    Answer.REJECT: ApprovalState.REJECTED,
    Answer.REVOKE: ApprovalState.REVOKED,
}


def clean_comment(comment: str) -> str:
    """The comment, which ends up in the requester's terminal. Raises ValueError for control characters."""
    comment = comment.replace("\r\n", "\n").strip()
    if any(is_odd(character) for character in comment if character not in "\n\t"):
        raise ValueError("expected text without control or invisible characters")
    if len(comment) > LONGEST_COMMENT:
        raise ValueError(f"expected at most {LONGEST_COMMENT} characters")
    return comment


@dataclass(frozen=True, slots=True)
class Review:
    """What a reviewer answers."""

    answer: Answer
    comment: str
    digest: str | None = None  # of the command that was shown; None: of the command that waits
    grant: GrantTerms | None = None  # what is granted along with an approval
    identical: tuple[str, ...] = ()  # requests for the very same that it is an answer to as well


class Desk:
    """Where approvals are looked up and decided: the inbox, and who may do what with it."""

    def __init__(
        self, feed: Feed, bus: Bus, access: Access, node: str, *, within: timedelta, clock: Clock = now
    ) -> None:
        self.access = access
        self._feed = feed
        self._bus = bus
        self._node = node
        self._within = within
        self._clock = clock

    @property
    def obstacle(self) -> str | None:
        """Why what is shown may not be what waits; None when it is."""
        return self._feed.obstacle

    def visible_to(self, who: Principal) -> tuple[Approval, ...]:
        """What this principal may see: pending, longest waiting first, then settled, newest first.

        Raises Problem when Kafka is away.
        """
        self._must_be_current()
        inbox = self._feed.inbox
        return tuple(a for a in (*inbox.pending(), *inbox.settled()) if self.access.sees(who, a))

    def find(self, given: str, who: Principal) -> Approval:
        """The approval with this id, or whose id begins so. Raises Problem."""
        return self._one(given, [a for a in self._found(given) if self.access.sees(who, a)])

    def identical(self, approval: Approval) -> tuple[Approval, ...]:
        """The identical requests that wait beside this one."""
        return self._feed.inbox.identical(approval)

    async def decide(self, given: str, who: Principal, review: Review) -> Approval:
        """Publishes the answer and waits until it is settled or, where more are needed, recorded; then the
        same for the identical requests that it is an answer to as well.

        Raises Problem: 403 not theirs to decide, 404 unknown, 409 nothing left to decide or another command
        than was shown, 503 no Kafka, 504 the processors do not answer.
        """
        approval = self._one(given, list(self._found(given)))
        self._check(approval, who, review)
        others = self._others(approval, review)
        await self._answer(approval, who, review)
        decided = self._result(approval, review)
        await self._answer_others(others, who, review)
        return decided

    async def decide_identical(self, approval: Approval, who: Principal, review: Review) -> None:
        """The same for those beside one whose answer is recorded already."""
        await self._answer_others(self._others(approval, review), who, review)

    def _others(self, approval: Approval, review: Review) -> list[Approval]:
        """Those that the review names beside the approval. Raises Problem where one is not identical."""
        found = [self._feed.inbox.get(id) for id in review.identical]
        others = [other for other in found if other is not None and other.is_identical(approval)]
        if len(others) < len(found):
            raise Problem(
                HTTPStatus.CONFLICT,
                "not-identical",
                "Not all of `identical` ask for the very same as this one.",
                "Nothing was decided. Look at the approval again, then decide.",
                extra={"approval": approval.id, "identical": [one.id for one in self.identical(approval)]},
            )
        return others

    async def _answer_others(self, others: list[Approval], who: Principal, review: Review) -> None:
        """What has ended or was answered meanwhile is left as it is; a grant is given once."""
        once, at = replace(review, grant=None), self._clock()
        waiting = (other for other in others if obstacle(who, other, at) is None)
        await asyncio.gather(*(self._answer(other, who, once) for other in waiting))

    async def _answer(self, approval: Approval, who: Principal, review: Review) -> None:
        moment = self._clock()
        event = ReviewDecided(
            envelope=envelope_about(approval.request.envelope, moment, self._node),
            approval=approval.id,
            reviewer=who,
            answer=review.answer,
            comment=review.comment,
            digest=approval.request.digest,
            grant=review.grant,
        )
        with self._feed.listen() as listener:
            try:
                await self._bus.publish_durably(event)
            except BusUnavailable as error:
                raise unavailable(str(error)) from error
            try:
                async with asyncio.timeout(self._within.total_seconds()):
                    while not self._has_answer(approval.id, who, review.answer):
                        await listener.next()
            except (TimeoutError, Behind) as error:
                raise _no_answer(approval, self._within) from error

    def _found(self, given: str) -> tuple[Approval, ...]:
        self._must_be_current()
        return self._feed.inbox.find(given.lower())

    def _one(self, given: str, found: list[Approval]) -> Approval:
        if not found:
            raise unknown_approval(given)
        if len(found) > 1:
            raise ambiguous_approval(given, len(found))
        return found[0]

    def _must_be_current(self) -> None:
        if self._feed.obstacle is not None:
            raise unavailable(self._feed.obstacle)

    def _check(self, approval: Approval, who: Principal, review: Review) -> None:
        hindered = obstacle_to_revoking if review.answer is Answer.REVOKE else obstacle
        reason = hindered(who, approval, self._clock())
        if reason is not None and reason.why is Why.FORBIDDEN:
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "not-yours-to-decide",
                reason.reason,
                "Ask one of its reviewers.",
                extra={"approval": approval.id, "reviewers": list(approval.deciders)},
            )
        if reason is not None:
            raise _nothing_to_decide(approval, reason.reason)
        if review.grant is not None and (why := why_not_granted(approval.request, review.grant)):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "not-granted",
                f"This cannot be granted: {why}.",
                "Nothing was decided. Approve without a grant, or grant what its `grants` permits.",
                extra={"approval": approval.id},
            )
        if review.digest is not None and review.digest.lower() != approval.request.digest:
            raise Problem(
                HTTPStatus.CONFLICT,
                "another-command",
                "The digest is not that of the command that waits: it is not what you were shown.",
                "Look at the approval again, then decide.",
                extra={"approval": approval.id, "digest": approval.request.digest},
            )

    def _has_answer(self, approval: str, who: Principal, answer: Answer) -> bool:
        """Settled; or recorded, where this answer alone does not settle it."""
        current = self._feed.inbox.get(approval)
        if answer is Answer.REVOKE:
            return current is None or current.state is not ApprovalState.APPROVED
        if current is None or current.settlement is not None:
            return True
        decision = current.decision_of(who.name)
        if decision is None or decision.answer is Answer.REJECT:
            return False
        return current.stage is not None

    def _result(self, before: Approval, review: Review) -> Approval:
        after = self._feed.inbox.get(before.id)
        if after is None:  # settled, and pushed out by newer ones at once
            raise _nothing_to_decide(before, "It was settled; the audit log says how.")
        if after.settlement is not None and after.state is not _STATE_AFTER[review.answer]:
            raise _nothing_to_decide(after, f"It was settled: {how_it_ended(after)}.")
        return after


def _nothing_to_decide(approval: Approval, reason: str) -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "already-settled" if approval.settlement is not None else "nothing-to-decide",
        f"Approval {approval.id[:8]} cannot be decided: {reason}",
        "Nothing was changed. If the command is still wanted, it must be asked for again.",
        extra={"approval": approval.id, "state": approval.state.value},
    )


def _no_answer(approval: Approval, within: timedelta) -> Problem:
    return Problem(
        HTTPStatus.GATEWAY_TIMEOUT,
        "no-answer-yet",
        f"Your decision is recorded, the processors have not answered within {within.total_seconds():g} s.",
        "Do not decide again: look at the approval in a moment. If it stays pending, see to the processors.",
        extra={"approval": approval.id},
    )
