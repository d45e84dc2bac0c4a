from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.commands import DELETE, DROP, NOW, ORDERS, READ, bundle, command, rule

from processors.policy.rule import Escalation, Review, Rule
from processors.policy.rules import BadRule, Decision, compile_rule, evaluate
from schemas.vocabulary import Facts, Fallback, Intent, ReviewStage, Verdict

ANYTHING: dict[str, Any] = {}


def decide(facts: Facts, *rules: dict[str, Any], **seen: Any) -> Decision:
    compiled = [compile_rule(msgspec.convert(document, Rule)) for document in rules]
    return evaluate(command(facts, **seen), compiled, NOW)


def review(**terms: Any) -> dict[str, Any]:
    base = {"reviewers": ["dba"], "approvals": 1, "timeout": 600, "on_timeout": "deny", "valid_for": 300}
    return base | terms


class TestStrictestWins:
    def test_nothing_matches(self) -> None:
        decision = decide(READ)
        assert (decision.verdict, decision.rule) == (Verdict.DENY, "")
        assert decision.message == "no rule allows this"
        assert decision.hint

    def test_a_probe_is_told_which_column_where_that_is_why(self) -> None:
        probe = replace(READ, intents=(Intent.PROBE, Intent.READ), probed=("public.customers.card",))
        reads = rule("reads", "allow", {"intents": ["read"]})
        decision = decide(probe, reads)
        assert decision.verdict is Verdict.DENY
        assert decision.message == "no rule allows finding out about masked values of public.customers.card"
        assert "is null" in decision.hint
        assert "of what is not proven" in decide(replace(probe, probed=()), reads).message
        assert decide(probe, rule("writes", "allow", {"intents": ["write"]})).message == "no rule allows this"
        assert decide(probe, rule("all", "allow", {"intents": ["read", "probe"]})).verdict is Verdict.ALLOW

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_deny_over_review_over_allow_in_any_order(self, order: tuple[int, ...]) -> None:
        rules = [rule(verdict, verdict, ANYTHING) for verdict in ("allow", "review", "deny")]
        assert decide(READ, *(rules[i] for i in order)).rule == "deny"
        assert decide(READ, *(rules[i] for i in order if i < 2)).rule == "review"

    @pytest.mark.parametrize("verdict", ["allow", "review", "deny"])
    def test_of_equals_the_first_names_the_rule(self, verdict: str) -> None:
        assert decide(READ, rule("one", verdict, ANYTHING), rule("two", verdict, ANYTHING)).rule == "one"

    def test_a_deny_has_the_rules_message(self) -> None:
        assert decide(READ, rule("no", "deny", ANYTHING, message="Ask Otto.")).message == "Ask Otto."
        assert decide(READ, rule("no", "deny", ANYTHING)).message

    def test_all_keys_must_match(self) -> None:
        when = {"groups": ["agents"], "resources": ["orders"], "intents": ["read"]}
        assert decide(READ, rule("r", "allow", when)).verdict is Verdict.ALLOW
        for key, other in (("groups", ["x"]), ("resources", ["x"]), ("intents", ["write"])):
            assert decide(READ, rule("r", "allow", when | {key: other})).verdict is Verdict.DENY

    @given(st.lists(st.sampled_from(["allow", "review", "deny"]), max_size=6))
    def test_one_more_rule_never_makes_it_milder_than_its_strictest(self, verdicts: list[str]) -> None:
        order = ["allow", "review", "deny"]
        rules = [rule(f"{i}", verdict, ANYTHING) for i, verdict in enumerate(verdicts)]
        expected = max(verdicts, key=order.index, default="deny")
        assert decide(READ, *rules).verdict.value == expected


