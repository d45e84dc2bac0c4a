from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.commands import bundle, resource, rule
from support.reviews import AGENT_7, AUDREY, DANA, DELETE, ERIN, NOW, decided, requested, settled

from processors.approvals.approval import Input, apply, expire
from processors.approvals.record import KEPT_FOR, Approval, Step
from processors.policy.bundle import Bundle
from processors.policy.verdict import verdict_id
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
    PauseLifted,
)
from schemas.vocabulary import (
    Answer,
    ApprovalState,
    Facts,
    Fallback,
    Intent,
    Output,
    Principal,
    PrincipalKind,
    ReviewStage,
)

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


def through(
    *events: Input, at: datetime = SOON, rules: Bundle = RULES
) -> tuple[Approval | None, list[Event]]:
    """All these events one after the other, and whatever they make the machine say read back at once."""
    approval: Approval | None = None
    said: list[Event] = []
    waiting = list(events)
    while waiting:
        result = apply(approval, waiting.pop(0), rules, at, NODE)
        approval = result.approval
        said += result.events
        waiting[:0] = [event for event in result.events if isinstance(event, ApprovalSettled)]
    return approval, said


def verdicts(said: list[Event]) -> list[CommandAllowed | CommandDenied]:
    return [event for event in said if isinstance(event, CommandAllowed | CommandDenied)]


class TestApproved:
    def test_one_reviewer(self) -> None:
        request = asked()
        approval, said = through(request, decided(request, DANA))
        settlement, allowed = said
        assert isinstance(settlement, ApprovalSettled)
        assert isinstance(allowed, CommandAllowed)
        assert approval is not None
        assert approval.state is settlement.state is ApprovalState.APPROVED
        assert settlement.decided_by == allowed.decided_by == ("dana",)
        assert settlement.comment == allowed.comment == "OPS-12, fine"
        assert settlement.requested_at == request.envelope.time
        assert (allowed.approval, allowed.digest) == (request.approval, request.digest)
        assert (allowed.rule, allowed.policy_version) == (request.rule, RULES.version)
        assert allowed.obligations == request.obligations
        assert allowed.expires_at == settlement.envelope.time + timedelta(seconds=request.valid_for)
        assert allowed.envelope.id == verdict_id(request.envelope.command)
        assert allowed.envelope.session == request.envelope.session

    def test_the_verdict_follows_only_when_the_settlement_is_read_back(self) -> None:
        request = asked()
        first = apply(None, request, RULES, SOON, NODE)
        second = apply(first.approval, decided(request), RULES, SOON, NODE)
        (settlement,) = second.events
        assert second.approval is not None
        assert second.approval.state is ApprovalState.PENDING
        assert isinstance(settlement, ApprovalSettled)
        third = apply(second.approval, settlement, RULES, SOON, NODE)
        assert [type(event) for event in third.events] == [CommandAllowed]

    def test_two_persons(self) -> None:
        request = asked(approvals=2)
        _, said = through(request, decided(request, DANA, comment="a"))
        assert said == []
        _, said = through(request, decided(request, DANA, comment="a"), decided(request, ERIN, comment="b"))
        (allowed,) = verdicts(said)
        assert (allowed.decided_by, allowed.comment) == (("dana", "erin"), "a; b")

    def test_who_approves_after_the_quorum_changes_no_settlement(self) -> None:
        """The settlement was asked for, but has not been read back yet."""
        request = asked()
        approval = apply(None, request, RULES, SOON, NODE).approval
        first = apply(approval, decided(request, DANA), RULES, SOON, NODE)
        second = apply(first.approval, decided(request, ERIN), RULES, SOON, NODE)
        assert second.events == first.events
        assert second.approval == first.approval

    def test_all_of_several_groups(self) -> None:
        request = asked(approvals=2, reviewers=("dba", "security"), all_of=("dba", "security"))
        both = Principal("sam", PrincipalKind.PERSON, ("dba", "security"))
        approval, said = through(request, decided(request, both), decided(request, both))
        assert said == [], "one person is one"
        assert approval is not None
        _, said = through(request, decided(request, DANA), decided(request, ERIN))
        assert said == [], "both are of the same group"
        for others in ((both, DANA), (DANA, both), (DANA, ERIN, both)):
            _, said = through(request, *(decided(request, one) for one in others))
            (allowed,) = verdicts(said)
            assert isinstance(allowed, CommandAllowed)
            assert allowed.decided_by == tuple(one.name for one in others)

    @pytest.mark.parametrize("name", ["dana", "Dana", "DANA"])
    def test_one_person_counts_once(self, name: str) -> None:
        request = asked(approvals=2)
        again = decided(request, replace(DANA, name=name))
        approval, said = through(request, decided(request, DANA), again)
        assert said == []
        assert approval is not None
        assert len(approval.votes) == 1


