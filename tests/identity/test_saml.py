"""People with a SAML provider: a real Keycloak's answers, as they are and as somebody changed them."""

import base64
import re
from collections.abc import Callable

import httpx
import pytest
from support.gateway import Gateway
from support.keycloak import Keycloak
from support.wait import block_until

# Keycloak is fetched and set up once, and started once for all of them.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("identity")]


class Browser:
    """A browser at the gateway's page; what the provider has it post comes without its cookies."""

    def __init__(self, gateway: Gateway) -> None:
        self.client = httpx.Client(base_url=gateway.api_url, timeout=30)

    def begin(self) -> str:
        """Where the gateway sends it."""
        answer = self.client.get("/sign-in/saml/begin", params={"next": "/history"})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def post(self, answer: str) -> httpx.Response:
        """Posts an answer from the provider's page, and goes where that leads."""
        posted = httpx.post(
            self.client.base_url.join("/sign-in/saml"), data={"SAMLResponse": answer}, timeout=30
        )
        return self.client.get(posted.headers["location"]) if posted.status_code == 303 else posted


@pytest.fixture
def browser(gateway: Gateway) -> Browser:
    return Browser(gateway)


def test_a_person_signs_in_and_is_known_by_name_and_groups(keycloak: Keycloak, browser: Browser) -> None:
    assert "SAML sign-on" in browser.client.get("/sign-in").text

    arrived = browser.post(keycloak.answer_by_saml(browser.begin(), "alice"))

    assert arrived.status_code == 200, arrived.text
    assert 'content="0;url=/history"' in arrived.text
    said = browser.client.get("/api/me").json()
    assert (said["name"], said["kind"], said["groups"]) == ("alice", "person", ["dba"])


def test_an_answer_counts_once_for_the_browser_that_asked(
    gateway: Gateway, keycloak: Keycloak, browser: Browser
) -> None:
    url = browser.begin()
    attempt = dict(browser.client.cookies)
    answer = keycloak.answer_by_saml(url, "alice")

    victim = Browser(gateway)
    assert "did not ask" in victim.post(answer).text  # it never asked
    victim.begin()
    assert "did not ask" in victim.post(answer).text  # it asked something else

    assert browser.post(answer).status_code == 200
    thief = Browser(gateway)

    def is_refused() -> bool:
        thief.client.cookies.update(attempt)
        return "revoked" in thief.post(answer).text

    block_until(is_refused, seconds=5, what="the memory of it")


def test_who_is_not_to_come_in_is_refused(keycloak: Keycloak, browser: Browser) -> None:
    assert "signs in otherwise" in browser.post(keycloak.answer_by_saml(browser.begin(), "dana")).text
    assert "disabled" in keycloak.sign_in(browser.begin(), "mallory")


def _renamed(xml: str) -> str:
    return xml.replace(">alice<", ">carol<")


def _unsigned(xml: str) -> str:
    return re.sub(r"<dsig:Signature .*?</dsig:Signature>", "", xml, flags=re.DOTALL)


def _without_the_assertions(xml: str) -> str:
    found = re.findall(r"<dsig:Signature .*?</dsig:Signature>", xml, re.DOTALL)
    assert len(found) == 2
    return xml.replace(found[1], "")


def _commented(xml: str) -> str:
    return xml.replace(">alice<", ">ali<!---->ce<")


@pytest.mark.parametrize("change", [_renamed, _unsigned, _without_the_assertions, _commented])
def test_a_changed_answer_is_refused(
    keycloak: Keycloak, browser: Browser, change: Callable[[str], str]
) -> None:
    xml = base64.b64decode(keycloak.answer_by_saml(browser.begin(), "alice")).decode()
    changed = change(xml)
    assert changed != xml

    refused = browser.post(base64.b64encode(changed.encode()).decode())

    assert refused.status_code == 401, refused.text
    assert browser.client.get("/history").status_code == 303


def test_the_provider_is_told_what_it_must_know(gateway: Gateway) -> None:
    answer = httpx.get(f"{gateway.api_url}/sign-in/saml/metadata")
    assert answer.headers["content-type"] == "application/samlmetadata+xml"
    assert f'entityID="{gateway.api_url}/sign-in/saml/metadata"' in answer.text
    assert f'Location="{gateway.api_url}/sign-in/saml"' in answer.text
    assert 'WantAssertionsSigned="true"' in answer.text
