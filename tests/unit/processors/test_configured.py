from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.builders import POLICIES, configuration
from support.commands import NOW, READ, command

from infra.config import Config, ConfigError, load
from processors.configured import bundle_of, rule_problems, with_rules
from processors.policy.rule import Escalation
from processors.policy.rules import evaluate
from schemas.vocabulary import GrantKind, GrantLimits, ReviewStage, SensitiveColumn, Verdict

ORDERS: dict[str, Any] = {
    "name": "orders",
    "protocol": "postgres",
    "address": "127.0.0.1:5432",
    "credentials": {"user": "app"},
    "labels": {"env": "prod"},
}


@pytest.fixture
def configured(tmp_path: Path) -> Any:
    def make(policies: Any = POLICIES, **more: Any) -> Config:
        path = tmp_path / "countersign.yaml"
        with path.open("w") as file:
            YAML(typ="safe").dump(
                configuration(listen={}, resources=[ORDERS | more], policies=policies), file
            )
        return load(path)

    return make


def allow(**when: Any) -> list[dict[str, Any]]:
    return [{"name": "r", "when": when, "verdict": "allow"}]


def test_every_key_of_the_configuration_reaches_its_rule(configured: Any) -> None:
    when = {
        "users": ["agent-7"],
        "groups": ["agents"],
        "kinds": ["agent"],
        "resources": ["ord*"],
        "labels": {"env": "prod"},
        "intents": ["read"],
        "statements": ["select"],
        "tables": ["public.*"],
        "columns": ["public.*.*"],
        "functions": ["pg_catalog.*"],
        "programs": ["ls"],
        "methods": ["GET"],
        "paths": ["/v1/*"],
        "command": "^select",
        "hours": {"from": "09:00", "to": "10:00", "zone": "UTC", "days": ["mon"]},
        "networks": ["10.0.0.0/8"],
        "expression": "principal.name == 'agent-7'",
    }
    rules = bundle_of(configured(allow(**when))).rules
    (compiled,) = rules
    for key in when:
        assert getattr(compiled.rule.when, key) is not None, key
    assert evaluate(command(READ), rules, NOW).verdict is Verdict.ALLOW
    assert evaluate(command(READ), rules, NOW.replace(hour=10)).verdict is Verdict.DENY


def test_review_terms_and_limits_are_in_seconds(configured: Any) -> None:
    review = {
        "reviewers": ["dba"],
        "approvals": 2,
        "timeout": "10m",
        "on_timeout": "allow",
        "valid_for": "90s",
    }
    policy = {
        "name": "r",
        "when": {},
        "verdict": "review",
        "review": review,
        "limits": {"rows": 5, "time": "1500ms"},
    }
    (compiled,) = bundle_of(configured([policy])).rules
    terms, limits = compiled.rule.review, compiled.rule.limits
    assert terms is not None
    assert (terms.approvals, terms.timeout, terms.valid_for, terms.on_timeout.value) == (
        2,
        600.0,
        90.0,
        "allow",
    )
    assert (limits.rows, limits.seconds, limits.bytes) == (5, 1.5, None)


def test_sensitive_sections_reach_their_resource(configured: Any) -> None:
    sensitive = {"columns": {"public.customers.email": "email"}, "detect": ["jwt"]}
    found = bundle_of(configured(sensitive=sensitive)).resources["orders"]
    assert found.columns == (SensitiveColumn("public.customers.email", "email"),)
    assert (found.detectors, found.labels) == (("jwt",), {"env": "prod"})


def test_what_shapes_no_verdict_does_not_change_the_version(configured: Any) -> None:
    version = bundle_of(configured()).version
    assert bundle_of(configured(address="127.0.0.1:5433")).version == version
    assert bundle_of(configured(labels={"env": "test"})).version != version


def test_no_credential_is_in_the_document(configured: Any) -> None:
    document = bundle_of(configured(credentials={"user": "app", "password": {"env": "HUNTER2"}})).document
    assert "HUNTER2" not in document


@pytest.mark.parametrize(
    ("key", "value"),
    [("expression", "principal.name =="), ("expression", "user == 'x'"), ("command", r"(a)\1")],
)
def test_a_rule_that_cannot_be_used_is_named(configured: Any, key: str, value: str) -> None:
    config = configured(allow(**{key: value}))
    (problem,) = rule_problems(config)
    assert problem.startswith(f"policies: r: when.{key}: ")
    with pytest.raises(ConfigError) as error:
        bundle_of(config)
    assert error.value.problems == [problem]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"name": "z", "verdict": "allow"}, "there is no rule y"),
        ({"verdict": "allow", "limits": {"rows": 5}}, "without limits and require: y"),
        ({"verdict": "allow", "require": ["reason"]}, "without limits and require: y"),
        ({"verdict": "review", "review": {"reviewers": ["dba"]}}, "allows or denies"),
    ],
)
def test_a_reserve_rule_that_cannot_decide_is_named(configured: Any, other: Any, why: str) -> None:
    review = {"reviewers": ["dba"], "on_unavailable": {"rule": "y"}}
    config = configured(
        [{"name": "r", "when": {}, "verdict": "review", "review": review}, {"name": "y", "when": {}, **other}]
    )
    (problem,) = rule_problems(config)
    assert problem.startswith("policies: r: review.on_unavailable.rule: ")
    assert why in problem


