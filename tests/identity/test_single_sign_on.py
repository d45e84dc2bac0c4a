"""People with an identity provider: the web page (code flow with PKCE), the terminal (device flow)."""

import re
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from support.gateway import Gateway
from support.keycloak import Keycloak
from support.signing_in import Browser, Terminal
from support.wait import eventually

_SECONDS = 90

# Keycloak is fetched and set up once, and started once for all of them.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("identity")]


@pytest.fixture
def browser(gateway: Gateway) -> Browser:
    return Browser(gateway)


def test_a_person_signs_in_and_is_known_by_name_and_groups(
    gateway: Gateway, keycloak: Keycloak, browser: Browser
) -> None:
    assert "Single sign-on" in browser.page("/sign-in").text
    url = browser.begin()
    asked = httpx.URL(url).params
    assert asked["code_challenge_method"] == "S256"
    assert asked["state"] != asked["nonce"] != asked["code_challenge"]

    arrived = browser.page(keycloak.sign_in(url, "alice"))

    assert arrived.status_code == 200, arrived.text
    assert 'content="0;url=/history"' in arrived.text  # by itself, so that the strict cookie comes along
    assert "alice" in browser.page("/history").text
    said = browser.client.get("/api/me").json()
    assert (said["name"], said["kind"], said["groups"]) == ("alice", "person", ["dba"])


def test_an_answer_counts_once_for_the_browser_that_asked(
    gateway: Gateway, keycloak: Keycloak, browser: Browser
) -> None:
    answer = keycloak.sign_in(browser.begin(), "alice")
    attempt = dict(browser.client.cookies)

    victim = Browser(gateway)
    assert victim.page(answer).status_code == 401  # another browser's answer
    victim.begin()
    assert victim.page(answer).status_code == 401  # for another attempt
    assert victim.page(answer.replace("code=", "kode=")).status_code == 401

    assert browser.page(answer).status_code == 200
    assert browser.page(answer).status_code == 401  # the attempt is over
    thief = Browser(gateway)
    thief.client.cookies.update(attempt)
    assert thief.page(answer).status_code == 401  # a code is good once


@pytest.mark.parametrize("change", ["state", "code", "iss"])
def test_a_changed_answer_is_refused(keycloak: Keycloak, browser: Browser, change: str) -> None:
    answer = httpx.URL(keycloak.sign_in(browser.begin(), "alice"))
    assert change in answer.params

    changed = answer.copy_set_param(change, answer.params[change][:-1] + "x")

    assert browser.page(str(changed)).status_code == 401
    assert browser.page("/history").status_code == 303


def test_who_has_a_configured_users_name_is_refused(keycloak: Keycloak, browser: Browser) -> None:
    answer = browser.page(keycloak.sign_in(browser.begin(), "dana"))

    assert answer.status_code == 401
    assert "signs in otherwise" in answer.text


def test_a_disabled_user_gets_no_further_than_the_provider(keycloak: Keycloak, browser: Browser) -> None:
    page = keycloak.sign_in(browser.begin(), "mallory")

    assert "disabled" in page
    assert not page.startswith("http")  # it was sent nowhere


async def test_after_signing_out_the_session_is_over_for_copies_of_its_cookie_too(
    gateway: Gateway, keycloak: Keycloak, browser: Browser
) -> None:
    browser.page(keycloak.sign_in(browser.begin(), "alice"))
    (form_token,) = set(re.findall(r'name="form_token" value="([^"]+)"', browser.page("/history").text))
    thief = Browser(gateway)
    thief.client.cookies.update(browser.client.cookies)
    assert thief.page("/history").status_code == 200

    browser.client.post("/sign-out", data={"form_token": form_token})

    assert browser.page("/history").status_code == 303
    await eventually(lambda: thief.page("/history").status_code == 303, seconds=2, what="the end")
    out = httpx.URL(browser.page("/sign-in/leave").headers["location"])
    assert str(out).startswith(f"{keycloak.issuer}/protocol/openid-connect/logout")
    assert out.params["post_logout_redirect_uri"] == f"{gateway.api_url}/sign-in"


@pytest.fixture
def terminal(gateway: Gateway, tmp_path: Path) -> Terminal:
    return Terminal(gateway, tmp_path)


