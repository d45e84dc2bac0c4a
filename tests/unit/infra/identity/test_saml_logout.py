"""A provider's request to sign somebody out: what it ends, and when it is none."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from support.saml_issuer import ISSUER, LOGOUT, SamlIssuer

from infra.identity.saml_logout import LogoutRequest, read_logout_request
from infra.identity.signed_in import TokenRefused, of_provider

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROVIDER, BEFORE, STRANGER = SamlIssuer(), SamlIssuer(), SamlIssuer()  # its key, its last key, another's
REQUEST = (
    '<p:LogoutRequest xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" '
    'xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0" '
    f'IssueInstant="2026-03-01T11:59:30Z" Destination="{LOGOUT}"><a:Issuer>{ISSUER}</a:Issuer>'
    "<a:NameID>alice</a:NameID><p:SessionIndex>s-1</p:SessionIndex></p:LogoutRequest>"
)
SESSION = of_provider(ISSUER, "session", "s-1")


def read(query: str, now: datetime = NOW) -> LogoutRequest:
    keys = [BEFORE.public_key, PROVIDER.public_key]
    return read_logout_request(query, ISSUER, LOGOUT, keys, now, timedelta(seconds=30))


def test_it_ends_the_session_that_it_names() -> None:
    assert read(PROVIDER.sign_query(REQUEST, "a b/+")) == LogoutRequest("_1", (SESSION,), "a b/+")


def test_without_a_session_it_ends_all_of_somebody() -> None:
    everything = re.sub("<p:SessionIndex>.*</p:SessionIndex>", "", REQUEST)
    assert read(PROVIDER.sign_query(everything)).ends == (of_provider(ISSUER, "subject", "alice"),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"<a:Issuer>{ISSUER}", "<a:Issuer>https://other.example.com"),
        (LOGOUT, "https://other.example.com/"),
        ("p:LogoutRequest", "p:LogoutResponse"),
        ("11:59:30Z", "11:50:00Z"),
        ("11:59:30Z", "12:10:00Z"),
        ('IssueInstant="2026-03-01T11:59:30Z" ', ""),
        ('Version="2.0"', 'Version="2.0" NotOnOrAfter="2026-03-01T11:00:00Z"'),
        ('ID="_1"', 'ID="&quot;/>"'),
        ("alice</a:NameID><p:SessionIndex>s-1</p:SessionIndex>", "<b/></a:NameID>"),
        ("<a:NameID>alice</a:NameID><p:SessionIndex>s-1</p:SessionIndex>", ""),
        ("alice", "ali<!-- -->ce"),
        ("alice", "a" * 100_000),
    ],
)
def test_what_is_not_for_us_now_is_refused(old: str, new: str) -> None:
    assert old in REQUEST
    with pytest.raises(TokenRefused):
        read(PROVIDER.sign_query(REQUEST.replace(old, new)))


@pytest.mark.parametrize(
    "change",
    [
        lambda query: STRANGER.sign_query(REQUEST),
        lambda query: query.partition("&Signature=")[0],
        lambda query: re.sub("RelayState=[^&]*", "RelayState=other", query),
        lambda query: re.sub("RelayState=[^&]*&", "", query),
        lambda query: query.replace("rsa-sha256", "rsa-sha1"),
        lambda query: f"{query}&SAMLRequest=x",
        lambda query: query.replace("SAMLRequest=", "SAMLRequest=AAAA"),
        lambda query: re.sub("Signature=.*", "Signature=*", query),
        lambda query: PROVIDER.sign_query(REQUEST, algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        lambda query: "",
    ],
)
def test_what_the_provider_did_not_sign_is_refused(change: Callable[[str], str]) -> None:
    with pytest.raises(TokenRefused):
        read(change(PROVIDER.sign_query(REQUEST, "state")))
