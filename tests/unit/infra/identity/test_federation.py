"""Other issuers' tokens: whose they are, and what is nobody's."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.identities import network
from support.issuer import ISSUER, KEY, NEWER, NOW, jwks, metadata, signed

from infra.config import Config
from infra.identity.federation import Federation
from infra.identity.signed_in import Method, TokenRefused
from schemas.vocabulary import Principal, PrincipalKind

AGENT = Principal("agent-7", PrincipalKind.AGENT, ("agents",))


def entry(principal: str = "agent-7", **more: Any) -> dict[str, Any]:
    claims = {"azp": principal}
    known = {"issuer": ISSUER, "audience": "countersign", "claims": claims, "principal": principal}
    return {**known, "groups": ["agents"], **more}


def federation(
    *entries: dict[str, Any], oidc: dict[str, Any] | None = None, base: Path = Path()
) -> Federation:
    identity: dict[str, Any] = {"federated": entries or (entry(),), "oidc": oidc, "users": []}
    config = Config.model_validate({"identity": identity})
    config._base = base
    return Federation(config, lambda: NOW, network({**metadata(), f"{ISSUER}/keys": jwks(KEY)}))


async def refusal(federation: Federation, token: str, name: str = "") -> str:
    with pytest.raises(TokenRefused) as refused:
        await federation.read(token, name)
    return str(refused.value)


async def test_a_token_is_its_entrys_principal() -> None:
    signed_in = await federation().read(signed(azp="agent-7", jti="j"))

    assert (signed_in.principal, signed_in.method) == (AGENT, Method.FEDERATED)
    assert (signed_in.since, signed_in.until) == (NOW, NOW + timedelta(minutes=5, seconds=30))
    assert signed_in.sign_ins == (f"{ISSUER} j",)


async def test_what_is_of_nobody_is_refused() -> None:
    found = federation()
    assert "claims" in await refusal(found, signed(azp="agent-8"))
    assert "claims" in await refusal(found, signed(azp="agent-7"), "agent-8")
    assert "issuer" in await refusal(found, signed(azp="agent-7", iss="https://evil.example.com"))
    assert "audience" in await refusal(found, signed(azp="agent-7", aud="another"))
    assert "audience" in await refusal(found, signed(azp="agent-7", aud={"countersign": 1}))


async def test_an_old_token_could_outlive_the_memory_of_a_revocation() -> None:
    day_old = int(NOW.timestamp()) - 24 * 3600 - 1
    assert "24 hours" in await refusal(federation(), signed(azp="agent-7", iat=day_old))


async def test_a_token_of_several_principals_needs_a_name() -> None:
    found = federation(entry(), entry("agent-8", claims={"azp": "agent-*"}))
    token = signed(azp="agent-7")

    assert "several principals" in await refusal(found, token)
    assert (await found.read(token, "agent-7")).principal == AGENT
    assert (await found.read(token, "agent-8")).principal.name == "agent-8"


async def test_clusters_that_share_an_issuers_name_have_their_own_keys(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(jwks(KEY)))
    (tmp_path / "two.json").write_text(json.dumps(jwks(NEWER)))
    claims: dict[str, Any] = {"sub": "system:serviceaccount:prod:importer"}
    found = federation(
        entry("importer-1", claims=claims, keys="one.json"),
        entry("importer-2", claims=claims, keys="two.json"),
        base=tmp_path,
    )
    for key, name in ((KEY, "importer-1"), (NEWER, "importer-2")):
        assert (await found.read(signed(key, **claims))).principal.name == name


async def test_access_tokens_of_the_provider_count_for_the_named_audience_alone() -> None:
    settings = {"issuer": ISSUER, "client_id": "web", "audience": "cli"}
    person: dict[str, Any] = {"preferred_username": "alice", "groups": ["dba"]}
    found = federation(oidc=settings)

    signed_in = await found.read(signed(aud="cli", **person))

    assert signed_in.principal == Principal("alice", PrincipalKind.PERSON, ("dba",))
    assert signed_in.method is Method.OIDC
    assert "audience" in await refusal(found, signed(aud="web", **person))  # an ID token
    without = federation(oidc={**settings, "audience": None})
    for audience in ("web", "cli", None):
        assert "audience" in await refusal(without, signed(aud=audience, **person))


async def test_a_provider_cannot_name_a_federated_principal() -> None:
    found = federation(oidc={"issuer": ISSUER, "client_id": "web", "audience": "cli"})
    token = signed(aud="cli", preferred_username="agent-7", groups=["dba"])
    assert "signs in otherwise" in await refusal(found, token)
