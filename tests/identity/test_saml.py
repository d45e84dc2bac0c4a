"""People with a SAML provider: a real Keycloak's answers, as they are and as somebody changed them."""

import asyncio
import base64
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from support.command_line import run_command, start_command
from support.gateway import Gateway
from support.keycloak import Keycloak
from support.signing_in import Browser, shown_link
from support.wait import block_until

# Keycloak is fetched and set up once, and started once for all of them.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("identity")]


def answered(keycloak: Keycloak, browser: Browser, name: str = "alice") -> str:
    """What the provider has a browser post that went there and signed in as `name`."""
    return keycloak.answer_by_saml(browser.begin("/sign-in/saml/begin"), name)


def post(browser: Browser, answer: str) -> httpx.Response:
    """Posts an answer from the provider's page, so without cookies, and goes where that leads."""
    url = browser.client.base_url.join("/sign-in/saml")
    posted = httpx.post(url, data={"SAMLResponse": answer}, timeout=30)
    return browser.page(posted.headers["location"]) if posted.status_code == 303 else posted


@pytest.fixture
def browser(gateway: Gateway) -> Browser:
    return Browser(gateway)


def test_a_person_signs_in_and_is_known_by_name_and_groups(keycloak: Keycloak, browser: Browser) -> None:
    assert "SAML sign-on" in browser.client.get("/sign-in").text

    arrived = post(browser, answered(keycloak, browser))

    assert arrived.status_code == 200, arrived.text
    assert 'content="0;url=/history"' in arrived.text
    said = browser.client.get("/api/me").json()
    assert (said["name"], said["kind"], said["groups"]) == ("alice", "person", ["dba"])


def test_an_answer_counts_once_for_the_browser_that_asked(
    gateway: Gateway, keycloak: Keycloak, browser: Browser
) -> None:
    answer = answered(keycloak, browser)
    attempt = dict(browser.client.cookies)

    victim = Browser(gateway)
    assert "did not ask" in post(victim, answer).text  # it never asked
    victim.begin("/sign-in/saml/begin")
    assert "did not ask" in post(victim, answer).text  # it asked something else

    assert post(browser, answer).status_code == 200
    thief = Browser(gateway)
    thief.client.cookies.update(attempt)
    assert "was used already" in post(thief, answer).text


def test_who_is_not_to_come_in_is_refused(keycloak: Keycloak, browser: Browser) -> None:
    assert "signs in otherwise" in post(browser, answered(keycloak, browser, "dana")).text
    assert "disabled" in keycloak.sign_in(browser.begin("/sign-in/saml/begin"), "mallory")


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
    xml = base64.b64decode(answered(keycloak, browser)).decode()
    changed = change(xml)
    assert changed != xml

    refused = post(browser, base64.b64encode(changed.encode()).decode())

    assert refused.status_code == 401, refused.text
    assert browser.client.get("/history").status_code == 303


def test_the_provider_is_told_what_it_must_know(gateway: Gateway) -> None:
    answer = httpx.get(f"{gateway.api_url}/sign-in/saml/metadata")
    assert answer.headers["content-type"] == "application/samlmetadata+xml"
    assert f'entityID="{gateway.api_url}/sign-in/saml/metadata"' in answer.text
    assert f'Location="{gateway.api_url}/sign-in/saml"' in answer.text
    assert 'WantAssertionsSigned="true"' in answer.text
    assert f'Location="{gateway.api_url}/sign-in/saml/logout"' in answer.text


def test_who_signs_out_at_the_provider_is_signed_out_here(
    gateway: Gateway, keycloak: Keycloak, browser: Browser
) -> None:
    other = Browser(gateway)
    post(other, answered(keycloak, other))
    with httpx.Client(timeout=30) as at_provider:
        post(browser, keycloak.answer_by_saml(browser.begin("/sign-in/saml/begin"), "alice", at_provider))
        assert browser.page("/history").status_code == 200

        asked = keycloak.sign_out(at_provider)

        assert asked.startswith(f"{gateway.api_url}/sign-in/saml/logout?SAMLRequest=")
        for changed in (asked.replace("SAMLRequest=", "SAMLRequest=A"), asked.partition("&Signature=")[0]):
            assert httpx.get(changed).status_code == 401
        assert browser.page("/history").status_code == 200
        # The browser brings it from the provider's site: its cookie for the gateway does not come along.
        answer = httpx.get(asked)
        assert answer.status_code == 303, answer.text
        over = keycloak.follow(at_provider, answer.headers["location"])
        assert "You are logged out" in over.text
    block_until(lambda: browser.page("/history").status_code == 303, what="its end")
    assert other.page("/history").status_code == 200  # another browser, another session there


async def test_a_terminal_signs_in_through_the_page(
    gateway: Gateway, keycloak: Keycloak, browser: Browser, tmp_path: Path
) -> None:
    variables = {"XDG_CONFIG_HOME": str(tmp_path), "COUNTERSIGN_URL": gateway.api_url}
    process = await start_command(tmp_path, "login", "--page", **variables)
    link = await shown_link(process)
    code = await asyncio.to_thread(_code_of, browser, keycloak, link)
    out, err = await process.communicate(code.encode() + b"\n")

    assert "as alice" in out.decode(), err.decode()
    token = (await run_command(tmp_path, "token", seconds=60, **variables)).out.strip()
    assert token.count(".") == 2
    async with httpx.AsyncClient(base_url=gateway.api_url) as client:
        said = await client.get("/api/me", headers={"Authorization": f"Bearer {token}"})
        assert said.json()["groups"] == ["dba"]
        another = {"grant_type": "authorization_code", "code": code, "code_verifier": "x" * 43}
        assert (await client.post("/api/token", data=another)).json()["error"] == "invalid_grant"


def _code_of(browser: Browser, keycloak: Keycloak, link: str) -> str:
    """What the page behind a terminal's link shows to alice."""
    assert browser.client.get(link).headers["location"].startswith("/sign-in?next=")
    post(browser, answered(keycloak, browser))
    page = browser.client.get(link).text
    form = {name: _value(page, name) for name in ("form_token", "challenge")}
    assert browser.client.post("/sign-in/terminal", data={**form, "form_token": "x"}).status_code == 403
    shown = browser.client.post("/sign-in/terminal", data=form).text
    found = re.search(r'id="code">([^<]+)<', shown)
    assert found is not None, shown
    return found[1]


def _value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]
