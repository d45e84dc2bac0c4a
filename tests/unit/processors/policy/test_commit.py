from datetime import timedelta
from typing import Any

import pytest
from support.commands import DANA, DELETE, NOW, bundle, requested, rule
from support.reviews import decided

from processors.approvals.approval import apply
from processors.policy.verdict import answer
from schemas.events import ApprovalRequested, ApprovalSettled, CommandAllowed, CommandDenied, CommandRequested
from schemas.vocabulary import ApprovalState, ContextItem, Facts, Intent, Outcome, RanStatement, Transaction

NODE = "processors@test#1"
AT_COMMIT = rule("w", "review", {})["review"] | {"at": "commit", "hold_limit": 300, "timeout": 600}
SESSION = rule("sessions", "allow", {"intents": ["session"]})
WRITES = rule("writes", "review", {"intents": ["write"]}, review=AT_COMMIT)
RULES = bundle(SESSION, WRITES)
COMMIT = Facts(intents=(Intent.SESSION,), statements=("commit",))


def ran(
    facts: Facts = DELETE, *, at_commit: bool = True, text: str = "delete from orders where id = 7"
) -> Any:
    context = (ContextItem("role", "app"),)
    return RanStatement("c1", "d1", text, (), facts, context, "", "", 3, Outcome.SUCCEEDED, at_commit)


def commit(*statements: RanStatement, age: float = 0.0) -> CommandRequested:
    transaction = Transaction(NOW - timedelta(seconds=age), statements, ())
    return requested(COMMIT, text="commit", transaction=transaction)


class TestStatements:
    def test_it_runs_at_once_and_obliges_to_hold_the_commit(self) -> None:
        (allowed,) = answer(requested(DELETE, holds_commit=True), 600, RULES, NOW, NODE).events
        assert isinstance(allowed, CommandAllowed)
        assert allowed.obligations.at_commit
        assert allowed.obligations.rule_of("at_commit") == "writes"
        assert allowed.approval == ""

    def test_where_the_commit_is_not_held_it_is_reviewed_before(self) -> None:
        asked = answer(requested(DELETE), 600, RULES, NOW, NODE).events[0]
        assert isinstance(asked, ApprovalRequested)
        assert not asked.obligations.at_commit

    @pytest.mark.parametrize(
        "intents",
        [
            (Intent.UNKNOWN, Intent.WRITE),
            (Intent.EXEC, Intent.WRITE),
            (Intent.NETWORK, Intent.WRITE),
            (Intent.EXPORT, Intent.WRITE),
            (Intent.PROBE, Intent.WRITE),
            (Intent.CREDENTIAL, Intent.WRITE),
            (Intent.ADMIN, Intent.WRITE),
            (Intent.READ,),
        ],
    )
    def test_what_a_rollback_does_not_take_back_is_reviewed_before(self, intents: tuple[Intent, ...]) -> None:
        rules = bundle(rule("all", "review", {}, review=AT_COMMIT))
        events = answer(requested(Facts(intents=intents), holds_commit=True), 600, rules, NOW, NODE).events
        assert isinstance(events[0], ApprovalRequested)

    def test_a_rule_that_reviews_before_wins(self) -> None:
        rules = bundle(WRITES, rule("deletes", "review", {"statements": ["delete"]}))
        events = answer(requested(DELETE, holds_commit=True), 600, rules, NOW, NODE).events
        assert isinstance(events[0], ApprovalRequested)


class TestCommits:
    def test_it_is_asked_of_the_reviewers_of_what_ran(self) -> None:
        asked = answer(commit(ran(), age=100), 600, RULES, NOW, NODE).events[0]
        assert isinstance(asked, ApprovalRequested)
        assert (asked.rule, asked.reviewers, asked.text) == ("writes", ("dba",), "commit")
        assert asked.transaction is not None
        assert asked.expires_at == NOW + timedelta(seconds=200), "the hold limit counts from its beginning"

    def test_locks_are_not_held_for_longer(self) -> None:
        (denied,) = answer(commit(ran(), age=301), 600, RULES, NOW, NODE).events
        assert isinstance(denied, CommandDenied)
        assert "held its locks for longer than the 300 s" in denied.message

    def test_the_strictest_of_all_statements_counts(self) -> None:
        two = AT_COMMIT | {"approvals": 2}
        rules = bundle(
            SESSION, WRITES, rule("ddl", "review", {"intents": ["ddl"]}, review=two | {"hold_limit": 60})
        )
        asked = answer(commit(ran(), ran(Facts(intents=(Intent.DDL,)))), 600, rules, NOW, NODE).events[0]
        assert isinstance(asked, ApprovalRequested)
        assert (asked.rule, asked.approvals) == ("ddl", 2)
        assert asked.expires_at == NOW + timedelta(seconds=60)

    def test_what_is_denied_by_now_does_not_last(self) -> None:
        rules = bundle(SESSION, WRITES, rule("no deletes", "deny", {"statements": ["delete"]}))
        (denied,) = answer(commit(ran()), 600, rules, NOW, NODE).events
        assert isinstance(denied, CommandDenied)
        assert denied.rule == "no deletes"

    def test_what_was_reviewed_before_it_ran_is_not_reviewed_again(self) -> None:
        (allowed,) = answer(commit(ran(at_commit=False)), 600, RULES, NOW, NODE).events
        assert isinstance(allowed, CommandAllowed)

    def test_a_commit_that_no_rule_allows_is_denied(self) -> None:
        (denied,) = answer(commit(ran()), 600, bundle(WRITES), NOW, NODE).events
        assert isinstance(denied, CommandDenied)

    def test_a_changed_policy_asks_again_what_the_statements_need(self) -> None:
        asked = answer(commit(ran()), 600, RULES, NOW, NODE).events[0]
        assert isinstance(asked, ApprovalRequested)
        approval = apply(None, asked, RULES, NOW, NODE).approval
        stricter = bundle(
            SESSION, rule("writes", "review", {"intents": ["write"]}, review=AT_COMMIT | {"approvals": 2})
        )
        step = apply(approval, decided(asked, DANA, at=NOW), stricter, NOW, NODE)
        (settled,) = step.events
        assert isinstance(settled, ApprovalSettled)
        assert settled.state is ApprovalState.APPROVED
        (verdict,) = apply(step.approval, settled, stricter, NOW, NODE).events
        assert isinstance(verdict, CommandDenied)
        assert "now asks for more than was given" in verdict.message