class TestIntents:
    """An allow rule must list every intent; a review or deny rule is hit by any."""

    READS = rule("reads", "allow", {"intents": ["read", "session"]})
    WRITES = rule("writes", "review", {"intents": ["write", "ddl"]})

    def test_a_read_that_also_writes_is_not_a_read(self) -> None:
        both = Facts((Intent.READ, Intent.WRITE), ("select", "delete"))
        assert decide(both, self.READS).verdict is Verdict.DENY
        assert decide(both, self.READS, self.WRITES).verdict is Verdict.REVIEW

    def test_unknown_beside_read_is_not_a_read(self) -> None:
        assert decide(Facts((Intent.READ, Intent.UNKNOWN)), self.READS).verdict is Verdict.DENY

    def test_a_review_applies_even_if_it_does_not_list_all(self) -> None:
        assert decide(Facts((Intent.UNKNOWN, Intent.WRITE)), self.WRITES).verdict is Verdict.REVIEW

    @given(st.sets(st.sampled_from(Intent), min_size=1), st.sets(st.sampled_from(Intent), min_size=1))
    def test_allowed_exactly_if_all_are_listed(self, has: set[Intent], listed: set[Intent]) -> None:
        decision = decide(
            Facts(tuple(sorted(has))), rule("r", "allow", {"intents": sorted(x.value for x in listed)})
        )
        assert (decision.verdict is Verdict.ALLOW) == (has <= listed)


class TestWhatAnAllowRuleProves:
    def test_a_rule_that_says_nothing_of_the_facts_allows_the_unknown(self) -> None:
        """`when: {groups: [agents]}` is a deliberate allow-all."""
        unknown = Facts((Intent.UNKNOWN,))
        assert decide(unknown, rule("r", "allow", {"groups": ["agents"]})).verdict is Verdict.ALLOW

    @pytest.mark.parametrize(
        "when", [{"tables": ["public.*"]}, {"statements": ["select"]}, {"columns": ["*"]}], ids=str
    )
    def test_what_is_seen_of_an_unknown_command_proves_nothing(self, when: dict[str, Any]) -> None:
        unknown = Facts((Intent.READ, Intent.UNKNOWN), ("select",), ("public.orders",), ("public.orders.id",))
        assert decide(unknown, rule("r", "allow", when)).verdict is Verdict.DENY
        named = when | {"intents": ["read", "unknown"]}
        assert decide(unknown, rule("r", "allow", named)).verdict is Verdict.ALLOW

    @pytest.mark.parametrize("key", ["tables", "columns", "functions", "programs", "methods", "paths"])
    def test_a_list_alone_does_not_allow_what_touches_none_of_it(self, key: str) -> None:
        touches_nothing = Facts((Intent.ADMIN,), ("drop_database",))
        assert decide(touches_nothing, rule("r", "allow", {key: ["*"]})).verdict is Verdict.DENY

    def test_with_intents_a_list_is_a_bound(self) -> None:
        """`select 1` touches no table and stays within any."""
        plain = Facts((Intent.READ,), ("select",))
        when = {"intents": ["read"], "tables": ["public.orders"]}
        assert decide(plain, rule("r", "allow", when)).verdict is Verdict.ALLOW
        elsewhere = Facts((Intent.READ,), ("select",), ("public.orders", "hr.wages"))
        assert decide(elsewhere, rule("r", "allow", when)).verdict is Verdict.DENY

    def test_no_statement_is_not_every_statement(self) -> None:
        assert decide(Facts((Intent.READ,)), rule("r", "allow", {"statements": ["select"]})).rule == ""


