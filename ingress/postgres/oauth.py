"""Clients that sign in with OAuth: SASL's OAUTHBEARER, as libpq speaks it from version 18 on. Pure.

PostgreSQL documentation, "SASL Authentication" (54.3) and "OAuth Authorization/Authentication"; RFC 7628.
"""

import json
import re

from infra.config import Config
from ingress.errors import ProtocolError

MECHANISM = "OAUTHBEARER"
ABANDONED = b"\x01"  # RFC 7628, section 3.2.3: what a client answers to a challenge
# Section 3.1: a GS2 header that asks for no channel binding, then key=value pairs, each after ^A.
_INITIAL = re.compile(rb"[ny],(?:a=[^,]*)?,\x01((?:[A-Za-z]+=[^\x00\x01]*\x01)*)\x01")
_BEARER = re.compile(rb"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)  # RFC 6750, section 2.1


def parse_token(initial: bytes) -> str:
    """The bearer token of a client's first message; empty where it only asks where to get one. Raises
    ProtocolError."""
    found = _INITIAL.fullmatch(initial)
    if found is None:
        raise ProtocolError("the OAUTHBEARER message is not of the form of RFC 7628")
    pairs = [pair.partition(b"=") for pair in found[1].split(b"\x01") if pair]
    values = [value for key, _, value in pairs if key.lower() == b"auth"]
    if len(values) != 1:
        raise ProtocolError("the OAUTHBEARER message has not exactly one auth")
    if not values[0]:  # RFC 7628, section 4.3: discovery
        return ""
    bearer = _BEARER.fullmatch(values[0])
    if bearer is None:
        raise ProtocolError("the OAUTHBEARER message carries no bearer token")
    return bearer[1].decode()


def make_challenge(config: Config) -> bytes | None:
    """Where a client gets a token (section 3.2.2); None where the provider's access tokens are not taken."""
    oidc = config.identity.oidc
    if oidc is None or oidc.audience is None:
        return None
    said = {
        "status": "invalid_token",
        "scope": " ".join(oidc.scopes),
        "openid-configuration": f"{oidc.issuer.rstrip('/')}/.well-known/openid-configuration",
    }
    return json.dumps(said).encode()