class TestDoesNotCount:
    @pytest.mark.parametrize(
        ("reviewer", "why"),
        [
            (AUDREY, "groups"),
            (ROBOT, "person"),
            (replace(AGENT_7, kind=PrincipalKind.PERSON, groups=("dba",)), "own request"),
            (Principal("AGENT-7", PrincipalKind.PERSON, ("dba",)), "own request"),
            (Principal("zoe", PrincipalKind.PERSON, ()), "groups"),
        ],
    )
    @pytest.mark.parametrize("answer", [Answer.APPROVE, Answer.REJECT])
    def test_whom_the_rule_does_not_name(self, reviewer: Principal, why: str, answer: Answer) -> None:
        request = asked()
        approval = apply(None, request, RULES, SOON, NODE).approval
        result = apply(approval, decided(request, reviewer, answer), RULES, SOON, NODE)
        assert (result.approval, result.events) == (approval, ())
        assert why in result.ignored

    def test_the_person_for_whom_an_agent_asks(self) -> None:
        request = replace(asked(), principal=replace(AGENT_7, acts_for="Dana"))
        _, said = through(request, decided(request, DANA))
        assert said == []

    def test_a_decision_on_another_command(self) -> None:
        request = asked()
        _, said = through(request, decided(request, digest="0" * 64))
        assert said == []

    def test_a_decision_that_came_too_late_ends_it_as_timed_out(self) -> None:
        request = asked()
        approval, said = through(request, decided(request), at=request.expires_at)
        assert approval is not None
        assert approval.state is ApprovalState.TIMED_OUT
        (denied,) = verdicts(said)
        assert isinstance(denied, CommandDenied)

    @pytest.mark.parametrize("make", [decided, withdrawn, settled])
    def test_an_approval_that_is_not_there(self, make: Any) -> None:
        result = apply(None, make(asked()), RULES, SOON, NODE)
        assert (result.approval, result.events) == (None, ())
        assert result.ignored


class TestDenied:
    def test_one_rejection_ends_it(self) -> None:
        request = asked(approvals=2)
        approval, said = through(
            request, decided(request, DANA), decided(request, ERIN, Answer.REJECT, comment="no ticket")
        )
        (denied,) = verdicts(said)
        assert isinstance(denied, CommandDenied)
        assert approval is not None
        assert approval.state is denied.state is ApprovalState.REJECTED
        assert (denied.decided_by, denied.comment) == (("erin",), "no ticket")
        assert (denied.approval, denied.digest) == (request.approval, request.digest)
        assert denied.message
        assert denied.hint

    def test_withdrawn(self) -> None:
        request = asked()
        approval, said = through(request, withdrawn(request))
        (denied,) = verdicts(said)
        assert isinstance(denied, CommandDenied)
        assert denied.state is ApprovalState.WITHDRAWN
        assert approval is not None
        assert approval.state is ApprovalState.WITHDRAWN

    def test_nobody_in_time(self) -> None:
        request = asked()
        approval, _ = through(request)
        assert approval is not None
        assert expire(approval, request.expires_at - timedelta(seconds=1), NODE).events == ()
        (settlement,) = expire(approval, request.expires_at, NODE).events
        assert isinstance(settlement, ApprovalSettled)
        approval, said = through(request, settlement)
        (denied,) = verdicts(said)
        assert isinstance(denied, CommandDenied)
        assert (denied.state, denied.decided_by) == (ApprovalState.TIMED_OUT, ())

    def test_nobody_in_time_where_the_rule_then_allows(self) -> None:
        request = asked(on_timeout=Fallback.ALLOW)
        _, said = through(request, settled(request, ApprovalState.TIMED_OUT, decided_by=(), comment=""))
        (allowed,) = verdicts(said)
        assert isinstance(allowed, CommandAllowed)
        assert allowed.decided_by == ()


