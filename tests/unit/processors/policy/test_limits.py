from typing import Any

import msgspec
from support.commands import rule

from processors.policy.limits import budgets_of, strictest_limits
from processors.policy.rule import NO_LIMITS, Budget, Limits, Measure, Rule
from schemas.vocabulary import LimitSource, Verdict


def rules(*limits: dict[str, Any]) -> list[Rule]:
    return [
        msgspec.convert(rule(f"r{number}", "allow", {}, limits=given), Rule)
        for number, given in enumerate(limits)
    ]


def test_each_limit_is_the_strictest_and_names_its_rule() -> None:
    limits, sources = strictest_limits(
        rules(
            {"rows": 100, "seconds": 30.0},
            {"rows": 10, "bytes": 5000, "cost": 9.5},
            {"rows": 10, "read_only": True},
        )
    )
    assert limits == Limits(rows=10, bytes=5000, seconds=30.0, cost=9.5, read_only=True)
    assert set(sources) == {
        LimitSource("rows", "r1"),
        LimitSource("bytes", "r1"),
        LimitSource("time", "r0"),
        LimitSource("cost", "r1"),
        LimitSource("read_only", "r2"),
    }


def test_what_any_of_them_blocks_is_blocked_and_names_its_rule() -> None:
    limits, sources = strictest_limits(
        rules({"block": ["iban"]}, {"block": ["card_number", "iban"]}, {"rows": 1}, {"block": ["binary"]})
    )
    assert limits == Limits(rows=1, block=("binary", "card_number", "iban"))
    assert set(sources) == {
        LimitSource("rows", "r2"),
        LimitSource("block:iban", "r0"),
        LimitSource("block:card_number", "r1"),
        LimitSource("block:binary", "r3"),
    }


def test_without_limits_there_are_none() -> None:
    assert strictest_limits(rules({}, {})) == (NO_LIMITS, ())


def test_budgets_keep_their_rule_and_what_happens_over_them() -> None:
    review = {"reviewers": ["dba"], "approvals": 1, "timeout": 9, "on_timeout": "deny", "valid_for": 5}
    budget = {"measure": "rows", "amount": 5, "window": 60}
    documents = (
        rule("plain", "allow", {}),
        rule("asks", "allow", {}, budgets=[budget], over="review", review=review),
        rule("stops", "review", {}, budgets=[budget]),
    )
    asks, stops = budgets_of(msgspec.convert(document, Rule) for document in documents)
    assert (asks.rule, asks.over, asks.budgets) == ("asks", Verdict.REVIEW, (Budget(Measure.ROWS, 5, 60),))
    assert asks.review is not None
    assert (stops.over, stops.review) == (Verdict.DENY, None)
