"""A provider's answer: what it says about somebody, and the many ways in which it says nothing."""

import base64
import re
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from ruamel.yaml import YAML
from support import saml_issuer as idp
from support.saml_issuer import ASSERTION, CLOSE, CONSUMER, ENTITY, LOGOUT, OPEN, REQUEST, SamlIssuer, encoded

from infra.clock import now
from infra.config import ConfigError, Saml
from infra.identity.claims import principal
from infra.identity.saml import Said, SamlProvider
from infra.identity.saml_logout import LogoutRequest
from infra.identity.signed_in import TokenRefused, of_provider
from schemas.vocabulary import Principal

ATTACKS = YAML(typ="safe").load(Path(__file__).with_name("saml.yaml"))
ISSUER = SamlIssuer()


def provider(skew: float = 30, **more: Any) -> SamlProvider:
    saml = Saml.model_validate({"metadata": "idp.xml", "clock_skew": f"{skew:g}s", **more})
    return SamlProvider(saml, ISSUER.metadata, ENTITY, CONSUMER, LOGOUT, now)


def read(text: str, **more: Any) -> Said:
    return provider(**more).read(encoded(text))


def answer(assertion: str) -> str:
    return f"{OPEN}{assertion}{CLOSE}"


def test_a_signed_assertion_says_who_it_is() -> None:
    said = read(answer(ISSUER.sign(ASSERTION)))
    ends = (of_provider(idp.ISSUER, "session", "1"), of_provider(idp.ISSUER, "subject", "alice"))
    assert said == Said("_original", REQUEST, "alice", ("dba", "staff"), None, ends)


def test_a_signed_message_around_it_changes_nothing() -> None:
    assert read(ISSUER.sign(answer(ISSUER.sign(ASSERTION)))).name == "alice"


def test_the_name_may_be_an_attribute() -> None:
    named = ASSERTION.replace('Name="groups"><a:AttributeValue>dba</a:AttributeValue>', 'Name="groups">')
    assert read(answer(ISSUER.sign(named)), name_attribute="groups").name == "staff"
    with pytest.raises(TokenRefused, match="not one name"):
        read(answer(ISSUER.sign(ASSERTION)), name_attribute="groups")


def test_a_session_ends_when_the_provider_says_so() -> None:
    ending = ASSERTION.replace("SessionIndex", 'SessionNotOnOrAfter="2999-01-01T00:00:00Z" SessionIndex')
    said = read(answer(ISSUER.sign(ending)))
    assert said.until is not None
    assert said.until.year == 2999


@pytest.mark.parametrize("attack", ATTACKS["wrapped"])
def test_what_the_provider_did_not_say_is_refused(attack: str) -> None:
    with pytest.raises(TokenRefused):
        read(ATTACKS["wrapped"][attack].format(**_parts()))


@pytest.mark.parametrize("attack", ATTACKS["signed"])
def test_what_is_not_for_us_now_is_refused(attack: str) -> None:
    values = {
        "entity": ENTITY,
        "consumer": CONSUMER,
        "request": REQUEST,
        "issuer": idp.ISSUER,
        "soon": _found(r'NotOnOrAfter="([^"]+)" Recipient'),
        "earlier": _found(r'NotBefore="([^"]+)"'),
    }
    old, new = (text.format(**values) for text in ATTACKS["signed"][attack])
    assert old in ASSERTION
    changed = ASSERTION.replace(old, new)
    if "Conditions_" in new:
        changed = changed.replace("</a:Conditions>", "</a:Conditions_>")
    with pytest.raises(TokenRefused):
        _who(answer(ISSUER.sign(changed)))


@pytest.mark.parametrize("attack", ATTACKS["weakened"])
def test_a_weak_signature_is_refused(attack: str) -> None:
    old, new = ATTACKS["weakened"][attack]
    signed = ISSUER.sign(ASSERTION)
    assert old in signed
    with pytest.raises(TokenRefused, match=r"algorithm|not that of the assertion"):
        read(answer(signed.replace(old, new)))


def test_anothers_signature_is_refused() -> None:
    with pytest.raises(TokenRefused, match="ignature"):
        read(answer(SamlIssuer().sign(ASSERTION)))


def test_one_changed_letter_is_refused() -> None:
    with pytest.raises(TokenRefused, match="ignature"):
        read(answer(ISSUER.sign(ASSERTION).replace(">alice<", ">alicf<")))


def test_clocks_may_differ_by_as_much_as_is_configured() -> None:
    ended = f"{now() - timedelta(seconds=20):%Y-%m-%dT%H:%M:%SZ}"
    late = re.sub(r'(<a:Conditions [^>]*NotOnOrAfter=")[^"]+', rf"\g<1>{ended}", ASSERTION)
    text = encoded(answer(ISSUER.sign(late)))
    assert provider(60).read(text).name == "alice"
    with pytest.raises(TokenRefused, match="clocks"):
        provider(5).read(text)


