"""The decision on one command: the strictest matching rule wins, and what no rule allows is denied."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from processors.grants.terms import strictest
from processors.policy.command import Command
from processors.policy.expression import ExpressionFailed
from processors.policy.limits import RuleBudgets, budgets_of, strictest_limits
from processors.policy.matchers import MATCHERS, Predicate
from processors.policy.rule import NO_LIMITS, Limits, Review, Rule, When
from schemas.vocabulary import Fallback, Intent, LimitSource, OnUnavailable, ReviewAt, Verdict

_STRICTNESS = {Verdict.ALLOW: 0, Verdict.REVIEW: 1, Verdict.DENY: 2}
_SESSION = frozenset((Intent.SESSION,))
_NAMED = (
    *("statements", "tables", "columns", "functions", "programs", "methods", "paths"),
    *("verbs", "kinds_of_object", "namespaces", "tools"),
)
_FACTS = ("intents", *_NAMED)

NO_RULE = "no rule allows this"
NO_PROBE = "no rule allows finding out about masked values"
NO_PROBE_HINT = (
    "Nothing was executed. A masked column can be selected, but not compared, joined, sorted or grouped by; "
    "`is null` and count() can be asked."
)
NO_RULE_HINT = "Nothing was executed. Ask whoever keeps the gateway's rules for one that covers this command."
DENIED = "this is not allowed through the gateway"
DENIED_HINT = "Nothing was executed. The rule refuses the command for everyone it names; do not retry it."
REASON_HINT = "Nothing was executed. Say why you need it, and run it again."


class BadRule(Exception):
    """A rule cannot be used; the message names it, the key and what was expected."""


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its matchers made ready."""

    rule: Rule
    matchers: tuple[Predicate, ...]
    digest: str  # SHA-256 of the rule, in hex


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say about one command. `review` is there exactly where the verdict is review."""

    verdict: Verdict
    rule: str  # empty when nothing matched
    message: str = ""
    hint: str = ""
    review: Review | None = None
    limits: Limits = NO_LIMITS
    limited_by: tuple[LimitSource, ...] = ()
    budgets: tuple[RuleBudgets, ...] = ()
    rules: tuple[str, ...] = ()  # digests of the rules that ask for the review
    missing: tuple[str, ...] = ()  # what the requester must say first
    retry_at: datetime | None = None  # when a budget has room again
    failed: tuple[str, ...] = ()  # rules whose expression had no answer: "name: why"


def compile_rule(rule: Rule) -> CompiledRule:
    """The rule ready to be evaluated. Raises BadRule."""
    if rule.when.unmask is not None and rule.verdict is Verdict.ALLOW:
        raise BadRule(f"policy {rule.name!r}: when.unmask: only a reviewer gives an unmasked answer")
    every = rule.permits
    matchers: list[Predicate] = [_provable(rule.when)] if every else []
    for key, make in MATCHERS.items():
        value = getattr(rule.when, key)
        if value is None:
            continue
        try:
            matchers.append(make(value, every))
        except ValueError as error:
            raise BadRule(f"policy {rule.name!r}: when.{key}: {error}") from error
    digest = hashlib.sha256(msgspec.json.encode(rule, order="sorted")).hexdigest()
    return CompiledRule(rule, tuple(matchers), digest)


def evaluate(command: Command, rules: Sequence[CompiledRule], now: datetime) -> Decision:
    """The decision on `command` at `now`.

    Deny beats review beats allow. Among several that deny or allow, the first in the file names the rule;
    for several that review see `strictest_terms`. The limits of all that match hold together.
    """
    failed: list[str] = []
    found = [compiled for compiled in rules if _matches(compiled, command, now, failed)]
    matching = [_with_owners(compiled.rule, command.resource.owners) for compiled in found]
    if not matching:
        message, hint = _why_none(command, rules, now)
        return Decision(Verdict.DENY, "", message, hint, failed=tuple(failed))
    verdict = max((rule.verdict for rule in matching), key=_STRICTNESS.__getitem__)
    strictest = [rule for rule in matching if rule.verdict is verdict]
    if verdict is Verdict.DENY:
        rule = strictest[0]
        return Decision(verdict, rule.name, rule.message or DENIED, DENIED_HINT, failed=tuple(failed))
    if (lacking := _first_lacking(command, matching)) is not None:
        return replace(lacking, failed=tuple(failed))
    limits, limited_by = strictest_limits(matching)
    named, review = strictest[0], None
    if verdict is Verdict.REVIEW:
        name, review = strictest_terms(
            [(rule.name, rule.review) for rule in strictest if rule.review is not None]
        )
        named = next(rule for rule in strictest if rule.name == name)
    return Decision(
        verdict,
        named.name,
        named.message,
        review=review,
        limits=limits,
        limited_by=limited_by,
        budgets=budgets_of(matching),
        rules=tuple(compiled.digest for compiled in found if compiled.rule.verdict is Verdict.REVIEW),
        failed=tuple(failed),
    )


def _with_owners(rule: Rule, owners: tuple[str, ...]) -> Rule:
    """The rule with the resource's owners among its reviewers, where it says so."""
    review = rule.review
    if review is None or not review.owners:
        return rule
    reviewers = tuple(dict.fromkeys((*review.reviewers, *owners)))
    return replace(rule, review=replace(review, reviewers=reviewers, owners=False))


