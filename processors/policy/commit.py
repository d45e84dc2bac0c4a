"""The decision on a COMMIT that makes statements last which ran before their review. Pure.

It is made from the statements themselves, by the rules in force now: whoever is asked about the COMMIT is
who would be asked about them (docs/decisions/0032-review-at-commit.md).
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from processors.policy.command import Command, statement_of
from processors.policy.rules import CompiledRule, Decision, evaluate, strictest_terms
from schemas.vocabulary import Facts, Intent, ReviewAt, Transaction, Verdict

_CHANGES = frozenset((Intent.WRITE, Intent.BULK_WRITE, Intent.DDL))
_UNDONE = _CHANGES | {Intent.READ, Intent.SESSION}
_ROLLED_BACK = "Nothing of the transaction lasts. Run it again, and commit it sooner."


def runs_first(decision: Decision, facts: Facts, *, holds_commit: bool) -> bool:
    """Whether a command runs before its review. It does where its ingress holds the COMMIT, and a rollback
    takes back all that it is proven to do: what was seen, sent or started is not taken back by one."""
    return (
        holds_commit
        and decision.review is not None
        and decision.review.at is ReviewAt.COMMIT
        and _UNDONE.issuperset(facts.intents)
        and not _CHANGES.isdisjoint(facts.intents)
    )


def decide_commit(
    command: Command, transaction: Transaction, rules: Sequence[CompiledRule], now: datetime
) -> Decision:
    """The decision on the COMMIT `command` at `now`: what the rules say of it, and of each statement that ran
    before its review. One that is denied by now denies the COMMIT."""
    own = evaluate(replace(command, transaction=None), rules, now)
    if own.verdict is Verdict.DENY:
        return own
    reviews = [(own.rule, own.review)] if own.review is not None else []
    digests = list(own.rules)
    for ran in transaction.statements:
        if not ran.at_commit:
            continue
        found = evaluate(statement_of(command, ran), rules, now)
        if found.verdict is Verdict.DENY:
            return found
        if found.review is not None:
            reviews.append((found.rule, found.review))
            digests += found.rules
    if not reviews:
        return own  # the rules have changed, and ask for no review any more
    rule, review = strictest_terms(reviews)
    timeout = review.timeout
    if review.hold_limit is not None:
        timeout = min(timeout, review.hold_limit - (now - transaction.began_at).total_seconds())
    if timeout <= 0:
        message = f"its transaction has held its locks for longer than the {review.hold_limit:g} s it may"
        return Decision(Verdict.DENY, rule, message, _ROLLED_BACK, failed=own.failed)
    return replace(
        own,
        verdict=Verdict.REVIEW,
        rule=rule,
        review=replace(review, timeout=timeout, hold=True, grants=None, break_glass=()),
        rules=tuple(dict.fromkeys(digests)),
    )