@pytest.mark.parametrize("text", ["", "%%%", "AAAA", encoded("<x/>"), "A" * 400_000])
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(TokenRefused):
        provider().read(text)


def test_a_browser_is_sent_with_a_request_of_its_own() -> None:
    (url, id), (_, other) = provider().request(), provider().request()
    assert url.startswith(f"{idp.ISSUER}/sign-in?")
    assert "SAMLRequest" in parse_qs(urlsplit(url).query)
    assert id != other
    assert f'entityID="{ENTITY}"' in provider().metadata
    assert CONSUMER in provider().metadata


@pytest.mark.parametrize("metadata", [b"", b"<x/>", b"{}"])
def test_metadata_of_no_use_are_said_at_the_start(metadata: bytes) -> None:
    with pytest.raises(ConfigError, match="metadata"):
        SamlProvider(Saml.model_validate({"metadata": "idp.xml"}), metadata, ENTITY, CONSUMER, LOGOUT, now)


def _parts() -> dict[str, str]:
    """What saml.yaml arranges."""
    signed = ISSUER.sign(ASSERTION)
    signature = re.search(r"<ds:Signature .*?</ds:Signature>", signed, re.DOTALL)
    assert signature is not None
    evil = ASSERTION.replace("_original", "_evil").replace(">alice<", ">mallory<")
    by = f"{idp.ISSUER}</a:Issuer>"

    def with_signature(assertion: str, inside: str = "") -> str:
        return assertion.replace(by, by + signature[0].replace("</ds:Signature>", f"{inside}</ds:Signature>"))

    signed_response = ISSUER.sign(answer(ASSERTION))
    of_response = re.search(r"<ds:Signature .*?</ds:Signature>", signed_response, re.DOTALL)
    assert of_response is not None
    holding = of_response[0].replace(
        "</ds:Signature>", f"<ds:Object>{signed_response}</ds:Object></ds:Signature>"
    )
    return {
        "open": OPEN,
        "close": CLOSE,
        "signed": signed,
        "original": ASSERTION,
        "signature": signature[0],
        "signed_response": signed_response,
        "signature_holding_response": holding,
        "evil": evil,
        "evil_open": evil.removesuffix("</a:Assertion>"),
        "evil_signed": with_signature(evil),
        "evil_holding": with_signature(evil, ASSERTION),
        "evil_object": with_signature(evil, f"<ds:Object>{ASSERTION}</ds:Object>"),
        "evil_same_id": evil.replace("_evil", "_original"),
        "evil_same_id_signed": with_signature(evil.replace("_evil", "_original")),
        "evil_entity": evil.replace(">mallory<", ">&e;<"),
        "commented": signed.replace(">alice<", ">al<!-- -->ice<"),
        "instructed": signed.replace(">alice<", ">al<?x y?>ice<"),
        "failed": OPEN.replace("status:Success", "status:Responder"),
        "elsewhere": OPEN.replace(CONSUMER, "https://other.example.com/"),
        "of_another": OPEN.replace(idp.ISSUER, "https://other.example.com"),
    }


def _who(text: str) -> Principal:
    said = read(text)
    return principal(said.name, said.groups, Saml.model_validate({"metadata": "idp.xml"}), ())


def _found(pattern: str) -> str:
    found = re.search(pattern, ASSERTION)
    assert found is not None
    return found[1]


def test_a_request_to_sign_out_is_answered_where_the_provider_takes_answers() -> None:
    asked = LogoutRequest("_1", (), "state")
    assert provider().logout_response(asked) is None  # this one's metadata has no place for it
    place = (
        f'<SingleLogoutService Binding="{REDIRECT}" Location="{idp.ISSUER}/sign-out"/><SingleSignOnService'
    )
    metadata = ISSUER.metadata.replace(b"<SingleSignOnService", place.encode())
    saml = Saml.model_validate({"metadata": "idp.xml"})
    url = SamlProvider(saml, metadata, ENTITY, CONSUMER, LOGOUT, now).logout_response(asked)
    assert url is not None
    said = parse_qs(urlsplit(url).query)
    assert url.startswith(f"{idp.ISSUER}/sign-out?")
    assert said["RelayState"] == ["state"]
    answer = zlib.decompress(base64.b64decode(said["SAMLResponse"][0]), -zlib.MAX_WBITS).decode()
    assert 'InResponseTo="_1"' in answer
    assert "status:Success" in answer


REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"


def test_what_the_provider_signs_is_known_by_its_metadata() -> None:
    query = ISSUER.sign_query("<p:LogoutRequest xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol'/>")
    with pytest.raises(TokenRefused, match="something else"):  # past the signature
        provider().read_logout(query)
    with pytest.raises(TokenRefused, match="not signed by"):
        provider().read_logout(SamlIssuer().sign_query("<x/>"))
