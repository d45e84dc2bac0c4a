from datetime import timedelta
from typing import Any

import pytest
from support.commands import DELETE, DROP, NOW, READ, bundle, requested, resource, rule
from support.grants import FINGERPRINT, grant_issued

from processors.grants.granted import Granted, issue
from processors.policy.budgets import Account
from processors.policy.bundle import Bundle
from processors.policy.verdict import ALLOWED_FOR, REVIEWABLE, Answer, answer, refusal, verdict_id
from schemas.events import (
    ApprovalPending,
    ApprovalRequested,
    CommandAllowed,
    CommandDenied,
    CommandRequested,
    Event,
)
from schemas.ids import approval_id
from schemas.vocabulary import Facts, Intent, Output, Stage

NODE = "processors@test#1"
COLUMNS = [{"pattern": "public.customers.email", "mask": "email"}]


def answered(request: CommandRequested, rules: Bundle | None = None, *, size: int = 600) -> Answer:
    return answer(request, size, rules or bundle(), NOW, NODE)


def test_allow() -> None:
    request = requested(READ)
    (allowed,) = answered(request).events
    assert isinstance(allowed, CommandAllowed)
    assert (allowed.digest, allowed.rule) == (request.digest, "agents read freely")
    assert allowed.policy_version == bundle().version
    assert allowed.expires_at == NOW + ALLOWED_FOR
    assert (allowed.approval, allowed.decided_by, allowed.comment) == ("", (), "")


def test_deny() -> None:
    request = requested(DROP)
    (denied,) = answered(request).events
    assert isinstance(denied, CommandDenied)
    assert (denied.digest, denied.rule) == (request.digest, "nobody drops")
    assert denied.message == "Dropping is not possible."
    assert denied.hint
    assert denied.state is None


def test_review_is_asked_for_before_the_client_is_told() -> None:
    request = requested(DELETE)
    asked, pending = answered(request).events
    assert isinstance(asked, ApprovalRequested)
    assert isinstance(pending, ApprovalPending)
    assert asked.approval == pending.approval == approval_id(request.envelope.command)
    assert asked.expires_at == pending.expires_at == NOW + timedelta(minutes=10)
    assert asked.reviewers == pending.reviewers == ("dba",)
    assert asked.rule == pending.rule == "changes need a DBA"
    assert asked.digest == pending.digest == request.digest
    for name in (
        "principal",
        "protocol",
        "text",
        "parameters",
        "sealed",
        "context",
        "facts",
        "client_address",
    ):
        assert getattr(asked, name) == getattr(request, name)
    assert asked.reply_to == request.reply_to


@pytest.mark.parametrize("facts", [READ, DROP, DELETE])
def test_what_is_said_belongs_to_the_command(facts: Facts) -> None:
    request = requested(facts)
    for event in answered(request).events:
        said, asked = event.envelope, request.envelope
        assert (said.session, said.command, said.principal, said.resource, said.trace) == (
            asked.session,
            asked.command,
            asked.principal,
            asked.resource,
            asked.trace,
        )
        assert (said.node, said.time) == (NODE, NOW)


@pytest.mark.parametrize("facts", [READ, DROP, DELETE])
def test_a_repeat_says_the_same(facts: Facts) -> None:
    """A worker that is killed before it commits judges again; consumers know repeats by their ids."""
    request = requested(facts)
    first, second = answered(request), answered(request)
    assert first == second
    later = answer(request, 600, bundle(), NOW + timedelta(seconds=2), "processors@test#2")
    assert [event.envelope.id for event in later.events] == [event.envelope.id for event in first.events]


def test_a_command_has_one_verdict_id_and_others_have_others() -> None:
    request = requested(READ)
    (allowed,) = answered(request).events
    (denied,) = answered(request, bundle(rule("no", "deny", {}))).events
    assert allowed.envelope.id == denied.envelope.id == verdict_id(request.envelope.command)
    ids = {event.envelope.id for event in answered(requested(DELETE)).events}
    assert len(ids) == 2


def test_nothing_is_said_after_the_deadline() -> None:
    request = requested(READ, patience=timedelta(seconds=5))
    assert answer(request, 600, bundle(), NOW + timedelta(seconds=5), NODE) == Answer(())
    assert answer(request, 600, bundle(), NOW + timedelta(seconds=4.9), NODE).events


class TestPreparation:
    def test_a_review_lets_it_through(self) -> None:
        request = requested(DELETE, stage=Stage.PREPARE)
        (allowed,) = answered(request).events
        assert isinstance(allowed, CommandAllowed)
        assert (allowed.rule, allowed.approval) == ("changes need a DBA", "")

    def test_a_deny_does_not(self) -> None:
        (denied,) = answered(requested(DROP, stage=Stage.PREPARE)).events
        assert isinstance(denied, CommandDenied)


