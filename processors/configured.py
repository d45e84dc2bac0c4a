"""The configuration's policies and resources -> the bundle the processors decide by."""

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.tokens import AliasToken, AnchorToken

from infra.config import Config, ConfigError, Names, Policy, Resource, parse
from infra.config.policies import Limits, Reserve
from infra.config.resources import SensitiveColumns, SensitiveFields, SensitiveObjects
from processors.policy.bundle import Bundle, make_document, parse_bundle
from processors.policy.expression import check_expression
from processors.policy.matchers import compile_command_pattern
from processors.policy.rule import Measure
from processors.policy.rules import BadRule
from schemas.vocabulary import ReviewAt, Verdict

_DRAFT = Path("draft")
_DEEPEST = 100


def bundle_of(config: Config) -> Bundle:
    """The bundle of this configuration. Raises ConfigError, with one line a rule that cannot be used."""
    if problems := rule_problems(config):
        raise ConfigError(problems)
    try:
        return parse_bundle(
            make_document(
                [_rule(policy) for policy in config.policies],
                [_resource(resource) for resource in config.resources],
            )
        )
    except BadRule as error:
        raise ConfigError([str(error)]) from error


def with_rules(config: Config, text: str, names: Names | None = None) -> Config:
    """The configuration with the rules of this text, `policies: [...]`, in the place of its own.

    Raises ConfigError, with a line each for all that `countersign check` would find in it.
    """
    if _depth(text) > _DEEPEST:
        raise ConfigError([f"{_DRAFT}: expected at most {_DEEPEST} brackets within each other"])
    try:
        if any(isinstance(token, AliasToken | AnchorToken) for token in YAML().scan(text)):
            # A few of them unfold to more than fits into memory.
            raise ConfigError([f"{_DRAFT}: anchors and aliases are not taken here"])
        read = parse(text, _DRAFT, names)
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"{_DRAFT}: cannot be read: {type(error).__name__}"]) from error
    except YAMLError as error:
        reason = getattr(error, "problem", None) or "it cannot be read"
        raise ConfigError([f"{_DRAFT}: not valid YAML: {reason}"]) from error
    if set(read.model_fields_set) != {"policies"}:
        raise ConfigError([f"{_DRAFT}: expected `policies:` with the rules, and nothing else"])
    config = config.model_copy(update={"policies": read.policies})
    try:
        bundle_of(config)
    except ConfigError as error:
        raise ConfigError([f"{_DRAFT}: {problem}" for problem in error.problems]) from error
    except RecursionError as error:
        raise ConfigError([f"{_DRAFT}: expected shorter expressions and patterns"]) from error
    return config


def _depth(text: str) -> int:
    """How many brackets of any kind are open at once, at most; those in texts count, too. To read YAML takes
    time with the square of that."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[{(\]})]", text):
        depth = depth + 1 if bracket in "[{(" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


def rule_problems(config: Config) -> list[str]:
    """What `countersign check` finds in the rules beside what the file's form tells: one line each."""
    problems: list[str] = []
    for policy in config.policies:
        problems += _reserve_problems(policy, config.policies)
        problems += [
            f"policies: {policy.name}: review.owners: {resource.name} has no owners: nobody would review"
            for resource in config.resources
            if _has_no_reviewer(policy, resource)
        ]
        problems += [
            f"policies: {policy.name}: limits.block: {resource.name} is {resource.protocol}, and only what "
            "goes through SSH is looked into: expected when.resources, or labels, of hosts behind SSH alone"
            for resource in config.resources
            if policy.limits.block and resource.protocol != "ssh" and _may_match(policy, resource)
        ]
        if policy.when.expression is not None and (wrong := check_expression(policy.when.expression)):
            problems.append(f"policies: {policy.name}: when.expression: {wrong}")
        if policy.when.command is not None:
            try:
                compile_command_pattern(policy.when.command)
            except ValueError as error:
                problems.append(f"policies: {policy.name}: when.command: {error}")
    return problems