class TestReview:
    def test_the_rule_that_asks_for_most_names_the_review(self) -> None:
        one = rule("one", "review", ANYTHING, review=review(reviewers=["dba"]))
        two = rule("two", "review", ANYTHING, review=review(reviewers=["security"], approvals=2))
        decision = decide(DELETE, one, two)
        assert decision.rule == "two"
        assert decision.review is not None
        assert (decision.review.reviewers, decision.review.approvals) == (("security",), 2)

    def test_what_any_asks_of_all_of_some_groups_is_asked(self) -> None:
        two = rule("two", "review", ANYTHING, review=review(reviewers=["dba"], approvals=2))
        legal = rule("l", "review", ANYTHING, review=review(reviewers=["legal"], all_of=["legal"]))
        both = rule("b", "review", ANYTHING, review=review(reviewers=["a", "b", "legal"], all_of=["a", "b"]))
        terms = decide(DELETE, two, legal, both).review
        assert terms is not None
        assert terms.reviewers == ("dba", "legal", "a", "b")
        assert (terms.all_of, terms.approvals) == (("legal", "a", "b"), 3)

    def test_one_that_does_not_hold_holds_for_none(self) -> None:
        held = rule("held", "review", ANYTHING, review=review())
        at_once = rule("at once", "review", ANYTHING, review=review(hold=False))
        for rules, hold in (((held, held), True), ((held, at_once), False)):
            terms = decide(DELETE, *rules).review
            assert terms is not None
            assert terms.hold is hold

    def test_then_the_shortest_validity_then_the_first(self) -> None:
        long = rule("long", "review", ANYTHING, review=review(valid_for=600))
        short = rule("short", "review", ANYTHING, review=review(valid_for=10))
        assert decide(DELETE, long, short).rule == "short"
        assert decide(DELETE, long, long | {"name": "again"}).rule == "long"

    def test_times_and_fallback_are_the_strictest_of_all(self) -> None:
        named = rule(
            "named", "review", ANYTHING, review=review(approvals=3, on_timeout="allow", valid_for=900)
        )
        other = rule("other", "review", ANYTHING, review=review(timeout=30, valid_for=60))
        terms = decide(DELETE, named, other).review
        assert terms is not None
        assert (terms.approvals, terms.timeout, terms.valid_for) == (3, 30, 60)
        assert terms.on_timeout is Fallback.DENY

    def test_no_review_where_the_verdict_is_another(self) -> None:
        assert decide(DROP, rule("r", "review", ANYTHING), rule("d", "deny", ANYTHING)).review is None


class TestLimits:
    def test_the_limits_of_all_matching_rules_hold(self) -> None:
        wide = rule("wide", "allow", ANYTHING, limits={"rows": 1000, "seconds": 30.0})
        tight = rule("tight", "allow", ANYTHING, limits={"rows": 10, "bytes": 5000})
        strict = rule("strict", "review", ANYTHING, limits={"rows": 1000})
        elsewhere = rule("elsewhere", "allow", {"users": ["otto"]}, limits={"rows": 1})
        limits = decide(READ, wide, tight, strict, elsewhere).limits
        assert (limits.rows, limits.bytes, limits.seconds) == (10, 5000, 30.0)

    def test_no_limits_where_none_is_given(self) -> None:
        limits = decide(READ, rule("r", "allow", ANYTHING)).limits
        assert (limits.rows, limits.bytes, limits.seconds) == (None, None, None)


class TestExpression:
    FAILS = "context.nothing == 'x'"

    def test_one_without_an_answer_never_allows(self) -> None:
        decision = decide(READ, rule("r", "allow", {"expression": self.FAILS}))
        assert decision.verdict is Verdict.DENY
        assert decision.failed == ("r: no such member in mapping",)

    @pytest.mark.parametrize("verdict", ["review", "deny"])
    def test_one_without_an_answer_always_restricts(self, verdict: str) -> None:
        open_door = rule("open", "allow", ANYTHING)
        decision = decide(READ, open_door, rule("r", verdict, {"expression": self.FAILS}))
        assert (decision.verdict.value, decision.rule) == (verdict, "r")
        assert decision.failed

    def test_only_where_the_other_keys_match(self) -> None:
        open_door = rule("open", "allow", ANYTHING)
        when = {"users": ["otto"], "expression": self.FAILS}
        decision = decide(READ, open_door, rule("r", "deny", when))
        assert decision.verdict is Verdict.ALLOW
        assert decision.failed == ()