class TestObligations:
    FACTS = Facts(
        (Intent.READ,),
        ("select",),
        ("public.customers",),
        outputs=(
            Output("id", ("public.customers.id",), True),
            Output("email", ("public.customers.email",), True),
        ),
        outputs_known=True,
    )

    def test_masking_and_limits(self) -> None:
        rules = bundle(
            rule("r", "allow", {}, limits={"rows": 5, "seconds": 2.5, "bytes": 99}),
            resources=[resource(columns=COLUMNS, detectors=["email"])],
        )
        (allowed,) = answered(requested(self.FACTS), rules).events
        assert isinstance(allowed, CommandAllowed)
        duty = allowed.obligations
        assert (duty.rows, duty.bytes, duty.seconds) == (5, 99, 2.5)
        assert duty.masking.outputs == ("", "full")
        assert duty.masking.columns[0].pattern == "public.customers.email"
        assert duty.masking.detectors == ("email",)

    def test_an_approval_leads_to_the_same(self) -> None:
        sensitive = resource(columns=COLUMNS)
        rules = bundle(rule("r", "review", {}, limits={"rows": 5}), resources=[sensitive])
        asked, _ = answered(requested(self.FACTS), rules).events
        assert isinstance(asked, ApprovalRequested)
        assert asked.obligations.rows == 5
        assert asked.obligations.masking.outputs == ("", "full")


class TestUnmaskedAnswers:
    FACTS = Facts(
        (Intent.READ,),
        ("select",),
        ("public.customers",),
        outputs=(Output("email", ("public.customers.email",), True, bare=True),),
        outputs_known=True,
    )
    RULES = (rule("reads", "allow", {}), rule("unmasks", "review", {"unmask": ["public.customers.*"]}))
    WANTED = ("public.customers.email",)

    def test_the_approval_says_which_and_the_plan_still_masks(self) -> None:
        rules = bundle(*self.RULES, resources=[resource(columns=COLUMNS)])
        asked, _ = answered(requested(self.FACTS, unmask=self.WANTED), rules).events
        assert isinstance(asked, ApprovalRequested)
        assert asked.unmask == asked.obligations.unmasked == self.WANTED
        assert asked.obligations.masking.outputs == ("email",)

    def test_a_preparation_unmasks_nothing(self) -> None:
        rules = bundle(*self.RULES, resources=[resource(columns=COLUMNS)])
        request = requested(self.FACTS, unmask=self.WANTED, stage=Stage.PREPARE)
        (allowed,) = answered(request, rules).events
        assert isinstance(allowed, CommandAllowed)
        assert allowed.obligations.unmasked == ()

    def test_over_a_budget_no_other_reviewer_unmasks(self) -> None:
        budget = {"budgets": [{"measure": "commands", "amount": 1, "window": 3600}], "over": "review"}
        terms = rule("r", "review", {})["review"]
        rules = bundle(
            rule("few", "allow", {}, review=terms, **budget),
            self.RULES[1],
            resources=[resource(columns=COLUMNS)],
        )
        account = Account("agent-7")
        kinds: list[type[Event]] = []
        for wanted in ((), self.WANTED):
            request = requested(self.FACTS, unmask=wanted)
            found = answer(request, 600, rules, NOW, NODE, account)
            assert found.account is not None
            account = found.account
            kinds.append(type(found.events[0]))
        assert kinds == [CommandAllowed, CommandDenied]


def test_a_resource_nobody_knows_is_denied() -> None:
    (denied,) = answered(requested(READ, resource="elsewhere"), bundle(rule("r", "allow", {}))).events
    assert isinstance(denied, CommandDenied)
    assert "resource" in denied.message


def test_nobody_is_asked_to_read_a_megabyte() -> None:
    (denied,) = answered(requested(DELETE), size=REVIEWABLE + 1).events
    assert isinstance(denied, CommandDenied)
    assert denied.rule == "changes need a DBA"
    assert "too long" in denied.message
    assert len(answered(requested(DELETE), size=REVIEWABLE).events) == 2
    (allowed,) = answered(requested(READ), size=REVIEWABLE + 1).events
    assert isinstance(allowed, CommandAllowed)


def test_rules_without_an_answer_are_named() -> None:
    rules = bundle(rule("r", "deny", {"expression": "context.nothing == 'x'"}))
    assert answered(requested(READ), rules).failed == ("r: no such member in mapping",)


def test_a_fault_of_ours_refuses() -> None:
    request = requested(READ)
    denied = refusal(request, bundle(), NOW, NODE)
    assert denied.digest == request.digest
    assert denied.envelope.id == verdict_id(request.envelope.command)
    assert "failed" in denied.message