def _reserve_problems(policy: Policy, policies: Sequence[Policy]) -> Iterator[str]:
    """A rule that decides where no reviewer can be reached must be there, and decide by itself."""
    if policy.review is None or not isinstance(policy.review.on_unavailable, Reserve):
        return
    named = policy.review.on_unavailable.rule
    where = f"policies: {policy.name}: review.on_unavailable.rule"
    found = next((other for other in policies if other.name == named), None)
    if found is None:
        yield f"{where}: there is no rule {named}"
    elif found.verdict is Verdict.REVIEW or found.limits != Limits() or found.require:
        yield f"{where}: expected a rule that allows or denies, without limits and require: {named}"


def _has_no_reviewer(policy: Policy, resource: Resource) -> bool:
    review = policy.review
    if review is None or not review.owners or review.reviewers or review.all_of or resource.owners:
        return False
    return _names(policy, resource)


def _may_match(policy: Policy, resource: Resource) -> bool:
    labels = policy.when.labels or {}
    return _names(policy, resource) and labels.items() <= resource.labels.items()


def _names(policy: Policy, resource: Resource) -> bool:
    named = policy.when.resources
    return named is None or any(fnmatchcase(resource.name, pattern) for pattern in named)


def _rule(policy: Policy) -> dict[str, Any]:
    review, limits, hours = policy.review, policy.limits, policy.when.hours
    when = policy.when.model_dump(mode="json", exclude_none=True, exclude={"hours"})
    if hours is not None:
        when["hours"] = {"start": hours.start, "end": hours.end, "zone": hours.zone, "days": hours.days}
    return {
        "name": policy.name,
        "when": when,
        "verdict": policy.verdict,
        "review": None
        if review is None
        else {
            "reviewers": tuple(dict.fromkeys((*review.reviewers, *review.all_of))),
            "all_of": review.all_of,
            "approvals": max(review.approvals, len(review.all_of)),
            "timeout": review.timeout.total_seconds(),
            "on_timeout": review.on_timeout,
            "valid_for": review.valid_for.total_seconds(),
            "hold": review.hold,
            "at": review.at,
            "on_unavailable": "rule" if isinstance(review.on_unavailable, Reserve) else review.on_unavailable,
            "reserve": review.on_unavailable.rule if isinstance(review.on_unavailable, Reserve) else "",
            "hold_limit": review.hold_limit.total_seconds() if review.at is ReviewAt.COMMIT else None,
            "sample": review.sample,
            "break_glass": review.break_glass,
            "owners": review.owners,
            "then": [
                {
                    "reviewers": tuple(dict.fromkeys((*stage.reviewers, *stage.all_of))),
                    "all_of": stage.all_of,
                    "approvals": max(stage.approvals, len(stage.all_of)),
                }
                for stage in review.then
            ],
            "escalation": None
            if review.escalation is None
            else {"after": review.escalation.after.total_seconds(), "to": review.escalation.to},
            "grants": None
            if review.grants is None
            else {
                "kinds": review.grants.kinds,
                "seconds": review.grants.longest.total_seconds(),
                "uses": review.grants.most_uses,
            },
        },
        "limits": {
            "rows": limits.rows.each,
            "bytes": limits.bytes.each,
            "seconds": None if limits.time is None else limits.time.total_seconds(),
            "cost": limits.cost,
            "read_only": limits.read_only,
            "block": limits.block,
        },
        "budgets": [
            {"measure": measure, "amount": rate.amount, "window": rate.window}
            for measure in Measure
            for rate in getattr(limits, measure).rates
        ],
        "over": limits.over,
        "require": policy.require,
        "message": policy.message,
    }


def _resource(resource: Resource) -> dict[str, Any]:
    sensitive = resource.sensitive
    columns: Iterable[tuple[str, str]] = ()
    if isinstance(sensitive, SensitiveColumns):
        columns = sensitive.columns.items()
    elif isinstance(sensitive, SensitiveFields):
        columns = sensitive.fields.items()
    elif isinstance(sensitive, SensitiveObjects):
        columns = sensitive.selectors
    return {
        "name": resource.name,
        "labels": resource.labels,
        "columns": [{"pattern": pattern, "mask": mask} for pattern, mask in columns],
        "detectors": sensitive.detect,
        "owners": resource.owners,
    }
