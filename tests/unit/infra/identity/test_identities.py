"""Every way in, told apart by what is shown."""

from typing import Any

import pytest
from support.builders import AGENT, DANA, configuration
from support.identities import KnownRevocations, identities, network, token
from support.issuer import ISSUER, KEY, NOW, jwks, metadata, signed

from infra.config import Config
from infra.identity import Identities, IdentityUnavailable, Method, Revocations, SignedIn, TokenRefused
from infra.identity.identities import revocations_of
from schemas.envelope import envelope
from schemas.events import TokensRevoked
from schemas.vocabulary import Principal, PrincipalKind

ALICE = Principal("alice", PrincipalKind.PERSON, ("dba",))
OWN = token(SignedIn(ALICE, Method.OIDC, NOW, None, "", ("login",)), lambda: NOW)
JWT = signed(azp="agent-9", jti="j")


def config() -> Config:
    document: dict[str, Any] = configuration(listen={}, resources=[])
    entry = {
        "issuer": ISSUER,
        "audience": "countersign",
        "claims": {"azp": "agent-9"},
        "principal": "agent-9",
    }
    document["identity"]["federated"] = [entry]
    return Config.model_validate(document)


def known(revocations: Revocations | None = None) -> Identities:
    fetch = network({**metadata(), f"{ISSUER}/keys": jwks(KEY)})
    return identities(config(), lambda: NOW, revocations, fetch)


@pytest.mark.parametrize(
    ("name", "shown", "method"),
    [("dana", DANA.token, Method.TOKEN), ("alice", OWN, Method.OIDC), ("agent-9", JWT, Method.FEDERATED)],
    ids=["configured", "own", "federated"],
)
async def test_each_is_let_in_by_name_and_as_a_bearer(name: str, shown: str, method: Method) -> None:
    found = known()
    for signed_in in (
        await found.authenticate(name, shown),
        await found.authenticate_token(shown),
        await found.authenticate_token(f"{name}:{shown}"),
    ):
        assert (signed_in.principal.name, signed_in.method) == (name, method)


@pytest.mark.parametrize("shown", [OWN, JWT, AGENT.token], ids=["own", "federated", "configured"])
async def test_nobody_is_another_by_a_good_token(shown: str) -> None:
    with pytest.raises(TokenRefused):
        await known().authenticate("dana", shown)


@pytest.mark.parametrize(
    ("shown", "sign_in"), [(OWN, "login"), (JWT, f"{ISSUER} j")], ids=["own", "federated"]
)
async def test_a_revoked_token_is_refused(shown: str, sign_in: str) -> None:
    revocations = KnownRevocations(lambda: NOW)
    found = known(revocations)
    whose = (await found.authenticate_token(shown)).principal.name

    about = envelope(NOW, "api@test", principal=whose)
    revocations.apply(TokensRevoked(envelope=about, token=sign_in, before=NOW, revoked_by="x", reason=""))

    with pytest.raises(TokenRefused, match="revoked"):
        await found.authenticate_token(shown)


async def test_without_kafka_the_configurations_users_alone_are_let_in() -> None:
    found = known(revocations_of(config(), lambda: NOW))
    assert (await found.authenticate("dana", DANA.token)).principal.name == "dana"
    for shown in (OWN, JWT):
        with pytest.raises(IdentityUnavailable):
            await found.authenticate_token(shown)


async def test_guessing_jwts_holds_nobody_back() -> None:
    found = known()
    for _ in range(40):
        with pytest.raises(TokenRefused, match="signature"):
            await found.authenticate("alice", OWN[:-8] + "AAAAAAAA", "127.0.0.1")
    assert (await found.authenticate("dana", DANA.token, "127.0.0.1")).principal.name == "dana"