class TestTheFirstSettlementInTheLogCounts:
    @pytest.mark.parametrize("first", [s for s in ApprovalState if s.value not in ("pending", "revoked")])
    def test_a_later_one_changes_nothing(self, first: ApprovalState) -> None:
        request = asked()
        approval, said = through(request, settled(request, first))
        for state in ApprovalState:
            if state not in (first, ApprovalState.REVOKED):
                result = apply(approval, settled(request, state), RULES, SOON, NODE)
                assert (result.approval, result.events) == (approval, ())
        assert len(verdicts(said)) == 1

    def test_a_repeat_says_the_verdict_again_and_it_is_the_same(self) -> None:
        """The worker may have been killed before the verdict was durable."""
        request = asked()
        settlement = settled(request)
        approval, said = through(request, settlement)
        later = apply(approval, settlement, RULES, SOON + timedelta(seconds=9), NODE)
        assert later.events == tuple(said)

    def test_a_repeat_of_the_decision_asks_for_the_same_settlement(self) -> None:
        request = asked()
        approval = apply(None, request, RULES, SOON, NODE).approval
        first = apply(approval, decided(request), RULES, SOON, NODE)
        again = apply(first.approval, decided(request), RULES, SOON, NODE)
        assert (again.approval, again.events) == (first.approval, first.events)

    def test_a_settled_one_takes_no_decision(self) -> None:
        request = asked()
        approval, _ = through(request, settled(request, ApprovalState.REJECTED))
        for late in (decided(request), withdrawn(request), request):
            assert apply(approval, late, RULES, SOON, NODE).events == ()


class TestRevoked:
    def test_what_was_approved_is_taken_back(self) -> None:
        request = asked(reply_to=3)
        approval, said = through(
            request, decided(request, DANA), decided(request, ERIN, Answer.REVOKE, comment="wrong table")
        )
        assert approval is not None
        assert approval.state is ApprovalState.REVOKED
        approved, allowed, revoked, order = said
        assert isinstance(approved, ApprovalSettled)
        assert isinstance(revoked, ApprovalSettled)
        assert approved.envelope.id != revoked.envelope.id
        assert isinstance(allowed, CommandAllowed)
        assert isinstance(order, CommandRevoked)
        assert order.envelope.command == allowed.envelope.command
        assert order.envelope.id != allowed.envelope.id
        assert (order.digest, order.revoked_by, order.comment) == (request.digest, "erin", "wrong table")

    @pytest.mark.parametrize("reviewer", [AUDREY, ROBOT, replace(AGENT_7, kind=PrincipalKind.PERSON)])
    def test_only_by_a_reviewer(self, reviewer: Principal) -> None:
        request = asked()
        approval, said = through(request, decided(request), decided(request, reviewer, Answer.REVOKE))
        assert approval is not None
        assert approval.state is ApprovalState.APPROVED
        assert len(said) == 2

    @pytest.mark.parametrize(
        "state", [state for state in ApprovalState if state is not ApprovalState.APPROVED]
    )
    def test_there_is_nothing_to_take_back_of_what_was_not_approved(self, state: ApprovalState) -> None:
        request = asked()
        ends = [] if state is ApprovalState.PENDING else [settled(request, state)]
        before, _ = through(request, *ends)
        result = apply(before, decided(request, DANA, Answer.REVOKE), RULES, SOON, NODE)
        assert (result.approval, result.events) == (before, ())

    def test_after_it_nothing_is_allowed_again(self) -> None:
        """Not by a repeat of the approval, nor by one more vote."""
        request = asked()
        revocation = decided(request, DANA, Answer.REVOKE)
        approval, said = through(request, decided(request), revocation)
        settlements: list[Input] = [one for one in said if isinstance(one, ApprovalSettled)]
        for again in (*settlements, decided(request, ERIN), revocation):
            result = apply(approval, again, RULES, SOON, NODE)
            assert result.approval == approval
            assert not any(isinstance(event, CommandAllowed) for event in result.events)


