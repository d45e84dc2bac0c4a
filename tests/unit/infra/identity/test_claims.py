"""Claims of providers -> principals."""

from typing import Any

import pytest

from infra.config import Federated, Oidc
from infra.identity.claims import GroupsMissing, find, meets, principal_of
from infra.identity.signed_in import TokenRefused
from schemas.vocabulary import Principal, PrincipalKind

ISSUER = "https://idp.example.com"


def oidc(**more: Any) -> Oidc:
    return Oidc.model_validate({"issuer": ISSUER, "client_id": "countersign", **more})


def entry(**claims: Any) -> Federated:
    return Federated.model_validate(
        {"issuer": ISSUER, "audience": "countersign", "claims": claims, "principal": "agent-7"}
    )


@pytest.mark.parametrize(
    ("claims", "path", "groups"),
    [
        ({"groups": ["dba", "dev", "dba"]}, "groups", ("dba", "dev")),
        ({"groups": "dba"}, "groups", ("dba",)),
        ({"groups": []}, "groups", ()),
        ({"realm_access": {"roles": ["dba"]}}, "realm_access.roles", ("dba",)),  # Keycloak
        ({"https://example.com/groups": ["dba"]}, "https://example.com/groups", ("dba",)),  # Auth0, Okta
    ],
)
def test_groups_are_where_the_configuration_says(
    claims: dict[str, Any], path: str, groups: tuple[str, ...]
) -> None:
    found = principal_of({"preferred_username": "alice", **claims}, oidc(groups_claim=path), ())
    assert found == Principal("alice", PrincipalKind.PERSON, groups)


def test_groups_are_mapped_and_others_do_not_count() -> None:
    settings = oidc(groups={"S-1-5-21": "dba", "S-1-5-22": "bots"}, agent_groups=["bots"])
    claims = {"preferred_username": "a", "groups": ["S-1-5-21", "reviewers"]}
    assert principal_of(claims, settings, ()) == Principal("a", PrincipalKind.PERSON, ("dba",))
    claims = {"preferred_username": "a", "groups": ["S-1-5-22"]}
    assert principal_of(claims, settings, ()).kind is PrincipalKind.AGENT


def test_no_groups_is_not_an_empty_list() -> None:
    with pytest.raises(GroupsMissing, match="groups_claim"):
        principal_of({"preferred_username": "alice"}, oidc(), ())


@pytest.mark.parametrize(
    "claims",
    [
        {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph"}}},
        {"hasgroups": True},
    ],
)
def test_entras_overage_says_what_to_do(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused, match="overage"):
        principal_of({"preferred_username": "alice", **claims}, oidc(), ())


@pytest.mark.parametrize(
    "name",
    [None, "", 7, "a b", "a:b", "a/b", "a\n", "x" * 129, ["alice"], "dana\u200b", "\u202eanad", "ｄana"],
)
def test_a_name_must_be_usable(name: Any) -> None:
    with pytest.raises(TokenRefused, match="no usable name"):
        principal_of({"preferred_username": name, "groups": []}, oidc(), ())


def test_nobody_takes_the_name_of_a_user_of_the_configuration() -> None:
    for name in ("dana", "Dana", "DANA"):
        with pytest.raises(TokenRefused, match="signs in otherwise"):
            principal_of({"preferred_username": name, "groups": ["dba"]}, oidc(), ("dana",))


@pytest.mark.parametrize("groups", [[1], {"dba": True}, 7, [["dba"]]])
def test_groups_that_are_no_list_of_names_are_refused(groups: Any) -> None:
    with pytest.raises(TokenRefused, match="no list of groups"):
        principal_of({"preferred_username": "alice", "groups": groups}, oidc(), ())


def test_a_claim_is_found_by_name_before_it_is_a_path() -> None:
    assert find({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert find({"a": {"b": {"c": 3}}}, "a.b.c") == 3
    assert find({"a": "b"}, "a.b") is None


@pytest.mark.parametrize(
    ("wanted", "claims", "does"),
    [
        ({"repository": "acme/shop"}, {"repository": "acme/shop"}, True),
        ({"repository": "acme/shop"}, {"repository": "acme/shop2"}, False),
        ({"repository": "acme/shop"}, {}, False),
        ({"sub": "repo:acme/shop:*"}, {"sub": "repo:acme/shop:ref:refs/heads/main"}, True),
        ({"sub": "repo:acme/shop:*"}, {"sub": "repo:acme/shop-evil:ref:refs/heads/main"}, False),
        ({"ref": ("refs/heads/main", "refs/tags/*")}, {"ref": "refs/tags/v1"}, True),
        ({"groups": "ci"}, {"groups": ["dev", "ci"]}, True),
        ({"groups": "ci"}, {"groups": ["dev"]}, False),
        ({"protected": True}, {"protected": True}, True),
        ({"protected": True}, {"protected": "true"}, False),
        ({"protected": True}, {"protected": 1}, False),
        ({"protected": "true"}, {"protected": True}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"kubernetes.io.namespace": "prod"}, {"kubernetes": {"io": {"namespace": "prod"}}}, True),
        ({"a": "x", "b": "y"}, {"a": "x"}, False),
    ],
)
def test_every_condition_must_be_met(wanted: dict[str, Any], claims: dict[str, Any], does: bool) -> None:
    assert meets(claims, entry(**wanted)) is does


def test_an_entry_without_a_condition_would_let_everyone_in() -> None:
    with pytest.raises(ValueError, match="claims"):
        entry()


def test_a_provider_may_say_nothing_of_groups() -> None:
    claims = {"preferred_username": "alice", "groups": ["dba"], "hasgroups": True}
    assert principal_of(claims, oidc(groups_claim=None), ()).groups == ()
