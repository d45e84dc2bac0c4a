"""A provider's logout token: what it ends, and when it is none."""

from datetime import timedelta
from typing import Any

import pytest
from support.issuer import NOW

from infra.identity.oidc_logout import ended_by, ends_of
from infra.identity.signed_in import TokenRefused, of_provider

IDP = "https://idp.example.com"
CLAIMS: dict[str, Any] = {
    "sub": "u-1",
    "sid": "s-1",
    "iat": NOW.timestamp(),
    "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
}


def test_it_ends_the_session_that_it_names() -> None:
    assert ended_by(IDP, CLAIMS, NOW) == of_provider(IDP, "session", "s-1")
    assert ended_by(IDP, CLAIMS, NOW) in ends_of(IDP, {"sub": "u-1", "sid": "s-1"})


def test_without_a_session_it_ends_all_of_somebody() -> None:
    claims = {name: value for name, value in CLAIMS.items() if name != "sid"}
    assert ended_by(IDP, claims, NOW) == of_provider(IDP, "subject", "u-1")
    assert ended_by(IDP, claims, NOW) in ends_of(IDP, {"sub": "u-1", "sid": "s-2"})
    assert ended_by(IDP, claims, NOW) not in ends_of(IDP, {"sub": "u-2", "sid": "u-1"})
    assert ended_by("https://other.example.com", claims, NOW) not in ends_of(IDP, {"sub": "u-1"})


@pytest.mark.parametrize(
    "change",
    [
        {"events": None},
        {"events": {}},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": True}},
        {"nonce": "n"},
        {"iat": (NOW - timedelta(minutes=6)).timestamp()},
        {"sid": None, "sub": None},
    ],
)
def test_another_token_ends_nothing(change: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        ended_by(IDP, CLAIMS | change, NOW)