async def test_a_terminal_from_login_to_logout(
    gateway: Gateway, keycloak: Keycloak, terminal: Terminal
) -> None:
    assert (await terminal.run("token")).status == 1

    await terminal.login(keycloak, "alice")

    assert terminal.kept.stat().st_mode & 0o777 == 0o600
    assert terminal.kept.parent.stat().st_mode & 0o777 == 0o700
    assert "secret-of-countersign" not in terminal.kept.read_text()
    token = (await terminal.run("token")).out.strip()
    async with httpx.AsyncClient(base_url=gateway.api_url) as client:
        said = (await client.get("/api/me", headers={"Authorization": f"Bearer {token}"})).json()
        assert (said["name"], said["groups"]) == ("alice", ["dba"])

    counted = await terminal.run(
        "connect", "orders", "--", "psql", "-XAtc", "select count(*) > 0 from customers"
    )
    assert (counted.status, counted.out) == (0, "t\n"), counted.err
    assert (await terminal.run("connect", "nowhere")).status == 1
    assert (await terminal.run("approvals", "list")).status == 0

    logs = gateway.logs(lines=100_000)
    for secret in (token, "secret-of-countersign", "password-of-alice"):
        assert secret not in logs

    assert (await terminal.run("logout")).status == 0

    assert (await terminal.run("token")).status == 1
    async with httpx.AsyncClient(base_url=gateway.api_url) as client:
        headers = {"Authorization": f"Bearer {token}"}

        async def is_refused() -> bool:
            return (await client.get("/api/me", headers=headers)).status_code == 401

        await eventually(is_refused, seconds=2, what="refusal")


async def test_a_sign_in_is_renewed_until_the_person_is_disabled(
    gateway: Gateway, keycloak: Keycloak
) -> None:
    given = await _signed_in_by_device(gateway, keycloak, "carol")
    async with httpx.AsyncClient(base_url=gateway.api_url, timeout=30) as client:
        form = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
        renewed = (await client.post("/api/token", data=form)).json()
        assert renewed["principal"] == "carol"
        assert renewed["access_token"] != given["access_token"]

        keycloak.enable("carol", enabled=False)
        try:
            refused = await client.post(
                "/api/token", data={**form, "refresh_token": renewed["refresh_token"]}
            )
        finally:
            keycloak.enable("carol", enabled=True)
        assert refused.status_code == 400
        assert refused.json()["error"] == "invalid_grant"


async def test_a_device_code_is_the_gateways_and_good_once(gateway: Gateway, keycloak: Keycloak) -> None:
    async with httpx.AsyncClient(base_url=gateway.api_url, timeout=30) as client:
        device = (await client.post("/api/device")).json()
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": device["device_code"],
        }
        waiting = await client.post("/api/token", data=form)
        assert (waiting.status_code, waiting.json()["error"]) == (400, "authorization_pending")
        changed = {**form, "device_code": device["device_code"][:-6] + "AAAAAA"}
        assert (await client.post("/api/token", data=changed)).json()["error"] == "invalid_grant"
        as_refresh = {"grant_type": "refresh_token", "refresh_token": device["device_code"]}
        assert (await client.post("/api/token", data=as_refresh)).json()["error"] == "invalid_grant"

        keycloak.sign_in(device["verification_uri_complete"], "alice")

        async def given() -> dict[str, Any] | None:
            answer = await client.post("/api/token", data=form)
            return answer.json() if answer.is_success else None

        assert (await eventually(given, seconds=40, every=5.5, what="the token"))["principal"] == "alice"
        assert (await client.post("/api/token", data=form)).status_code == 400


async def _signed_in_by_device(gateway: Gateway, keycloak: Keycloak, name: str) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=gateway.api_url, timeout=30) as client:
        device = (await client.post("/api/device")).json()
        keycloak.sign_in(device["verification_uri_complete"], name)
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": device["device_code"],
        }
        answer = await client.post("/api/token", data=form)
        assert answer.status_code == 200, answer.text
        given: dict[str, Any] = answer.json()
        return given


async def test_who_is_signed_out_at_the_provider_is_out_of_everything(
    gateway: Gateway, keycloak: Keycloak, terminal: Terminal, browser: Browser
) -> None:
    await terminal.login(keycloak, "carol")
    browser.page(keycloak.sign_in(browser.begin(), "carol"))
    token = (await terminal.run("token")).out.strip()
    port = int(gateway.listen["postgres"].rpartition(":")[2])
    session = await asyncpg.connect(
        host="127.0.0.1", port=port, user="carol", password=token, database="orders", ssl=gateway.tls
    )
    assert await session.fetchval("select 1") == 1
    assert browser.page("/history").status_code == 200

    keycloak.end_sessions("carol")

    await eventually(session.is_closed, seconds=_SECONDS, what="the end of the session")
    await eventually(lambda: browser.page("/history").status_code == 303, what="the page's end")
    with pytest.raises(asyncpg.InvalidPasswordError, match="revoked"):
        await asyncpg.connect(
            host="127.0.0.1", port=port, user="carol", password=token, database="orders", ssl=gateway.tls
        )
    await terminal.login(keycloak, "carol")  # what comes after it counts


def test_what_is_no_logout_token_ends_nothing(gateway: Gateway, keycloak: Keycloak) -> None:
    tokens = keycloak.of_person("alice", "countersign")
    for token in (tokens["id_token"], tokens["access_token"], "x"):
        answer = httpx.post(f"{gateway.api_url}/sign-in/backchannel-logout", data={"logout_token": token})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
