"""The gateway's own tokens, from the api to every other role."""

import base64
import json
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import RSAKey
from support.issuer import NOW, signed

from infra.identity.signed_in import Method, SignedIn, TokenRefused
from infra.identity.tokens import TokenReader, TokenSigner, is_own
from schemas.vocabulary import Principal, PrincipalKind

DANA = Principal("dana", PrincipalKind.PERSON, ("dba", "reviewers"))
AGENT = Principal("agent-7", PrincipalKind.AGENT, ("agents",), "dana", ("dba",))
PROOF = SignedIn(DANA, Method.OIDC, NOW - timedelta(minutes=5), None, "login", ("login",))
KEY = Ed25519PrivateKey.generate()


def reader(*keys: Ed25519PrivateKey, now: datetime = NOW) -> TokenReader:
    return TokenReader([key.public_key() for key in keys or (KEY,)], lambda: now)


def signer(lifetime: timedelta = timedelta(hours=1), key: Ed25519PrivateKey = KEY) -> TokenSigner:
    return TokenSigner(key, lifetime, lambda: NOW)


EARLIER = NOW - timedelta(minutes=5, microseconds=123_457)


@pytest.mark.parametrize(
    ("principal", "person_since"),
    [(DANA, None), (AGENT, EARLIER - timedelta(hours=1))],
    ids=["a person", "an agent for a person"],
)
def test_what_was_said_is_what_is_read(principal: Principal, person_since: datetime | None) -> None:
    proof = SignedIn(principal, Method.FEDERATED, EARLIER, None, "login", ("login",), person_since)

    text, signed_in = signer().issue(proof)

    assert reader().read(text) == signed_in
    assert signed_in.principal == principal
    assert signed_in.since == EARLIER
    assert signed_in.until == NOW + timedelta(hours=1)
    assert signed_in.sign_ins == (signed_in.token, "login")
    assert is_own(text)


def test_the_claims_are_those_of_the_standards() -> None:
    text, _ = signer().issue(SignedIn(AGENT, Method.TOKEN, NOW, acts_for_since=EARLIER))
    header, claims, _ = (part + "==" for part in text.split("."))

    assert json.loads(base64.urlsafe_b64decode(header))["alg"] == "Ed25519"
    said = json.loads(base64.urlsafe_b64decode(claims))
    assert (said["sub"], said["act"]["sub"]) == ("dana", "agent-7")  # RFC 8693, section 4.1
    assert said["amr"] == ["token"]
    assert said["auth_time"] == EARLIER.timestamp()


def test_it_never_outlives_what_it_was_given_for() -> None:
    until = NOW + timedelta(minutes=3)
    _, signed_in = signer().issue(SignedIn(DANA, Method.OIDC, NOW, until))
    assert signed_in.until == until


def test_it_expires_to_the_second() -> None:
    text, _ = signer().issue(PROOF)
    reader(now=NOW + timedelta(minutes=59, seconds=59)).read(text)
    with pytest.raises(TokenRefused, match="expired"):
        reader(now=NOW + timedelta(hours=1)).read(text)


def test_keys_are_replaced_without_a_gap() -> None:
    newer = Ed25519PrivateKey.generate()
    old, new = signer().issue(PROOF)[0], signer(key=newer).issue(PROOF)[0]
    both = reader(KEY, newer)
    assert both.read(old).principal == both.read(new).principal == DANA
    with pytest.raises(TokenRefused, match="key"):
        reader(newer).read(old)


def test_another_issuers_or_another_kind_of_token_is_not_ours() -> None:
    with pytest.raises(TokenRefused):
        reader().read(signed())
    assert not is_own(signed())
    mine = RSAKey.generate_key(2048, {"kid": "mine"})
    claims = {"iss": "countersign", "aud": "countersign", "kind": "person", "groups": ["dba"], "jti": "1"}
    with pytest.raises(TokenRefused):
        reader().read(signed(mine, "RS256", {"typ": "at+jwt"}, **claims))
