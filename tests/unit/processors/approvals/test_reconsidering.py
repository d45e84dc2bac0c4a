from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.commands import bundle, rule
from support.reviews import DELETE, NODE, NOW, requested

from processors.approvals.approval import apply
from processors.approvals.reconsidering import CHANGED, Looks, reconsider
from processors.approvals.record import Approval
from processors.policy.bundle import Bundle
from schemas.events import ApprovalSettled, CommandDenied
from schemas.vocabulary import Access, ApprovalState

WRITES = rule("changes need a DBA", "review", {"intents": ["write"]})
READS = rule("reads", "allow", {"intents": ["read"]})
RULES = bundle(WRITES)


def waiting(**more: Any) -> Approval:
    """A deletion under review by RULES."""
    fields: dict[str, Any] = {
        "policy_version": RULES.version,
        "rules": (RULES.rules[0].digest,),
        "facts": DELETE,
    }
    return Approval(requested(NOW, **(fields | more)))


def ends(approval: Approval, rules: Bundle) -> bool:
    step = reconsider(approval, rules, NOW, NODE)
    assert step.approval == approval  # it has ended when that is read back
    for event in step.events:
        assert isinstance(event, ApprovalSettled)
        assert (event.state, event.comment, event.decided_by) == (ApprovalState.WITHDRAWN, CHANGED, ())
    return bool(step.events)


def test_under_the_same_rules_nothing_happens() -> None:
    assert not ends(waiting(), RULES)


@pytest.mark.parametrize(
    ("rules", "is_over"),
    [
        ((WRITES, READS), False),
        ((READS, WRITES | {"message": ""}), False),
        ((WRITES, rule("frozen", "deny", {})), True),
        ((READS,), True),  # nothing allows it
        ((rule("open", "allow", {}),), True),  # it needs no review
        ((WRITES | {"name": "another"},), True),
        ((WRITES | {"review": WRITES["review"] | {"approvals": 2}},), True),
        ((WRITES | {"review": WRITES["review"] | {"reviewers": ["security"]}},), True),
        ((WRITES, WRITES | {"name": "a second"}), True),
    ],
)
def test_it_waits_on_where_the_same_rules_ask(rules: tuple[dict[str, Any], ...], is_over: bool) -> None:
    assert ends(waiting(), bundle(*rules)) is is_over


def test_what_does_not_hold_is_asked_anew() -> None:
    assert ends(waiting(hold=False), bundle(WRITES, READS))


def test_a_window_of_access_waits_on_while_its_rules_are_there() -> None:
    asked = waiting(access=Access(600), hold=False)
    assert not ends(asked, bundle(WRITES, READS))
    assert ends(asked, bundle(WRITES | {"name": "another"}))


def test_what_ran_already_is_reviewed_all_the_same() -> None:
    assert not ends(waiting(afterwards=True), bundle(READS))


@pytest.mark.parametrize("state", [state for state in ApprovalState if state is not ApprovalState.PENDING])
def test_what_was_settled_stays_so(state: ApprovalState) -> None:
    assert not ends(replace(waiting(), state=state), bundle(READS))


def test_whoever_waits_is_told_why() -> None:
    approval = waiting()
    (settled,) = reconsider(approval, bundle(READS), NOW, NODE).events
    assert isinstance(settled, ApprovalSettled)
    (denied,) = apply(approval, settled, bundle(READS), NOW, NODE).events
    assert isinstance(denied, CommandDenied)
    assert CHANGED in denied.message
    assert "Run it again" in denied.hint


def test_it_is_looked_through_at_once_and_once_more_later() -> None:
    looks = Looks()
    after = [looks.is_due("a", NOW + timedelta(seconds=second)) for second in (0, 1, 9, 10, 11, 60)]
    assert after == [True, False, False, True, False, False]
    assert looks.is_due("b", NOW + timedelta(seconds=61))