@pytest.mark.parametrize(
    ("when", "where"),
    [({"expression": "("}, "when.expression"), ({"command": "("}, "when.command")],
)
def test_a_rule_that_cannot_be_used_says_where(when: dict[str, Any], where: str) -> None:
    with pytest.raises(BadRule, match=f"policy 'r': {where}: "):
        compile_rule(msgspec.convert(rule("r", "deny", when), Rule))


def test_a_rule_follows_the_clock() -> None:
    hours = {"start": "09:00", "end": "10:00", "zone": "UTC", "days": ["mon"]}
    compiled = [compile_rule(msgspec.convert(rule("r", "allow", {"hours": hours}), Rule))]
    assert evaluate(command(), compiled, NOW).verdict is Verdict.ALLOW
    assert evaluate(command(), compiled, NOW + timedelta(hours=1)).verdict is Verdict.DENY


class TestWhatARuleRequires:
    ASKS = rule("asks", "allow", {"intents": ["read", "session"]}, require=["reason", "ticket"])

    def test_a_command_without_it_is_denied_and_told(self) -> None:
        decision = decide(READ, self.ASKS)
        assert (decision.verdict, decision.rule) == (Verdict.DENY, "asks")
        assert (decision.message, decision.missing) == (
            "this needs a reason and a ticket",
            ("reason", "ticket"),
        )
        assert decide(READ, self.ASKS, reason="to see").missing == ("ticket",)

    def test_with_it_the_rule_decides(self) -> None:
        decision = decide(READ, self.ASKS, reason="to see", ticket="OPS-1")
        assert (decision.verdict, decision.missing) == (Verdict.ALLOW, ())

    def test_a_command_that_only_changes_the_session_needs_none(self) -> None:
        begin = Facts((Intent.SESSION,), ("begin",))
        assert decide(begin, self.ASKS).verdict is Verdict.ALLOW

    def test_whatever_rule_requires_it_it_must_be_said(self) -> None:
        free = rule("free", "allow", ANYTHING)
        review = rule("reviewed", "review", {"intents": ["read"]}, require=["reason"])
        for rules in ((free, self.ASKS), (free, review)):
            assert decide(READ, *rules).missing

    def test_a_deny_is_said_before_a_reason_is_asked_for(self) -> None:
        assert decide(READ, self.ASKS, rule("no", "deny", ANYTHING)).rule == "no"


class TestReviewers:
    """Who reviews beyond the groups that a rule names."""

    TERMS = rule("w", "review", {})["review"]
    STAGE = {"reviewers": ["security"], "approvals": 1, "all_of": []}  # noqa: RUF012
    ESCALATION = {"after": 60.0, "to": ["managers"]}  # noqa: RUF012

    def terms(self, *reviews: Any, owners: tuple[str, ...] = ()) -> Review:
        rules = bundle(*(rule(str(n), "review", {}, review=terms) for n, terms in enumerate(reviews)))
        found = evaluate(command(resource=replace(ORDERS, owners=owners)), rules.rules, NOW).review
        assert found is not None
        return found

    def test_owners_of_the_resource_where_a_rule_says_so(self) -> None:
        asks = self.TERMS | {"owners": True}
        assert self.terms(asks, owners=("shop", "dba")).reviewers == ("dba", "shop")
        assert self.terms(asks).reviewers == ("dba",)
        assert self.terms(self.TERMS, owners=("shop",)).reviewers == ("dba",)

    def test_every_stage_of_several_rules_is_asked(self) -> None:
        found = self.terms(self.TERMS | {"then": [self.STAGE]}, self.TERMS | {"approvals": 2})
        assert (found.approvals, found.then) == (2, (ReviewStage(("security",)),))

    def test_it_escalates_only_as_all_of_them_say(self) -> None:
        escalates = self.TERMS | {"escalation": self.ESCALATION}
        assert self.terms(escalates, escalates).escalation == Escalation(60.0, ("managers",))
        assert self.terms(escalates, self.TERMS).escalation is None