class TestThePolicyChangedMeanwhile:
    REVIEW = rule("changes need a DBA", "review", {"intents": ["write"]})

    def verdict(self, rules: Bundle, **more: Any) -> CommandAllowed | CommandDenied:
        request = requested(NOW, policy_version="an older one", facts=DELETE, **more)
        _, said = through(request, decided(request, DANA), rules=rules)
        (verdict,) = verdicts(said)
        assert verdict.policy_version == rules.version
        assert verdict.decided_by == ("dana",)
        return verdict

    def test_a_deny_denies_after_all(self) -> None:
        verdict = self.verdict(bundle(self.REVIEW, rule("frozen", "deny", {}, message="Change freeze.")))
        assert isinstance(verdict, CommandDenied)
        assert (verdict.rule, verdict.message) == ("frozen", "Change freeze.")
        assert verdict.state is ApprovalState.APPROVED

    def test_nothing_that_matches_denies(self) -> None:
        verdict = self.verdict(bundle(rule("reads", "allow", {"intents": ["read"]})))
        assert isinstance(verdict, CommandDenied)
        assert verdict.rule == ""

    def test_a_review_that_is_satisfied_goes_on_under_the_new_rule(self) -> None:
        verdict = self.verdict(bundle(self.REVIEW | {"name": "new", "limits": {"rows": 7}}))
        assert isinstance(verdict, CommandAllowed)
        assert (verdict.rule, verdict.obligations.rows) == ("new", 7)

    def test_an_allow_goes_on(self) -> None:
        assert isinstance(self.verdict(bundle(rule("open", "allow", {}))), CommandAllowed)

    @pytest.mark.parametrize(
        "terms", [{"approvals": 2}, {"reviewers": ["security"]}, {"all_of": ["security"]}]
    )
    def test_a_review_that_asks_for_more_denies(self, terms: dict[str, Any]) -> None:
        stricter = self.REVIEW | {"review": self.REVIEW["review"] | terms}
        verdict = self.verdict(bundle(stricter))
        assert isinstance(verdict, CommandDenied)
        assert "policy changed" in verdict.message

    def test_a_resource_that_is_gone_denies(self) -> None:
        assert isinstance(self.verdict(bundle(self.REVIEW, resources=[resource("x")])), CommandDenied)

    def test_an_unmasked_answer_needs_a_rule_that_lets_it_be_asked_for(self) -> None:
        column = "public.customers.email"
        facts = Facts(
            (Intent.READ,),
            ("select",),
            outputs=(Output("email", (column,), True, bare=True),),
            outputs_known=True,
        )
        request = requested(NOW, policy_version="an older one", facts=facts, unmask=(column,))
        sensitive = resource(columns=[{"pattern": column, "mask": "email"}])
        reads, unmasks = rule("reads", "allow", {}), rule("unmasks", "review", {"unmask": [column]})
        for rules, kind in (((reads,), CommandDenied), ((reads, unmasks), CommandAllowed)):
            _, said = through(request, decided(request), rules=bundle(*rules, resources=[sensitive]))
            (verdict,) = verdicts(said)
            assert type(verdict) is kind
        assert isinstance(verdict, CommandAllowed)
        assert verdict.obligations.unmasked == (column,)

    def test_a_timeout_that_no_longer_allows_denies(self) -> None:
        request = requested(NOW, policy_version="an older one", on_timeout=Fallback.ALLOW)
        ended = settled(request, ApprovalState.TIMED_OUT, decided_by=())
        _, said = through(request, ended, rules=bundle(self.REVIEW))
        (verdict,) = verdicts(said)
        assert isinstance(verdict, CommandDenied)
        _, said = through(request, ended, rules=bundle(rule("open", "allow", {})))
        assert isinstance(verdicts(said)[0], CommandAllowed)


