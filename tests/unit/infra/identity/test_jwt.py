"""What it takes to believe a token: RFC 7519, and the attacks of RFC 8725."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from support.issuer import CLAIMS, ISSUER, KEY, NEWER, NOW, jwks, part, signed, signed_by_secret

from infra.identity.jwt import Expected, UnknownKey, import_keys, looks_like_jwt, unverified, verify
from infra.identity.signed_in import TokenRefused

KEYS = import_keys(jwks(KEY, NEWER))
EXPECTED = Expected(ISSUER, "countersign", timedelta(seconds=30))


@pytest.mark.parametrize("key", [KEY, NEWER])
@pytest.mark.parametrize("audience", ["countersign", ["another", "countersign"]])
def test_a_good_token_is_believed(key: RSAKey, audience: Any) -> None:
    assert verify(signed(key, aud=audience), KEYS, EXPECTED, NOW)["sub"] == "42"


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"iss": "https://evil.example.com"}, "another issuer"),
        ({"iss": f"{ISSUER}/"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "another"}, "another audience"),
        ({"aud": []}, "another audience"),
        ({"aud": None}, "another audience"),
        ({"aud": {"countersign": True}}, "another audience"),
        ({"exp": None}, 'no "exp"'),
        ({"exp": "9999999999"}, 'no "exp"'),
        ({"exp": True}, 'no "exp"'),
        ({"exp": 1e30}, "no moment"),
        ({"exp": int(NOW.timestamp()) - 30}, "expired"),
        ({"iat": int(NOW.timestamp()) + 31}, "in the future"),
        ({"iat": None}, 'no "iat"'),
        ({"nbf": int(NOW.timestamp()) + 31}, "not valid yet"),
        ({"nbf": "soon"}, 'no "nbf"'),
    ],
)
def test_a_claim_that_is_wrong_or_missing_is_a_refusal(claims: dict[str, Any], words: str) -> None:
    with pytest.raises(TokenRefused, match=words):
        verify(signed(**claims), KEYS, EXPECTED, NOW)


def test_clocks_may_differ_a_little() -> None:
    second = int(NOW.timestamp())
    verify(signed(exp=second - 29, iat=second + 29, nbf=second + 29), KEYS, EXPECTED, NOW)


def test_no_signature_is_none() -> None:
    for algorithm in ("none", "None", "NONE", None, 7, ["RS256"]):
        for signature in ("", "AAAA"):
            token = f"{part({'alg': algorithm, 'kid': 'one'})}.{part(CLAIMS)}.{signature}"
            with pytest.raises(TokenRefused, match="algorithm"):
                verify(token, KEYS, EXPECTED, NOW)


def test_a_public_key_is_no_secret() -> None:
    for secret in (KEY.as_pem(private=False), KEY.as_der(private=False)):
        token = signed_by_secret(secret, "one", CLAIMS)
        with pytest.raises(TokenRefused, match="algorithm"):
            verify(token, KEYS, EXPECTED, NOW)


def test_a_key_signs_with_its_own_family_alone() -> None:
    token = signed(KEY, "RS256", {"kid": "two"})
    with pytest.raises(TokenRefused, match="signature"):
        verify(token, KEYS, EXPECTED, NOW)


def test_keys_in_the_token_are_not_looked_at() -> None:
    mine = RSAKey.generate_key(2048, {"kid": "mine"})
    for header in ({"jwk": mine.as_dict(private=False)}, {"kid": "one", "jwk": mine.as_dict(private=False)}):
        with pytest.raises(TokenRefused):
            verify(signed(mine, "RS256", header), KEYS, EXPECTED, NOW)


def test_a_changed_token_is_refused_wherever_it_was_changed() -> None:
    token = signed()
    for position in range(0, len(token) - 1, 7):
        changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(TokenRefused):
            verify(changed, KEYS, EXPECTED, NOW)


def test_a_key_that_is_not_published_may_be_new() -> None:
    with pytest.raises(UnknownKey):
        verify(signed(RSAKey.generate_key(2048, {"kid": "new"})), KEYS, EXPECTED, NOW)


def test_a_token_without_a_key_id_is_of_an_issuer_with_one_key() -> None:
    token = signed(header={"kid": None})
    assert json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "==")).get("kid") is None
    assert verify(token, KEYS[:1], EXPECTED, NOW)["sub"] == "42"
    with pytest.raises(UnknownKey):
        verify(token, KEYS, EXPECTED, NOW)


def test_the_type_is_looked_at_where_it_must_be_one() -> None:
    expected = Expected(ISSUER, "countersign", type="at+jwt")
    verify(signed(header={"typ": "at+JWT"}), KEYS, expected, NOW)
    with pytest.raises(TokenRefused, match="type"):
        verify(signed(), KEYS, expected, NOW)


@pytest.mark.parametrize(
    "text",
    ["", "a.b.c", "eyJ.eyJ.", f"eyJ{'A' * 40_000}..", "eyJhIjoxfQ.W10.x", "eyJ" + "[" * 9 + ".e.e", "..."],
)
def test_anything_else_is_no_jwt(text: str) -> None:
    with pytest.raises(TokenRefused):
        unverified(text)


def test_a_deep_document_is_refused_not_a_crash() -> None:
    deep = base64.urlsafe_b64encode(b'{"a":' + b"[" * 20_000).decode()
    with pytest.raises(TokenRefused):
        unverified(f"{deep}.{deep}.x")


def test_tokens_of_the_configuration_do_not_look_like_one() -> None:
    from infra.identity.users import new_token

    assert not any(looks_like_jwt(new_token()) for _ in range(100))


def test_only_public_signature_keys_are_taken_from_a_set() -> None:
    entries = [
        KEY.as_dict(private=False),
        {**NEWER.as_dict(private=False), "use": "enc"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "three"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "new"},
        "nonsense",
    ]
    assert [key.kid for key in import_keys({"keys": entries})] == ["one"]
    documents: list[object] = [None, [], {}, {"keys": {}}]
    for wrong in documents:
        with pytest.raises(ValueError, match="JWK set"):
            import_keys(wrong)
