"""An issuer of JWTs for tests: keys, and tokens signed with them."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ISSUER = "https://idp.example.com/realms/main"
KEY = RSAKey.generate_key(2048, {"kid": "one"})
NEWER = ECKey.generate_key("P-256", {"kid": "two"})
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "countersign",
    "sub": "42",
    "iat": int(NOW.timestamp()),
    "exp": int((NOW + timedelta(minutes=5)).timestamp()),
}


def jwks(*keys: RSAKey | ECKey) -> dict[str, Any]:
    """What the issuer publishes."""
    return {"keys": [key.as_dict(private=False) for key in keys]}


def signed(key: RSAKey | ECKey = KEY, algorithm: str = "", header: Any = None, **claims: Any) -> str:
    """A token. A claim of None is left out."""
    algorithm = algorithm or ("ES256" if isinstance(key, ECKey) else "RS256")
    said = {name: value for name, value in {**CLAIMS, **claims}.items() if value is not None}
    named = {name: value for name, value in {"kid": key.kid, **(header or {})}.items() if value is not None}
    return jwt.encode({"alg": algorithm, **named}, said, key, [algorithm])


def part(value: Any) -> str:
    """One part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def signed_by_secret(secret: bytes, kid: str, claims: Any) -> str:
    """An HS256 token; no library takes a public key for a secret, an attacker does."""
    text = f"{part({'alg': 'HS256', 'kid': kid})}.{part(claims)}"
    signature = hmac.digest(secret, text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def metadata(issuer: str = ISSUER) -> dict[str, Any]:
    return {f"{issuer}/.well-known/openid-configuration": {"issuer": issuer, "jwks_uri": f"{issuer}/keys"}}
