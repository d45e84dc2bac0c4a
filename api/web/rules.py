"""The rules of the configuration as a reader of the page gets them: policy -> labels and words. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from api.web.words import duration
from infra.amounts import Amounts
from infra.config import Policy
from schemas.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class Line:
    """One key of a rule, in the words of the configuration, and its values."""

    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule: what it matches, and what it then asks for."""

    name: str
    verdict: Verdict
    when: tuple[Line, ...]
    then: tuple[Line, ...]
    message: str


def rule_view(policy: Policy) -> RuleView:
    """The rule in words; keys that say nothing are left out."""
    then = [*(_lines(policy.review) if policy.review is not None else ()), *_lines(policy.limits)]
    if policy.require:
        then.append(Line("require", policy.require))
    return RuleView(policy.name, policy.verdict, tuple(_lines(policy.when)), tuple(then), policy.message)


def _lines(model: Any) -> Iterator[Line]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if value is None or name not in model.model_fields_set:
            continue
        if values := tuple(_values(value)):
            yield Line(name, values)


def _values(value: Any) -> Iterator[str]:
    match value:
        case timedelta() if value < timedelta(seconds=1):
            yield f"{value / timedelta(milliseconds=1):g} ms"
        case timedelta():
            yield duration(value)
        case StrEnum():
            yield value.value
        case bool():
            yield "yes" if value else "no"
        case Amounts():
            if value.each is not None:
                yield f"{value.each:,}"
            yield from (
                f"{rate.amount:,} in {duration(timedelta(seconds=rate.window))}" for rate in value.rates
            )
        case Mapping():
            yield from (f"{key}: {entry}" for key, entry in value.items())
        case tuple():
            for entry in value:
                yield from _values(entry)
        case str() | int() | float():
            yield str(value)
        case _:  # a model of its own, such as hours
            for line in _lines(value):
                yield f"{line.label} {' '.join(line.values)}"