def _why_none(command: Command, rules: Sequence[CompiledRule], now: datetime) -> tuple[str, str]:
    """The message and the hint where no rule matches: were it no probe, would one?"""
    facts = command.facts
    if Intent.PROBE in facts.intents:
        others = tuple(intent for intent in facts.intents if intent is not Intent.PROBE)
        harmless = replace(command, facts=replace(facts, intents=others))
        if any(_matches(compiled, harmless, now, []) for compiled in rules):
            return f"{NO_PROBE} of {', '.join(facts.probed) or 'what is not proven'}", NO_PROBE_HINT
    return NO_RULE, NO_RULE_HINT


def _first_lacking(command: Command, rules: Sequence[Rule]) -> Decision | None:
    """The refusal by the first rule that requires what the requester did not say; None where there is none.

    A command that only changes the session (BEGIN, SET …) needs no reason: with one of them it is given.
    """
    if set(command.facts.intents) <= _SESSION:
        return None
    said = {"reason": command.reason, "ticket": command.ticket}
    for rule in rules:
        if missing := tuple(word for word in rule.require if not said[word]):
            wanted = " and ".join(f"a {word}" for word in missing)
            return Decision(Verdict.DENY, rule.name, f"this needs {wanted}", REASON_HINT, missing=missing)
    return None


def _matches(compiled: CompiledRule, command: Command, now: datetime, failed: list[str]) -> bool:
    """Whether every key of the rule matches. An expression without an answer never loosens a verdict."""
    try:
        return all(matches(command, now) for matches in compiled.matchers)
    except ExpressionFailed as error:
        failed.append(f"{compiled.rule.name}: {error}")
        return not compiled.rule.permits


def _provable(when: When) -> Predicate:
    """What an allow rule needs beside its keys: facts that prove what the rule says about them.

    Where the intent is unknown, the facts are what could be seen, not all there is: a rule that names
    any of them does not cover the command, unless it names `unknown` itself. And a rule that says
    neither what the command is for nor of which kind covers no command without what it names.
    """
    if all(getattr(when, key) is None for key in _FACTS):
        return lambda command, now: True
    covers_unknown = when.intents is not None and Intent.UNKNOWN in when.intents
    says_what = when.intents is not None or when.statements is not None
    must_have = tuple(
        key for key in _NAMED if getattr(when, key) is not None and (key == "statements" or not says_what)
    )

    def proven(command: Command, now: datetime) -> bool:
        facts = command.facts
        if Intent.UNKNOWN in facts.intents and not covers_unknown:
            return False
        return all(getattr(facts, key) for key in must_have)

    return proven


def strictest_terms(reviews: Sequence[tuple[str, Review]]) -> tuple[str, Review]:
    """The rule that names the review, and its terms: the one that asks for most approvals, then the one whose
    approval is valid the shortest, then the first. Times and the fallback are the strictest of all. Where one
    of them does not hold the command, it is not held; where one reviews it before it runs, all do. What any
    asks by `all_of`, and every further stage, is asked; only what all of them permit is granted, and it
    escalates only as all of them say."""
    named, chosen = min(reviews, key=lambda pair: (-pair[1].approvals, pair[1].valid_for))
    terms = [review for _, review in reviews]
    all_of = tuple(dict.fromkeys(group for review in terms for group in review.all_of))
    unavailable = _when_unavailable(terms)
    return named, Review(
        reviewers=tuple(dict.fromkeys((*chosen.reviewers, *all_of))),
        all_of=all_of,
        approvals=max(chosen.approvals, len(all_of)),
        timeout=min(review.timeout for review in terms),
        on_timeout=Fallback.DENY
        if any(review.on_timeout is Fallback.DENY for review in terms)
        else Fallback.ALLOW,
        valid_for=min(review.valid_for for review in terms),
        hold=all(review.hold for review in terms),
        grants=strictest([review.grants for review in terms]),
        break_glass=tuple(
            group for group in chosen.break_glass if all(group in review.break_glass for review in terms)
        ),
        then=tuple(dict.fromkeys(stage for review in terms for stage in review.then)),
        escalation=chosen.escalation if len({review.escalation for review in terms}) == 1 else None,
        at=ReviewAt.COMMIT if all(review.at is ReviewAt.COMMIT for review in terms) else ReviewAt.COMMAND,
        on_unavailable=unavailable,
        reserve=chosen.reserve if unavailable is OnUnavailable.RULE else "",
        sample=min(review.sample for review in terms),
        hold_limit=min(
            (review.hold_limit for review in terms if review.hold_limit is not None), default=None
        ),
    )


def _when_unavailable(terms: Sequence[Review]) -> OnUnavailable:
    """The strictest: to deny, then to wait; a reserve rule decides only where all name the same one."""
    said = {(review.on_unavailable, review.reserve) for review in terms}
    if len(said) == 1:
        return terms[0].on_unavailable
    if any(how is OnUnavailable.DENY for how, _ in said):
        return OnUnavailable.DENY
    return OnUnavailable.HOLD
