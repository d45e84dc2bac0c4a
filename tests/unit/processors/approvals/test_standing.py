from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from hypothesis.stateful import rule as step
from support.commands import bundle
from support.reviews import DANA, ERIN, NOW, decided, requested, settled

from processors.approvals.approval import Input, apply, expire
from processors.approvals.record import Approval
from processors.approvals.standing import REJECTED_FOR, Standing, Turn, ask, revoke, settle
from processors.policy.verdict import verdict_id
from schemas.events import (
    ApprovalRequested,
    ApprovalSettled,
    CommandAllowed,
    CommandDenied,
    Event,
    ReviewDecided,
)
from schemas.ids import approval_id, uuid7
from schemas.vocabulary import Answer, ApprovalState, Obligations

DIGEST = "d" * 64
RULES = bundle()
NODE = "processors@test#1"


def asked(seconds: float = 0, **more: Any) -> ApprovalRequested:
    """The same command, asked for once more."""
    at = NOW + timedelta(seconds=seconds)
    fields: dict[str, Any] = {"digest": DIGEST, "hold": False, "policy_version": RULES.version} | more
    return requested(at, **fields)


def end(
    request: ApprovalRequested, state: ApprovalState, seconds: float = 20, **more: Any
) -> ApprovalSettled:
    return settled(request, state, at=NOW + timedelta(seconds=seconds), **more)


def approved() -> tuple[Standing, ApprovalRequested]:
    first = asked()
    turn = ask(None, first, NOW)
    standing = settle(turn.standing, end(first, ApprovalState.APPROVED))
    assert standing is not None
    return standing, first


def verdict(turn: Turn) -> CommandAllowed | CommandDenied:
    event = turn.events[-1]
    assert isinstance(event, CommandAllowed | CommandDenied)
    return event


def is_new(turn: Turn, request: ApprovalRequested) -> bool:
    """Whether its own approval was asked for."""
    told = verdict(turn)
    return turn.events[0] == request and told.approval == request.approval == turn.standing.approval


def test_the_first_is_told_where_to_look() -> None:
    request = asked()
    turn = ask(None, request, NOW)
    assert is_new(turn, request)
    told = verdict(turn)
    assert isinstance(told, CommandDenied)
    assert told.state is ApprovalState.PENDING
    assert told.envelope.id == verdict_id(request.envelope.command)
    assert ask(turn.standing, request, NOW) == turn, "a repeat says the same"


def test_who_asks_again_meanwhile_joins() -> None:
    first, second = asked(), asked(5)
    turn = ask(ask(None, first, NOW).standing, second, NOW)
    (told,) = turn.events
    assert isinstance(told, CommandDenied)
    assert (told.approval, told.state) == (first.approval, ApprovalState.PENDING)
    assert told.envelope.command == second.envelope.command


def test_one_passes_once() -> None:
    standing, first = approved()
    second, third = asked(30, obligations=Obligations(rows=7)), asked(31)
    turn = ask(standing, second, NOW + timedelta(seconds=30))
    (allowed,) = turn.events
    assert isinstance(allowed, CommandAllowed)
    assert (allowed.approval, allowed.decided_by) == (first.approval, ("dana",))
    assert (allowed.digest, allowed.obligations.rows) == (DIGEST, 7)
    assert allowed.envelope.command == second.envelope.command
    repeat = ask(turn.standing, second, NOW + timedelta(seconds=40))
    assert repeat.events == turn.events, "it is said again after a crash, and is the same"
    assert is_new(ask(turn.standing, third, NOW + timedelta(seconds=31)), third)


def test_it_is_over_after_its_time() -> None:
    standing, _ = approved()
    assert standing.until == NOW + timedelta(seconds=20 + standing.valid_for)
    late = asked(21)
    assert is_new(ask(standing, late, standing.until), late)
    last = ask(standing, late, standing.until - timedelta(seconds=1))
    told = verdict(last)
    assert isinstance(told, CommandAllowed)
    assert told.expires_at == standing.until