class TestGrants:
    LIMITS = {"kinds": ["pattern", "window"], "seconds": 600.0, "uses": 20}  # noqa: RUF012
    TERMS = rule("w", "review", {})["review"] | {"grants": LIMITS}
    RULES = bundle(rule("writes", "review", {"intents": ["write"]}, review=TERMS))
    REQUEST = requested(DELETE, fingerprint=FINGERPRINT, pattern="delete …", reply_to=3)

    def granted(self, rules: Bundle = RULES, **more: Any) -> Granted:
        issued = grant_issued(rules=tuple(one.digest for one in rules.rules), **more)
        return issue(Granted("agent-7"), issued, issued.envelope.time)

    def answered(
        self, granted: Granted, request: CommandRequested = REQUEST, rules: Bundle = RULES
    ) -> Answer:
        return answer(request, 600, rules, NOW, NODE, Account("agent-7"), granted)

    def test_what_may_be_granted_is_for_its_principals_account(self) -> None:
        found = answered(self.REQUEST, self.RULES)
        assert (found.events, found.is_for_accounts) == ((), True)

    def test_a_grant_stands_for_the_review(self) -> None:
        found = self.answered(self.granted(at=NOW - timedelta(seconds=1), lasts=timedelta(seconds=20)))
        (allowed,) = found.events
        assert isinstance(allowed, CommandAllowed)
        assert (allowed.grant, allowed.rule, allowed.approval) == ("grant-1", "writes", "")
        assert allowed.decided_by == ("dana",)
        assert allowed.expires_at == NOW + timedelta(seconds=19), "not longer than the grant"
        assert found.granted is not None
        assert found.granted.grants[0].used == 1

    def test_without_one_the_reviewers_are_asked_and_told_what_they_may_grant(self) -> None:
        found = self.answered(Granted("agent-7"))
        asked = found.events[0]
        assert isinstance(asked, ApprovalRequested)
        assert (asked.pattern, asked.fingerprint) == ("delete …", FINGERPRINT)
        assert asked.rules == (self.RULES.rules[0].digest,)
        assert asked.grants is not None
        assert found.granted is None

    @pytest.mark.parametrize(
        ("more", "kind"),
        [
            ((rule("no", "deny", {"statements": ["delete"]}),), CommandDenied),
            ((rule("two", "review", {"tables": ["public.orders"]}),), ApprovalRequested),
            (
                (rule("two", "review", {"tables": ["public.orders"]}, review=TERMS),),
                ApprovalRequested,
            ),
            ((rule("why", "allow", {"intents": ["write"]}, require=["reason"]),), CommandDenied),
        ],
    )
    def test_it_stands_for_no_other_rule(self, more: tuple[Any, ...], kind: type[Event]) -> None:
        """A deny wins over a grant, another review asks for itself, a reason is required."""
        rules = bundle(rule("writes", "review", {"intents": ["write"]}, review=self.TERMS), *more)
        assert isinstance(self.answered(self.granted(), rules=rules).events[0], kind)

    def test_a_rule_that_changed_asks_again_and_others_may_change(self) -> None:
        changed = bundle(
            rule("writes", "review", {"intents": ["write"]}, review=self.TERMS | {"timeout": 9.0})
        )
        assert isinstance(self.answered(self.granted(), rules=changed).events[0], ApprovalRequested)
        same = bundle(
            rule("reads", "allow", {"intents": ["read"]}),
            rule("writes", "review", {"intents": ["write"]}, review=self.TERMS),
        )
        assert same.version != self.RULES.version
        assert isinstance(self.answered(self.granted(), rules=same).events[0], CommandAllowed)

    @pytest.mark.parametrize(("over", "kind"), [("deny", CommandDenied), ("review", ApprovalRequested)])
    def test_a_budget_that_is_used_up_uses_no_grant(self, over: str, kind: type[Event]) -> None:
        budget = {"measure": "commands", "amount": 1, "window": 3600}
        terms = {"review": rule("r", "review", {})["review"]} if over == "review" else {}
        rules = bundle(
            rule("writes", "review", {"intents": ["write"]}, review=self.TERMS),
            rule("counted", "allow", {"intents": ["write"]}, budgets=[budget], over=over, **terms),
        )
        granted = self.granted(self.RULES)
        first = self.answered(granted, rules=rules)
        assert isinstance(first.events[0], CommandAllowed)
        assert first.granted is not None
        again = requested(DELETE, fingerprint=FINGERPRINT)
        second = answer(again, 600, rules, NOW, NODE, first.account, first.granted)
        assert isinstance(second.events[0], kind)
        assert second.granted is None
        if isinstance(second.events[0], ApprovalRequested):
            assert second.events[0].grants is None

    def test_a_preparation_needs_none(self) -> None:
        prepared = requested(DELETE, fingerprint=FINGERPRINT, stage=Stage.PREPARE)
        (allowed,) = answered(prepared, self.RULES).events
        assert isinstance(allowed, CommandAllowed)
        assert allowed.grant == ""
