import hashlib
import json

import pytest
from support.commands import bundle, resource, rule

from processors.policy.bundle import make_document, parse_bundle
from processors.policy.rules import BadRule
from schemas.vocabulary import SensitiveColumn


def test_the_version_is_the_hash_of_the_document() -> None:
    made = bundle()
    assert made.version == hashlib.sha256(made.document.encode()).hexdigest()
    again = parse_bundle(made.document)
    assert (again.version, again.resources) == (made.version, made.resources)
    assert [compiled.rule for compiled in again.rules] == [compiled.rule for compiled in made.rules]


def test_the_order_of_keys_does_not_matter() -> None:
    one = make_document([{"name": "r", "verdict": "deny", "when": {}}], [])
    two = make_document([{"when": {}, "verdict": "deny", "name": "r"}], [])
    assert one == two


@pytest.mark.parametrize(
    "change",
    [
        bundle(rule("other", "deny", {})),
        bundle(rule("r", "allow", {})),
        bundle(rule("r", "deny", {"users": ["x"]})),
        bundle(rule("r", "deny", {}), resources=[resource(labels={"env": "test"})]),
        bundle(rule("r", "deny", {}), resources=[resource(detectors=["email"])]),
        bundle(rule("r", "deny", {}), resources=[resource(columns=[{"pattern": "a.b.c", "mask": "full"}])]),
        bundle(rule("r", "deny", {}), rule("s", "deny", {})),
    ],
)
def test_whatever_shapes_a_verdict_changes_the_version(change: object) -> None:
    assert change.version != bundle(rule("r", "deny", {})).version  # type: ignore[attr-defined]


def test_the_order_of_rules_and_columns_is_kept() -> None:
    columns = [{"pattern": "z.*.*", "mask": "full"}, {"pattern": "a.*.*", "mask": "email"}]
    made = bundle(rule("z", "deny", {}), rule("a", "deny", {}), resources=[resource(columns=columns)])
    assert [compiled.rule.name for compiled in made.rules] == ["z", "a"]
    assert made.resources["orders"].columns == (
        SensitiveColumn("z.*.*", "full"),
        SensitiveColumn("a.*.*", "email"),
    )


@pytest.mark.parametrize(
    "document",
    ["", "[]", "{}", json.dumps({"policies": [{"name": "r"}], "resources": []}), "\x00"],
)
def test_another_document_is_refused(document: str) -> None:
    with pytest.raises(BadRule, match="cannot be read"):
        parse_bundle(document)
