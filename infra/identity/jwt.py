"""Signed JSON Web Tokens (RFC 7519), believed only as RFC 8725 wants it. Pure: keys and time are arguments.

The algorithm is one of a list of ours, all of them with public keys: `none` and the HS family are not even
known here, so that no public key can be taken for a secret. Keys come by what the caller trusts; a token's
own `jku`, `jwk` and `x5u` are never looked at. What must be there and is not is a refusal.
"""

import base64
import binascii
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from infra.identity.signed_in import TokenRefused

PROVIDERS_ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
)
OWN_ALGORITHM = "Ed25519"  # RFC 9864, section 2.2: EdDSA with its curve named

LONGEST = 32 * 1024  # characters; some providers list hundreds of groups

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say to be believed."""

    issuer: str
    audience: str
    leeway: timedelta = timedelta()
    algorithms: Collection[str] = PROVIDERS_ALGORITHMS
    type: str = ""  # the `typ` of its header, where it must have one (RFC 8725, section 3.11)


class UnknownKey(TokenRefused):
    """Signed with a key that is not among these; the issuer may have a new one."""


def looks_like_jwt(text: str) -> bool:
    """Whether it has the form of a signed JWT: three parts, the first a JSON object in base64url."""
    return text.count(".") == 2 and text.startswith("eyJ")


def unverified(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims as they stand there, to find out whose token it claims to be; nothing is believed.

    Raises TokenRefused when it is no JWT.
    """
    if len(text) > LONGEST or not looks_like_jwt(text):
        raise TokenRefused("the token is not a JWT")
    try:
        header, claims = (_object(part) for part in text.split(".")[:2])
    except (ValueError, RecursionError) as error:
        raise TokenRefused("the token is not a JWT") from error
    return header, claims


def verify(text: str, keys: Iterable[Key], expected: Expected, now: datetime) -> Claims:
    """The claims. Raises TokenRefused with what is wrong, UnknownKey where no key fits."""
    header, _ = unverified(text)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in expected.algorithms:
        raise TokenRefused("the token is signed with an algorithm that is not accepted")
    if expected.type and str(header.get("typ", "")).lower() != expected.type:
        raise TokenRefused(f"the token is not of type {expected.type}")
    try:
        payload = jws.deserialize_compact(text, _key(header, keys), algorithms=[algorithm]).payload
        claims = json.loads(payload or b"")
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefused("the token's signature is not right") from error
    if not isinstance(claims, dict):
        raise TokenRefused("the token is not a JWT")
    _check(claims, expected, now)
    return claims


def import_keys(document: Any) -> tuple[Key, ...]:
    """The keys of a JWK set (RFC 7517, section 5) that may verify signatures; others are left out.

    Raises ValueError when it is no JWK set.
    """
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("not a JWK set")
    found = []
    for entry in document["keys"]:
        # RFC 7517, section 5: "Implementations SHOULD ignore JWKs … with kty values not understood".
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        if entry.get("kty") not in (RSAKey.key_type, ECKey.key_type, OKPKey.key_type):
            continue
        try:
            found.append(JWKRegistry.import_key(entry))
        except (JoseError, ValueError, TypeError):
            continue
    return tuple(found)


def moment(claims: Claims, name: str) -> datetime:
    """A claim that is a NumericDate (RFC 7519, section 2). Raises TokenRefused."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused(f'the token has no "{name}"')
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise TokenRefused(f'the token\'s "{name}" is no moment') from error


def _check(claims: Claims, expected: Expected, now: datetime) -> None:
    # RFC 7519, sections 4.1.1, 4.1.3 to 4.1.6. All but `nbf` must be there.
    if claims.get("iss") != expected.issuer:
        raise TokenRefused("the token is of another issuer")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if expected.audience not in audiences:
        raise TokenRefused("the token is for another audience")
    if now >= moment(claims, "exp") + expected.leeway:
        raise TokenRefused("the token has expired")
    if now < moment(claims, "iat") - expected.leeway:
        raise TokenRefused("the token was issued in the future: check the clocks")
    if "nbf" in claims and now < moment(claims, "nbf") - expected.leeway:
        raise TokenRefused("the token is not valid yet")


def _key(header: Mapping[str, Any], keys: Iterable[Key]) -> Key:
    keys = tuple(keys)
    named = header.get("kid")
    # A token that names no key can only be of an issuer that has just one.
    fitting = [key for key in keys if key.kid == named] if named is not None else list(keys)
    if len(fitting) != 1:
        raise UnknownKey("the token is signed with a key that its issuer does not publish")
    return fitting[0]


def _object(part: str) -> dict[str, Any]:
    try:
        decoded = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if not isinstance(decoded, dict):
        raise ValueError("not an object")
    return decoded