class TestStages:
    REQUEST = asked(
        then=(ReviewStage(("security",)),),
        escalates_at=NOW + timedelta(minutes=5),
        escalates_to=("managers",),
    )

    def test_each_waits_for_the_one_before(self) -> None:
        """A decision that comes before its stage counts for nothing: nobody has to remember it."""
        early = decided(self.REQUEST, SAM)
        approval, said = through(self.REQUEST, early, decided(self.REQUEST, DANA))
        assert said == []
        assert approval is not None
        assert approval.deciders == ("security",)
        _, said = through(self.REQUEST, early, decided(self.REQUEST, DANA), decided(self.REQUEST, SAM))
        (allowed,) = verdicts(said)
        assert isinstance(allowed, CommandAllowed)
        assert allowed.decided_by == ("dana", "sam")

    def test_nobody_counts_in_two_and_the_requester_in_none(self) -> None:
        both = replace(DANA, groups=("dba", "security"))
        mine = replace(AGENT_7, kind=PrincipalKind.PERSON, groups=("security",))
        _, said = through(self.REQUEST, *(decided(self.REQUEST, who) for who in (both, both, mine)))
        assert said == []

    def test_who_was_asked_before_rejects_no_more_but_revokes(self) -> None:
        approval, said = through(
            self.REQUEST, decided(self.REQUEST, DANA), decided(self.REQUEST, ERIN, Answer.REJECT)
        )
        assert said == []
        events = [decided(self.REQUEST, DANA), decided(self.REQUEST, SAM)]
        approval, said = through(self.REQUEST, *events, decided(self.REQUEST, ERIN, Answer.REVOKE))
        assert approval is not None
        assert approval.state is ApprovalState.REVOKED

    def test_others_decide_once_it_is_escalated(self) -> None:
        first = decided(self.REQUEST, MAX)
        approval, said = through(self.REQUEST, first)
        assert said == []
        assert approval is not None
        assert approval.due_at == self.REQUEST.escalates_at
        (escalated,) = expire(approval, approval.due_at, NODE).events
        assert isinstance(escalated, ApprovalEscalated)
        assert escalated.reviewers == ("managers",)
        approval, said = through(self.REQUEST, escalated, first, decided(self.REQUEST, SAM))
        (allowed,) = verdicts(said)
        assert isinstance(allowed, CommandAllowed)
        assert allowed.decided_by == ("max", "sam")
        approval, _ = through(self.REQUEST, escalated)
        assert approval is not None
        assert approval.due_at == self.REQUEST.expires_at

    def test_a_policy_that_now_asks_for_another_stage_denies(self) -> None:
        terms = {"then": [{"reviewers": ["managers"], "approvals": 1, "all_of": []}]}
        review = rule("changes", "review", {"intents": ["write"]})
        rules = bundle(review | {"review": review["review"] | terms})
        request = requested(NOW, policy_version="an older one", facts=DELETE)
        _, said = through(request, decided(request, DANA), rules=rules)
        assert isinstance(verdicts(said)[0], CommandDenied)


class TestForgetting:
    def test_a_settled_one_is_forgotten_a_day_after_its_deadline(self) -> None:
        request = asked()
        approval, _ = through(request, settled(request))
        assert approval is not None
        assert approval.due_at == request.expires_at + KEPT_FOR
        assert expire(approval, approval.due_at - timedelta(seconds=1), NODE).approval is approval
        assert expire(approval, approval.due_at, NODE) == Step(None)

    def test_a_request_repeated_after_that_does_not_come_back(self) -> None:
        request = asked()
        assert apply(None, request, RULES, request.expires_at + KEPT_FOR, NODE).approval is None
        late = request.expires_at + KEPT_FOR - timedelta(seconds=1)
        assert apply(None, request, RULES, late, NODE).approval is not None


class TestResuming:
    """A reviewer says of what was rejected that it counts no longer."""

    def lifted(self, answer: Answer, reviewer: Principal, end: ApprovalState) -> tuple[object, ...]:
        request = requested(NOW)
        approval = Approval(request, state=end)
        return apply(
            approval, decided(request, reviewer, answer, comment="fixed"), bundle(), NOW, NODE
        ).events

    def test_whoever_may_decide_lifts_the_pause(self) -> None:
        (lifted,) = self.lifted(Answer.RESUME, DANA, ApprovalState.REJECTED)
        assert isinstance(lifted, PauseLifted)
        assert (lifted.rule, lifted.lifted_by, lifted.comment) == ("changes need a DBA", "dana", "fixed")
        assert lifted.envelope.principal == "agent-7"

    @pytest.mark.parametrize("end", [state for state in ApprovalState if state is not ApprovalState.REJECTED])
    def test_only_of_what_was_rejected(self, end: ApprovalState) -> None:
        assert self.lifted(Answer.RESUME, DANA, end) == ()

    def test_nobody_lifts_their_own(self) -> None:
        me = Principal("agent-7", PrincipalKind.PERSON, ("dba",))
        assert self.lifted(Answer.RESUME, me, ApprovalState.REJECTED) == ()
        assert (
            self.lifted(Answer.RESUME, Principal("x", PrincipalKind.PERSON, ()), ApprovalState.REJECTED) == ()
        )
