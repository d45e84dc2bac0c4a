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
    thief.client.cookies.update(attempt)
    assert "was used already" in thief.post(answer).text


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


async def test_a_terminal_signs_in_through_the_page(
    gateway: Gateway, keycloak: Keycloak, browser: Browser, tmp_path: Path
) -> None:
    variables = {"XDG_CONFIG_HOME": str(tmp_path), "COUNTERSIGN_URL": gateway.api_url}
    process = await start_command(tmp_path, "login", "--page", **variables)
    assert process.stdout is not None
    link = ""
    while not link:
        line = (await process.stdout.readline()).decode()
        assert line, (await process.communicate())[1].decode()
        link = line.strip() if line.strip().startswith("http") else ""

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
    browser.post(keycloak.answer_by_saml(browser.begin(), "alice"))
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
