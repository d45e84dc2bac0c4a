from dataclasses import replace
from typing import Any

import msgspec
import pytest
from support.commands import NOW, command, rule

from processors.policy.command import Resource
from processors.policy.decision import decide
from processors.policy.rule import Rule
from processors.policy.rules import BadRule, Decision, compile_rule
from schemas.vocabulary import Facts, Intent, Output, SensitiveColumn, Verdict

EMAIL, CARD, ID = "public.customers.email", "public.customers.card", "public.customers.id"
CUSTOMERS = Resource(
    "orders", {"env": "prod"}, (SensitiveColumn(EMAIL, "email"), SensitiveColumn("*.*.card", "card"))
)
SELECT = Facts(
    (Intent.READ,),
    ("select",),
    ("public.customers",),
    (CARD, EMAIL, ID),
    outputs=tuple(Output(name.split(".")[-1], (name,), True, bare=True) for name in (ID, EMAIL, CARD)),
    outputs_known=True,
)
READS = rule("reads", "allow", {"intents": ["read"]})
UNMASKS = rule("privacy unmasks", "review", {"unmask": [EMAIL]})


def decided(*rules: dict[str, Any], facts: Facts = SELECT, unmask: tuple[str, ...] = (EMAIL,)) -> Decision:
    compiled = [compile_rule(msgspec.convert(document, Rule)) for document in rules]
    return decide(command(facts, resource=CUSTOMERS, unmask=unmask), compiled, NOW)


def test_a_command_that_does_not_ask_is_not_held() -> None:
    assert decided(READS, UNMASKS, unmask=()).verdict is Verdict.ALLOW


def test_one_that_asks_is_reviewed_by_the_rule_that_lets_it() -> None:
    decision = decided(READS, UNMASKS)
    assert (decision.verdict, decision.rule) == (Verdict.REVIEW, "privacy unmasks")
    assert decision.review is not None


def test_all_limits_hold_together() -> None:
    decision = decided(READS | {"limits": {"rows": 9}}, UNMASKS | {"limits": {"rows": 20}})
    assert decision.limits.rows == 9


@pytest.mark.parametrize("wanted", [(CARD,), (CARD, EMAIL)])
def test_every_column_must_be_listed(wanted: tuple[str, ...]) -> None:
    decision = decided(READS, UNMASKS, unmask=wanted)
    assert decision.verdict is Verdict.DENY
    assert decision.message == f"no rule lets you ask for unmasked values of {', '.join(wanted)}"


def test_a_deny_needs_only_one() -> None:
    never = rule("never cards", "deny", {"unmask": ["*.*.card"]})
    both = rule("privacy unmasks", "review", {"unmask": ["*.*.*"]})
    assert decided(READS, both, never, unmask=(CARD, EMAIL)).rule == "never cards"
    assert decided(READS, both, never, unmask=(EMAIL,)).verdict is Verdict.REVIEW


def test_asking_permits_nothing_else() -> None:
    """The rule that lets it ask does not allow the command."""
    assert decided(UNMASKS).message == "no rule allows this"
    assert decided(rule("no", "deny", {}), UNMASKS, READS).rule == "no"


def test_another_review_is_not_passed_by() -> None:
    decision = decided(READS, UNMASKS, rule("reads of customers", "review", {"tables": ["*.customers"]}))
    assert (decision.verdict, decision.rule) == (Verdict.DENY, "reads of customers")


@pytest.mark.parametrize(
    "intent", [intent for intent in Intent if intent not in (Intent.READ, Intent.PROBE, Intent.SESSION)]
)
def test_only_what_reads(intent: Intent) -> None:
    facts = replace(SELECT, intents=(Intent.READ, intent), unproven=("why it is unproven",))
    anything = rule("anything", "allow", {})
    decision = decided(anything, UNMASKS, facts=facts)
    assert decision.verdict is Verdict.DENY
    assert "nothing but read (why it is unproven)" in decision.message


@pytest.mark.parametrize(
    "output",
    [
        Output("email", (EMAIL,), True),  # computed
        Output("email", (EMAIL,), False, bare=True),
        Output("email", (EMAIL, CARD), True, bare=True),
        Output("id", (ID,), True, bare=True),
    ],
)
def test_only_what_the_answer_has_as_it_is(output: Output) -> None:
    for facts in (replace(SELECT, outputs=(output,)), replace(SELECT, outputs_known=False)):
        decision = decided(READS, UNMASKS, facts=facts)
        assert decision.message == f"the answer has no such masked column: {EMAIL}"


def test_what_is_not_masked_is_not_unmasked() -> None:
    everything = rule("unmasks", "review", {"unmask": ["*"]})
    assert "no such masked column" in decided(READS, everything, unmask=(ID,)).message


@pytest.mark.parametrize(
    "when",
    [
        {"expression": "resource.labels.nothing == 'x'"},
        {"networks": ["192.168.0.0/16"]},
        {"intents": ["probe"]},
        {"tables": ["public.orders"]},
    ],
)
def test_a_rule_that_lets_it_ask_must_be_sure_of_its_match(when: dict[str, Any]) -> None:
    unsure = rule("unsure", "review", {"unmask": [EMAIL], **when})
    assert "no rule lets you ask" in decided(READS, unsure).message


def test_no_rule_allows_it_without_a_reviewer() -> None:
    with pytest.raises(BadRule, match="only a reviewer"):
        decided(rule("all", "allow", {"unmask": ["*"]}))
