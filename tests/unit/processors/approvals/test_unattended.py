from typing import Any

import pytest
from support.commands import DELETE, NOW, bundle, requested, rule
from support.reviews import DANA, decided, settled

from processors.approvals.approval import apply, give_up
from processors.approvals.record import Approval
from processors.policy.bundle import Bundle
from processors.policy.verdict import answer
from schemas.events import ApprovalRequested, ApprovalSettled, CommandAllowed, CommandDenied
from schemas.vocabulary import ApprovalState

NODE = "processors@test#1"
TERMS = rule("w", "review", {})["review"]
DENIES = TERMS | {"on_unavailable": "deny"}
BY_RULE = TERMS | {"on_unavailable": "rule", "reserve": "small changes"}
SMALL = rule("small changes", "allow", {"statements": ["delete"], "intents": ["write"]})


def rules(review: Any, *others: Any) -> Bundle:
    return bundle(rule("writes", "review", {"intents": ["write"]}, review=review), *others)


def waiting(review: Any, *others: Any) -> tuple[Approval, Bundle]:
    found = rules(review, *others)
    asked = answer(requested(DELETE), 600, found, NOW, NODE).events[0]
    assert isinstance(asked, ApprovalRequested)
    approval = apply(None, asked, found, NOW, NODE).approval
    assert approval is not None
    return approval, found


def verdict(review: Any, *others: Any, now_in_force: Bundle | None = None) -> CommandAllowed | CommandDenied:
    """What follows once nobody can be reached."""
    approval, found = waiting(review, *others)
    (end,) = give_up(approval, NOW, NODE).events
    assert isinstance(end, ApprovalSettled)
    assert (end.state, end.unattended) == (ApprovalState.TIMED_OUT, True)
    (said,) = apply(approval, end, now_in_force or found, NOW, NODE).events
    assert isinstance(said, CommandAllowed | CommandDenied)
    assert said.unattended
    return said


def test_it_is_denied_and_says_why() -> None:
    said = verdict(DENIES)
    assert isinstance(said, CommandDenied)
    assert "no reviewer can be reached" in said.message
    assert said.rule == "writes"


def test_the_reserve_rule_decides() -> None:
    said = verdict(BY_RULE, SMALL)
    assert isinstance(said, CommandAllowed)
    assert (said.rule, said.decided_by) == ("small changes", ())
    no = rule("small changes", "deny", {"statements": ["delete"]}, message="not now")
    denied = verdict(BY_RULE, no)
    assert isinstance(denied, CommandDenied)
    assert (denied.rule, denied.message) == ("small changes", "not now")


@pytest.mark.parametrize(
    "in_force",
    [
        rules(BY_RULE, rule("small changes", "allow", {"statements": ["update"], "intents": ["write"]})),
        rules(TERMS),
        rules(BY_RULE, SMALL, rule("no deletes", "deny", {"statements": ["delete"]})),
    ],
    ids=["the reserve rule does not match", "it is gone", "a rule denies by now"],
)
def test_what_no_reserve_rule_lets_through_is_denied(in_force: Bundle) -> None:
    assert isinstance(verdict(BY_RULE, SMALL, now_in_force=in_force), CommandDenied)


def test_a_reserve_rule_decides_nothing_else() -> None:
    alone = rules(BY_RULE | {"reserve": "small changes"}, SMALL)
    assert [compiled.rule.name for compiled in alone.rules] == ["writes"]


def test_what_its_rule_holds_waits_on() -> None:
    approval, _ = waiting(TERMS)
    assert give_up(approval, NOW, NODE).events == ()


def test_several_rules_give_up_as_the_strictest_says() -> None:
    both = rules(BY_RULE, SMALL, rule("deletes", "review", {"statements": ["delete"]}, review=DENIES))
    asked = answer(requested(DELETE), 600, both, NOW, NODE).events[0]
    assert isinstance(asked, ApprovalRequested)
    assert (asked.on_unavailable.value, asked.reserve) == ("deny", "")
    held = rules(BY_RULE, SMALL, rule("deletes", "review", {"statements": ["delete"]}))
    asked = answer(requested(DELETE), 600, held, NOW, NODE).events[0]
    assert isinstance(asked, ApprovalRequested)
    assert asked.on_unavailable.value == "hold"


def test_the_first_settlement_counts_whatever_became_of_the_reviewers() -> None:
    approval, found = waiting(DENIES)
    (end,) = give_up(approval, NOW, NODE).events
    approved = settled(approval.request, digest=approval.request.digest)
    ended = apply(approval, approved, found, NOW, NODE).approval
    assert ended is not None
    assert apply(ended, end, found, NOW, NODE).events == ()  # type: ignore[arg-type]
    assert give_up(ended, NOW, NODE).events == ()
    timed_out = settled(approval.request, ApprovalState.TIMED_OUT, decided_by=(), comment="")
    by_time = apply(approval, timed_out, found, NOW, NODE).approval
    assert apply(by_time, end, found, NOW, NODE).events == ()  # type: ignore[arg-type]


def test_a_decision_after_it_is_late() -> None:
    approval, found = waiting(DENIES)
    (end,) = give_up(approval, NOW, NODE).events
    after = apply(approval, end, found, NOW, NODE).approval  # type: ignore[arg-type]
    assert apply(after, decided(approval.request, DANA, at=NOW), found, NOW, NODE).events == ()