def test_who_was_told_to_come_again_uses_nothing_when_read_again_after_a_crash() -> None:
    first, joined = asked(), asked(5)
    pending = ask(ask(None, first, NOW).standing, joined, NOW + timedelta(seconds=6)).standing
    # Settled before it was asked, and read after it: what counts is what it was told.
    standing = settle(pending, end(first, ApprovalState.APPROVED, seconds=4))
    assert standing is not None
    for stands in (standing, ask(standing, asked(30), NOW + timedelta(seconds=30)).standing):
        turn = ask(stands, joined, NOW + timedelta(seconds=31))
        assert turn.standing == stands
        told = verdict(turn)
        assert isinstance(told, CommandDenied)
        assert (told.approval, told.state) == (first.approval, ApprovalState.PENDING)


def test_it_is_void_under_another_policy_or_rule() -> None:
    standing, _ = approved()
    for other in (asked(30, policy_version="newer"), asked(30, rule="another"), asked(30, digest="e" * 64)):
        assert is_new(ask(standing, other, NOW + timedelta(seconds=30)), other)


def test_a_rejected_one_is_refused_with_the_reviewers_words() -> None:
    first = asked()
    standing = settle(ask(None, first, NOW).standing, end(first, ApprovalState.REJECTED, comment="no"))
    assert standing is not None
    turn = ask(standing, asked(60), NOW + timedelta(seconds=60))
    (told,) = turn.events
    assert isinstance(told, CommandDenied)
    assert (told.state, told.comment, told.decided_by) == (ApprovalState.REJECTED, "no", ("dana",))
    assert "will not help" in told.hint
    much_later = NOW + timedelta(seconds=20) + REJECTED_FOR
    again = asked(100)
    assert is_new(ask(standing, again, much_later), again)


def test_after_a_timeout_or_a_revocation_it_is_asked_anew() -> None:
    for state in (ApprovalState.TIMED_OUT, ApprovalState.REVOKED, ApprovalState.WITHDRAWN):
        first, again = asked(), asked(30)
        standing = settle(ask(None, first, NOW).standing, end(first, state))
        assert is_new(ask(standing, again, NOW + timedelta(seconds=30)), again)


def test_only_the_first_settlement_counts_and_a_revocation() -> None:
    standing, first = approved()
    assert settle(standing, end(first, ApprovalState.REJECTED)) == standing
    revoked = settle(standing, end(first, ApprovalState.REVOKED))
    assert revoked is not None
    assert revoked.state is ApprovalState.REVOKED
    assert settle(revoked, end(first, ApprovalState.APPROVED)) == revoked
    assert settle(standing, end(asked(99), ApprovalState.REJECTED)) == standing, "of another approval"
    assert settle(None, end(first, ApprovalState.APPROVED)) is None


def test_a_revocation_stops_what_ran_by_it_also_when_another_approval_stands() -> None:
    standing, first = approved()
    second, third = asked(30, reply_to=7), asked(40)
    used = ask(standing, second, NOW + timedelta(seconds=30)).standing
    revocation = end(first, ApprovalState.REVOKED, comment="wrong table")
    for stands in (used, ask(used, third, NOW + timedelta(seconds=40)).standing):
        found = revoke(stands, revocation)
        assert found is not None
        order, reply_to = found
        assert (order.envelope.command, order.digest, reply_to) == (second.envelope.command, DIGEST, 7)
        assert (order.revoked_by, order.comment) == ("dana", "wrong table")
        assert stands.forgotten_at >= NOW + timedelta(hours=24)
    assert revoke(standing, revocation) is None, "nothing ran"
    assert revoke(used, end(first, ApprovalState.APPROVED)) is None
    assert revoke(None, revocation) is None


def test_what_was_used_stays_used() -> None:
    standing, first = approved()
    used = ask(standing, asked(30), NOW + timedelta(seconds=30)).standing
    assert settle(used, end(first, ApprovalState.APPROVED)) == used


