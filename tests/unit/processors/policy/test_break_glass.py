from typing import Any

import pytest
from support.commands import AGENT_7, DANA, DELETE, ERIN, NOW, bundle, requested, rule
from support.reviews import decided

from processors.approvals.approval import apply
from processors.policy.break_glass import REVIEWED_WITHIN, breaks_glass
from processors.policy.rule import Review
from processors.policy.verdict import answer
from schemas.events import ApprovalRequested, ApprovalSettled, CommandAllowed, CommandRevoked
from schemas.vocabulary import Answer, ApprovalState, Fallback

NODE = "processors@test#1"
TERMS = rule("w", "review", {})["review"] | {"break_glass": ["dba"]}
RULES = bundle(rule("writes", "review", {"intents": ["write"]}, review=TERMS))
WHY = "break-glass: the shop is down"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"reason": WHY}, True),
        ({"reason": "Break-Glass:  x"}, True),
        ({"reason": "break-glass:"}, False),  # without a reason
        ({"reason": "break-glass:  "}, False),
        ({"reason": "no break-glass: x"}, False),
        ({"reason": ""}, False),
        ({"reason": WHY, "principal": AGENT_7}, False),
        ({"reason": WHY, "unmask": ("public.customers.email",)}, False),
    ],
)
def test_who_breaks_the_glass(more: dict[str, Any], expected: bool) -> None:
    review = Review(("dba",), 1, 600, Fallback.DENY, 300, break_glass=("dba", "agents"))
    assert breaks_glass(requested(DELETE, **({"principal": DANA} | more)), review) is expected
    nobody = Review(("dba",), 1, 600, Fallback.DENY, 300)
    assert not breaks_glass(requested(DELETE, **({"principal": DANA} | more)), nobody)


def test_it_runs_at_once_and_is_on_record_first() -> None:
    request = requested(DELETE, principal=DANA, reason=WHY)
    asked, allowed = answer(request, 600, RULES, NOW, NODE).events
    assert isinstance(asked, ApprovalRequested)
    assert isinstance(allowed, CommandAllowed)
    assert (asked.afterwards, asked.hold, asked.reason) == (True, False, WHY)
    assert asked.expires_at == NOW + REVIEWED_WITHIN
    assert (allowed.break_glass, allowed.approval, allowed.decided_by) == (asked.approval, "", ())


def test_every_rule_that_asks_for_a_review_must_let_it() -> None:
    others = bundle(
        rule("writes", "review", {"intents": ["write"]}, review=TERMS),
        rule("orders", "review", {"tables": ["public.orders"]}),
    )
    request = requested(DELETE, principal=DANA, reason=WHY)
    asked = answer(request, 600, others, NOW, NODE).events[0]
    assert isinstance(asked, ApprovalRequested)
    assert not asked.afterwards
    denied = bundle(*(rule("no", "deny", {}), rule("w", "review", {}, review=TERMS)))
    assert [type(event).__name__ for event in answer(request, 600, denied, NOW, NODE).events] == [
        "CommandDenied"
    ]


@pytest.mark.parametrize(("given", "stops"), [(Answer.APPROVE, False), (Answer.REJECT, True)])
def test_the_review_afterwards_lets_nothing_through_and_a_rejection_stops_it(
    given: Answer, stops: bool
) -> None:
    asked, _ = answer(requested(DELETE, principal=DANA, reason=WHY), 600, RULES, NOW, NODE).events
    assert isinstance(asked, ApprovalRequested)
    approval = apply(None, asked, RULES, NOW, NODE).approval
    own = apply(approval, decided(asked, DANA), RULES, NOW, NODE)
    assert own.events == (), "nobody reviews their own"
    step = apply(approval, decided(asked, ERIN, given), RULES, NOW, NODE)
    (settlement,) = step.events
    assert isinstance(settlement, ApprovalSettled)
    after = apply(step.approval, settlement, RULES, NOW, NODE)
    assert [type(event) for event in after.events] == ([CommandRevoked] if stops else [])
    assert after.told is None
    assert after.approval is not None
    assert after.approval.state in (ApprovalState.APPROVED, ApprovalState.REJECTED)
