"""The limits and budgets of all rules that match one command, together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from processors.policy.rule import NO_LIMITS, Budget, Limits, Review, Rule
from schemas.vocabulary import LimitSource, Verdict

_AMOUNTS = (("rows", "rows"), ("bytes", "bytes"), ("seconds", "time"), ("cost", "cost"))
"""A field of Limits, and what the configuration calls it."""


@dataclass(frozen=True, slots=True)
class RuleBudgets:
    """The budgets of one rule, and what happens to a command that is over one of them."""

    rule: str
    budgets: tuple[Budget, ...]
    over: Verdict  # review or deny
    review: Review | None  # its terms, where `over` is review


def strictest_limits(rules: Sequence[Rule]) -> tuple[Limits, tuple[LimitSource, ...]]:
    """The limits of these rules, each at its strictest, and which rule set each; of equals the first."""
    if all(rule.limits is NO_LIMITS or rule.limits == NO_LIMITS for rule in rules):
        return NO_LIMITS, ()
    found: dict[str, float] = {}
    sources = []
    for name, word in _AMOUNTS:
        value_of = attrgetter(name)
        having = [rule for rule in rules if value_of(rule.limits) is not None]
        if having:
            strictest = min(having, key=lambda rule: value_of(rule.limits))
            found[name] = value_of(strictest.limits)
            sources.append(LimitSource(word, strictest.name))
    read_only = next((rule.name for rule in rules if rule.limits.read_only), None)
    if read_only is not None:
        sources.append(LimitSource("read_only", read_only))
    blocking = {name: rule.name for rule in reversed(rules) for name in rule.limits.block}
    sources += [LimitSource(f"block:{name}", blocking[name]) for name in sorted(blocking)]
    rows, size = found.get("rows"), found.get("bytes")
    limits = Limits(
        rows=None if rows is None else int(rows),
        bytes=None if size is None else int(size),
        seconds=found.get("seconds"),
        cost=found.get("cost"),
        read_only=read_only is not None,
        block=tuple(sorted(blocking)),
    )
    return limits, tuple(sources)


def budgets_of(rules: Iterable[Rule]) -> tuple[RuleBudgets, ...]:
    """The budgets that a command of these rules draws on."""
    return tuple(
        RuleBudgets(rule.name, rule.budgets, rule.over, rule.review if rule.over is Verdict.REVIEW else None)
        for rule in rules
        if rule.budgets
    )
