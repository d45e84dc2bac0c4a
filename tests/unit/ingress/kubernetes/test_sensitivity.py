"""Which paths of which kinds are sensitive."""

import pytest

from infra.config.resources import SensitiveObjects
from ingress.kubernetes.sensitivity import has_own_fields, selectors_of
from schemas.vocabulary import SensitiveColumn

CONFIGURED = SensitiveObjects.model_validate(
    {"fields": {"people.example.com:$.spec.email": "email", "$.spec.note": "full"}}
)
ENTRIES = tuple(SensitiveColumn(*entry) for entry in CONFIGURED.selectors)


@pytest.mark.parametrize(
    ("kind", "path", "mask"),
    [
        ("secrets", ("data", "a"), "base64 of full"),
        ("secrets", ("items", "data", "tls.crt"), "base64 of full"),
        ("secrets", ("object", "stringData", "a"), "full"),
        ("secrets/status", ("data", "a"), "base64 of full"),
        ("configmaps", ("data", "a"), None),
        ("people.example.com", ("spec", "email"), "email"),
        ("people.example.com/status", ("rows", "object", "spec", "email"), "email"),
        ("people", ("spec", "email"), None),
        ("pods", ("items", "spec", "note"), "full"),
        ("serviceaccounts/token", ("status", "token"), "full"),
        ("secrets", ("metadata", "name"), None),
    ],
)
def test_selectors_are_of_a_kind_and_start_at_an_object(
    kind: str, path: tuple[str, ...], mask: str | None
) -> None:
    found = selectors_of(kind, ENTRIES).match(path)
    assert (found.mask if found is not None else None) == mask


def test_tables_may_show_fields_of_a_kinds_own() -> None:
    contents = tuple(SensitiveColumn(*entry) for entry in SensitiveObjects().selectors)
    assert not has_own_fields("secrets", contents)
    assert not has_own_fields("pods", contents)
    assert has_own_fields("people.example.com", ENTRIES)
    assert has_own_fields("secrets", ENTRIES)  # a field of every kind


@pytest.mark.parametrize("selector", ["spec.email", "Pods:$.a", "pods:spec", "pods:$", ":$.a"])
def test_what_is_no_selector_is_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="selector"):
        SensitiveObjects.model_validate({"fields": {selector: "full"}})