class AskingAgain(RuleBasedStateMachine):
    """Many ask for one command, reviewers decide, time passes; settlements and requests come late and twice,
    and a worker goes back to what it had read before (its log says the rest again)."""

    @initialize(approvals=st.integers(1, 2))
    def begin(self, approvals: int) -> None:
        self.approvals = approvals
        self.now = NOW
        self.standing: Standing | None = None
        self.requests: list[ApprovalRequested] = []
        self.reviews: dict[str, Approval] = {}
        self.settlements: list[ApprovalSettled] = []  # of the log of approvals, first ones first
        self.said: list[tuple[Event, str]] = []
        self.votes: list[ReviewDecided] = []
        self.revoked_at: dict[str, datetime] = {}
        self.refused: set[str] = set()

    def read(self, event: ApprovalRequested | ApprovalSettled) -> None:
        if isinstance(event, ApprovalSettled):
            self.standing = settle(self.standing, event)
            if event.state is ApprovalState.REVOKED:
                self.revoked_at.setdefault(event.approval, self.now)
            return
        turn = ask(self.standing, event, self.now)
        self.standing = turn.standing
        for said in turn.events:
            if isinstance(said, ApprovalRequested):
                self.review(said)
            elif isinstance(said, CommandAllowed):
                self.said.append((said, said.envelope.command))
                assert said.envelope.command not in self.refused, "its client was told to come again"
            elif isinstance(said, CommandDenied):
                self.refused.add(said.envelope.command)

    def review(self, event: Input) -> None:
        waiting: list[Input] = [event]
        while waiting:
            current = waiting.pop(0)
            result = apply(self.reviews.get(current.approval), current, RULES, self.now, NODE)
            assert not any(isinstance(said, CommandAllowed | CommandDenied) for said in result.events)
            if result.approval is not None:
                self.reviews[current.approval] = result.approval
            waiting += [said for said in result.events if isinstance(said, ApprovalSettled)]
            if result.told is not None:
                self.settlements.append(result.told)

    @step()
    def somebody_asks(self) -> None:
        command = uuid7(self.now)
        request = asked(approvals=self.approvals)
        about = replace(request.envelope, command=command, time=self.now)
        request = replace(
            request,
            envelope=about,
            approval=approval_id(command),
            expires_at=self.now + timedelta(minutes=10),
        )
        self.requests.append(request)
        self.read(request)

    @step(data=st.data())
    def a_request_comes_again(self, data: st.DataObject) -> None:
        """As after a crash, when what was read is read again, or handed on again."""
        if self.requests:
            self.read(data.draw(st.sampled_from(self.requests)))

    @step(reviewer=st.sampled_from([DANA, ERIN]), answer=st.sampled_from(Answer), data=st.data())
    def somebody_decides(self, reviewer: Any, answer: Answer, data: st.DataObject) -> None:
        if self.reviews:
            approval = self.reviews[data.draw(st.sampled_from(list(self.reviews)))]
            vote = decided(approval.request, reviewer, answer, at=self.now)
            self.votes.append(vote)
            self.review(vote)

    @step(data=st.data())
    def a_settlement_arrives(self, data: st.DataObject) -> None:
        if self.settlements:
            self.read(data.draw(st.sampled_from(self.settlements)))

    @step(seconds=st.sampled_from([1, 60, 299, 301, 600]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        for approval in list(self.reviews.values()):
            if self.now >= approval.request.expires_at and approval.state is ApprovalState.PENDING:
                for settlement in expire(approval, self.now, NODE).events:
                    assert isinstance(settlement, ApprovalSettled)
                    self.review(settlement)

    @invariant()
    def an_approval_runs_one_command_once(self) -> None:
        ran: dict[str, set[str]] = {}
        for event, command in getattr(self, "said", []):
            assert isinstance(event, CommandAllowed)
            ran.setdefault(event.approval, set()).add(command)
        assert all(len(commands) == 1 for commands in ran.values())

    @invariant()
    def nothing_runs_without_a_quorum_or_after_its_time(self) -> None:
        for event, _ in getattr(self, "said", []):
            assert isinstance(event, CommandAllowed)
            yes = {
                vote.reviewer.name
                for vote in self.votes
                if vote.approval == event.approval and vote.answer is Answer.APPROVE
            }
            assert len(yes) >= self.approvals
            (first, *_) = [one for one in self.settlements if one.approval == event.approval]
            assert first.state is ApprovalState.APPROVED
            if (at := self.revoked_at.get(event.approval)) is not None:
                assert event.envelope.time <= at, "never after its revocation was read"
            assert event.envelope.time < first.envelope.time + timedelta(seconds=300)
            assert event.expires_at <= first.envelope.time + timedelta(seconds=300)


TestAskingAgain = AskingAgain.TestCase
TestAskingAgain.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
