"""All that shapes a verdict, as one document: rules, and the resources' labels and sensitive sections.

The document is canonical JSON (keys sorted, no spaces, UTF-8); its SHA-256 is the policy version. It
travels in PolicyPublished, so that an auditor can see by which rules a verdict was given.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from processors.policy.command import Resource
from processors.policy.rule import Rule
from processors.policy.rules import BadRule, CompiledRule, compile_rule
from schemas.vocabulary import OnUnavailable

BUNDLE = "main"
"""The name of the one bundle there is."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The rules in force, ready to be evaluated."""

    version: str  # SHA-256 of the document, in hex
    document: str
    rules: tuple[CompiledRule, ...]
    resources: Mapping[str, Resource]
    reserves: Mapping[str, CompiledRule]  # by name: what decides where no reviewer can be reached

    @property
    def has_budgets(self) -> bool:
        """Whether what commands used must be known."""
        return any(compiled.rule.budgets for compiled in self.rules)

    @property
    def has_grants(self) -> bool:
        """Whether what was granted must be known."""
        reviews = (compiled.rule.review for compiled in self.rules)
        return any(review is not None and review.grants is not None for review in reviews)

    @property
    def gives_up(self) -> bool:
        """Whether it matters if reviewers can be reached."""
        reviews = (compiled.rule.review for compiled in self.rules)
        return any(
            review is not None and review.on_unavailable is not OnUnavailable.HOLD for review in reviews
        )

    @property
    def has_standing(self) -> bool:
        """Whether approvals may have to be known by the commands they are for."""
        reviews = (compiled.rule.review for compiled in self.rules)
        return any(review is not None and not review.hold for review in reviews)


@dataclass(frozen=True, slots=True)
class _Document:
    policies: tuple[Rule, ...]
    resources: tuple[Resource, ...]


def make_document(policies: Any, resources: Any) -> str:
    """The canonical JSON of policies and resources: lists of mappings, in the words of Rule and Resource."""
    return json.dumps(
        {"policies": policies, "resources": resources},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )


def parse_bundle(document: str) -> Bundle:
    """The bundle of a document that `make_document` wrote. Raises BadRule."""
    try:
        read = msgspec.json.decode(document, type=_Document)
    except msgspec.MsgspecError as error:
        raise BadRule(f"the policy document cannot be read: {error}") from error
    compiled = [compile_rule(rule) for rule in read.policies]
    reserves = {rule.review.reserve for rule in read.policies if rule.review is not None}
    return Bundle(
        version=hashlib.sha256(document.encode()).hexdigest(),
        document=document,
        rules=tuple(rule for rule in compiled if rule.rule.name not in reserves),
        reserves={rule.rule.name: rule for rule in compiled if rule.rule.name in reserves},
        resources={resource.name: resource for resource in read.resources},
    )
