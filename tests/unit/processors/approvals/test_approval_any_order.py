"""The state machine of an approval under all events in any order, with repeats and crashes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition
from hypothesis.stateful import rule as step
from support.commands import bundle
from support.reviews import AGENT_7, AUDREY, DANA, ERIN, NOW, decided, requested

from processors.approvals.approval import Input, apply, expire
from processors.approvals.record import Approval, Step
from schemas.envelope import envelope
from schemas.events import (
    ApprovalEscalated,
    ApprovalRequested,
    ApprovalSettled,
    ApprovalWithdrawn,
    CommandAllowed,
    CommandDenied,
    CommandRevoked,
    Event,
    ReviewDecided,
)
from schemas.vocabulary import Answer, ApprovalState, Fallback, Principal, PrincipalKind, ReviewStage

NODE = "processors@test#1"
RULES = bundle()
ROBOT = Principal("robot", PrincipalKind.AGENT, ("dba",))
SAM = Principal("sam", PrincipalKind.PERSON, ("security",))
MAX = Principal("max", PrincipalKind.PERSON, ("managers",))
SOON = NOW + timedelta(seconds=30)


def asked(**more: Any) -> ApprovalRequested:
    return requested(NOW, policy_version=RULES.version, **more)


def withdrawn(request: ApprovalRequested) -> ApprovalWithdrawn:
    return ApprovalWithdrawn(
        envelope=envelope(SOON, "ingress@test#1"), approval=request.approval, reason="the client left"
    )


def verdicts(said: list[Event]) -> list[CommandAllowed | CommandDenied]:
    return [event for event in said if isinstance(event, CommandAllowed | CommandDenied)]


class AnyOrder(RuleBasedStateMachine):
    """A log in which anything may come late, twice, or after a crash that lost the newest state."""

    @initialize(
        approvals=st.integers(1, 3),
        fallback=st.sampled_from(Fallback),
        all_of=st.sampled_from([(), ("dba", "reviewers")]),
        then=st.sampled_from([(), (), (ReviewStage(("security",)),)]),
        escalates=st.booleans(),
    )
    def begin(
        self,
        approvals: int,
        fallback: Fallback,
        all_of: tuple[str, ...],
        then: tuple[ReviewStage, ...],
        escalates: bool,
    ) -> None:
        needed = max(approvals, len(all_of))
        self.request = asked(
            approvals=needed,
            all_of=all_of,
            on_timeout=fallback,
            then=then,
            escalates_at=NOW + timedelta(seconds=150) if escalates else None,
            escalates_to=("managers",) if escalates else (),
        )
        self.now = NOW
        self.approval: Approval | None = None
        self.before: Approval | None = None  # what a crash would go back to
        self.log: list[Input] = []
        self.unread: list[ApprovalSettled | ApprovalEscalated] = []
        self.said: list[Event] = []

    def deliver(self, event: Input) -> None:
        self.before = self.approval
        self.log.append(event)
        self.take(apply(self.approval, event, RULES, self.now, NODE))

    def take(self, result: Step) -> None:
        if self.approval is not None and self.approval.state is ApprovalState.REVOKED:
            assert not any(isinstance(event, CommandAllowed) for event in result.events)
        self.approval = result.approval
        self.said += result.events
        self.unread += [
            event for event in result.events if isinstance(event, ApprovalSettled | ApprovalEscalated)
        ]

    @step()
    def request_arrives(self) -> None:
        self.deliver(self.request)

    @step(
        reviewer=st.sampled_from(
            [DANA, ERIN, SAM, MAX, AUDREY, ROBOT, replace(AGENT_7, groups=("dba", "security"))]
        ),
        answer=st.sampled_from([*(Answer.APPROVE,) * 3, Answer.REJECT, Answer.REVOKE]),
        right=st.sampled_from([True, True, True, False]),
    )
    def someone_decides(self, reviewer: Principal, answer: Answer, right: bool) -> None:
        digest = None if right else "0" * 64
        self.deliver(decided(self.request, reviewer, answer, at=self.now, digest=digest))

    @step()
    def the_requester_leaves(self) -> None:
        self.deliver(withdrawn(self.request))

    @precondition(lambda self: self.unread)
    @step(data=st.data())
    def a_settlement_is_read_back(self, data: st.DataObject) -> None:
        # In the order of the log: what was proposed first is read first.
        self.deliver(self.unread.pop(0))

    @precondition(lambda self: self.log)
    @step(data=st.data())
    def something_is_delivered_again(self, data: st.DataObject) -> None:
        self.deliver(data.draw(st.sampled_from(self.log)))

    @precondition(lambda self: self.log and self.approval is not self.before)
    @step()
    def the_worker_is_killed_before_it_committed(self) -> None:
        """The last event was not acknowledged: it is read again, by a worker that lost what it did."""
        self.approval = self.before
        self.deliver(self.log[-1])

    @step(seconds=st.sampled_from([1.0, 200.0, 599.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        if self.approval is not None and self.now >= self.approval.due_at:
            self.take(expire(self.approval, self.now, NODE))

    @invariant()
    def there_is_one_verdict(self) -> None:
        found = verdicts(self.said)
        assert len({verdict.envelope.id for verdict in found}) <= 1
        assert len({(type(verdict), verdict.decided_by) for verdict in found}) <= 1

    @invariant()
    def nothing_is_allowed_without_a_quorum(self) -> None:
        for allowed in verdicts(self.said):
            if not isinstance(allowed, CommandAllowed):
                continue
            approved = {
                event.reviewer.name
                for event in self.log
                if isinstance(event, ReviewDecided)
                and event.answer is Answer.APPROVE
                and event.digest == self.request.digest
                and event.envelope.time < self.request.expires_at
            }
            if allowed.decided_by:
                stages = (self.request.approvals, *(stage.approvals for stage in self.request.then))
                assert len(set(allowed.decided_by)) >= sum(stages)
                assert set(allowed.decided_by) <= approved & {"dana", "erin", "sam", "max"}
                if self.request.then:
                    assert allowed.decided_by[-1] in ("sam", "max")
                if "max" in allowed.decided_by:
                    assert any(isinstance(event, ApprovalEscalated) for event in self.log)
            else:
                assert self.request.on_timeout is Fallback.ALLOW
                assert self.now >= self.request.expires_at

    @invariant()
    def the_state_is_that_of_the_first_settlement_and_of_a_revocation(self) -> None:
        if self.approval is not None and self.approval.state is not ApprovalState.PENDING:
            read = [event.state for event in self.log if isinstance(event, ApprovalSettled)]
            assert read[0] is not ApprovalState.REVOKED
            assert self.approval.state is (
                ApprovalState.REVOKED if ApprovalState.REVOKED in read else read[0]
            )

    @invariant()
    def nothing_is_allowed_once_it_ended_otherwise(self) -> None:
        """Withdrawn, rejected or timed out, whatever comes later."""
        ends = [event.state for event in self.log if isinstance(event, ApprovalSettled)]
        lets_through = {ApprovalState.APPROVED}
        if self.request.on_timeout is Fallback.ALLOW:
            lets_through.add(ApprovalState.TIMED_OUT)
        if ends and ends[0] not in lets_through:
            assert not any(isinstance(event, CommandAllowed) for event in self.said)

    @invariant()
    def an_order_to_stop_is_by_a_reviewer_of_what_was_approved(self) -> None:
        for order in self.said:
            if isinstance(order, CommandRevoked):
                assert any(isinstance(event, CommandAllowed) for event in self.said)
                assert order.revoked_by in ("dana", "erin", "sam", "max")


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