def test_a_good_file_has_no_problems(configured: Any) -> None:
    assert rule_problems(configured()) == []


def test_who_reviews_and_what_they_may_grant_reaches_the_rule(configured: Any) -> None:
    terms = {
        "reviewers": ["dba"],
        "owners": True,
        "then": [{"reviewers": ["security"], "all_of": ["legal"]}],
        "escalation": {"after": "2m", "to": ["managers"]},
        "grants": {"kinds": ["pattern", "window"], "longest": "30m", "most_uses": 7},
    }
    policies = [{"name": "r", "when": {}, "verdict": "review", "review": terms}]
    bundle = bundle_of(configured(policies, owners=["shop"]))
    review = bundle.rules[0].rule.review
    assert review is not None
    assert bundle.has_grants
    assert bundle.resources["orders"].owners == ("shop",)
    assert (review.owners, review.then) == (True, (ReviewStage(("security", "legal"), 1, ("legal",)),))
    assert review.escalation == Escalation(120.0, ("managers",))
    assert review.grants == GrantLimits((GrantKind.PATTERN, GrantKind.WINDOW), 1800.0, 7)


def test_owners_alone_review_only_where_there_are_some(configured: Any) -> None:
    policies = [{"name": "r", "when": {}, "verdict": "review", "review": {"owners": True}}]
    assert rule_problems(configured(policies)) == [
        "policies: r: review.owners: orders has no owners: nobody would review"
    ]
    assert rule_problems(configured(policies, owners=["shop"])) == []
    policies[0]["when"] = {"resources": ["other*"]}
    assert rule_problems(configured(policies)) == []


def test_what_cannot_be_blocked_is_not_promised(configured: Any) -> None:
    policies = [{"name": "r", "when": {}, "verdict": "allow", "limits": {"block": ["card_number", "binary"]}}]
    (problem,) = rule_problems(configured(policies))
    assert problem.startswith("policies: r: limits.block: orders is postgres, and only what goes through SSH")
    for narrowed in ({"resources": ["web-*"]}, {"labels": {"kind": "host"}}):
        policies[0]["when"] = narrowed
        config = configured(policies)
        assert rule_problems(config) == []
        assert bundle_of(config).rules[0].rule.limits.block == ("card_number", "binary")
    policies[0]["when"] = {"resources": ["ord*"], "statements": ["select"]}
    assert len(rule_problems(configured(policies))) == 1


class TestRulesOfADraft:
    RULE = "{name: a, when: {intents: [read]}, verdict: allow}"

    def test_they_take_the_place_of_all_others(self, configured: Any) -> None:
        config = configured()
        found = with_rules(config, f"policies: [{self.RULE}]")
        assert [policy.name for policy in found.policies] == ["a"]
        assert (found.resources, found.state) == (config.resources, config.state)

    def test_those_of_the_file_can_be_proposed_as_they_are_written(self, configured: Any) -> None:
        config = configured()
        assert with_rules(config, config.written_rules).policies == config.policies

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (
                "policies:\n- {name: a, when: {intent: [read]}, verdict: allow}",
                "draft:2: policies[0].when.intent",
            ),
            ('policies: [{name: a, when: {expression: "1 +"}, verdict: allow}]', "expression"),
            (
                "policies: [{name: a, when: {}, verdict: review, review: {owners: true}}]",
                "orders has no owners",
            ),
            ("policies: [", "not valid YAML"),
            ("- a", "expected a mapping"),
            ("", "expected a mapping"),
            (f"policies: [{RULE}]\ngateway: {{state: /etc}}", "nothing else"),
            ("a: &a [x, x]\nb: [*a, *a]", "anchors and aliases"),
            ("policies: []\n---\npolicies: []", "another document"),
            ("[" * 20_000, "at most 100 brackets"),
            ("- " * 20_000, "RecursionError"),
            (f"policies: {'9' * 5000}", "ValueError"),
            ("policies: 2020-99-99", "ValueError"),
            (
                f'policies: [{{name: a, when: {{expression: "{"true && " * 5000}true"}}, verdict: allow}}]',
                "shorter expressions",
            ),
        ],
    )
    def test_what_is_wrong_is_said_with_its_place(self, configured: Any, text: str, said: str) -> None:
        with pytest.raises(ConfigError) as refused:
            with_rules(configured(), text)
        assert said in str(refused.value)
