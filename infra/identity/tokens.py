"""The gateway's own tokens: short-lived JWTs (RFC 9068 in form), signed by the api, believed by every role.

The subject is the principal or, where an agent acts for a person, that person, with the agent as `act`
(RFC 8693, section 4.1). `sign_ins` are the ids that end the token when they are revoked: its own, and those
of the tokens and sign-ins that it was given for.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from joserfc import jwt
from joserfc.jwk import OKPKey

from infra.clock import Clock, now
from infra.identity.jwt import OWN_ALGORITHM, Expected, moment, unverified, verify
from infra.identity.signed_in import Method, SignedIn, TokenRefused
from schemas.ids import uuid7
from schemas.vocabulary import Principal, PrincipalKind

ISSUER = "countersign"
_TYPE = "at+jwt"  # RFC 9068, section 2.1
_EXPECTED = Expected(ISSUER, ISSUER, algorithms=(OWN_ALGORITHM,), type=_TYPE)


class _Who(msgspec.Struct, frozen=True):
    """The claims about one party."""

    sub: str
    kind: PrincipalKind
    groups: tuple[str, ...]
    auth_time: float  # seconds since 1970


class _Claims(msgspec.Struct, frozen=True):
    """The claims of a token, beside those about time, issuer and audience."""

    sub: str
    kind: PrincipalKind
    groups: tuple[str, ...]
    auth_time: float
    jti: str
    amr: tuple[Method, ...]  # RFC 8176
    sign_ins: tuple[str, ...]
    act: _Who | None = None


class TokenSigner:
    """Makes tokens. Only the api has the key."""

    def __init__(self, key: Ed25519PrivateKey, lifetime: timedelta, clock: Clock = now) -> None:
        self._key = OKPKey.import_key(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self._lifetime = lifetime
        self._clock = clock

    def issue(self, proof: SignedIn) -> tuple[str, SignedIn]:
        """A token for who has just shown `proof`, and what it says. It never outlives the proof."""
        issued_at = self._clock().replace(microsecond=0)
        until = issued_at + self._lifetime
        if proof.until is not None:
            until = min(until, proof.until)
        token = uuid7(issued_at)
        signed_in = replace(proof, until=until, token=token, sign_ins=(token, *proof.sign_ins))
        header = {"alg": OWN_ALGORITHM, "kid": self._key.thumbprint(), "typ": _TYPE}
        text = jwt.encode(header, _claims(signed_in, issued_at), self._key, algorithms=[OWN_ALGORITHM])
        return text, signed_in


class TokenReader:
    """Believes tokens of these keys; there are several while the key is being replaced."""

    def __init__(self, keys: Sequence[Ed25519PublicKey], clock: Clock = now) -> None:
        self._keys = tuple(_public(key) for key in keys)
        self._clock = clock

    def read(self, text: str) -> SignedIn:
        """Raises TokenRefused."""
        claims = verify(text, self._keys, _EXPECTED, self._clock())
        try:
            said = msgspec.convert(claims, _Claims)
        except msgspec.ValidationError as error:
            raise TokenRefused("the token was made by another version of the gateway") from error
        until, since = moment(claims, "exp"), _time(said.auth_time)
        rest = (until, said.jti, said.sign_ins)
        actor = said.act
        if actor is None:
            return SignedIn(Principal(said.sub, said.kind, said.groups), said.amr[0], since, *rest)
        principal = Principal(actor.sub, actor.kind, actor.groups, said.sub, said.groups)
        return SignedIn(principal, said.amr[0], _time(actor.auth_time), *rest, since)


def is_own(text: str) -> bool:
    """Whether a JWT claims to be the gateway's own. Raises TokenRefused when it is no JWT."""
    return unverified(text)[1].get("iss") == ISSUER


def _public(key: Ed25519PublicKey) -> OKPKey:
    imported = OKPKey.import_key(
        key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return OKPKey.import_key({**imported.as_dict(), "kid": imported.thumbprint()})


def _claims(signed_in: SignedIn, issued_at: datetime) -> dict[str, Any]:
    principal, until = signed_in.principal, signed_in.until
    assert until is not None
    own = msgspec.to_builtins(
        _Who(principal.name, principal.kind, principal.groups, signed_in.since.timestamp())
    )
    said = own
    if signed_in.acts_for_since is not None:
        since = signed_in.acts_for_since.timestamp()
        person = _Who(principal.acts_for, PrincipalKind.PERSON, principal.acts_for_groups, since)
        said = {**msgspec.to_builtins(person), "act": own}
    return {
        **said,
        "iss": ISSUER,
        "aud": ISSUER,
        "iat": int(issued_at.timestamp()),
        "exp": int(until.timestamp()),
        "amr": [signed_in.method.value],
        "jti": signed_in.token,
        "sign_ins": list(signed_in.sign_ins),
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
