"""No secret of a sign-in is written anywhere, whichever way it is made, and whether it comes to be."""

import json
import re
from pathlib import Path

import httpx
import pytest
from support.builders import AUDREY, DANA
from support.directory import TOKEN, Directory
from support.gateway import Gateway
from support.keycloak import Keycloak
from support.signing_in import Browser, Terminal
from support.wait import eventually
from support.written import all_written, leaks, pages, processes

# Keycloak is fetched and set up once, and started once for all of them.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("identity")]

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


async def test_no_secret_of_a_sign_in_is_written_down(
    gateway: Gateway, keycloak: Keycloak, directory: Directory, tmp_path: Path
) -> None:
    held = {
        "secret of the gateway at the provider": "secret-of-countersign",
        "password of alice": "password-of-alice",
    }
    held |= await _by_terminal(gateway, keycloak, tmp_path)
    held |= _by_code(gateway, keycloak)
    held |= _by_saml(gateway, keycloak)
    held |= _by_jwt(gateway, keycloak)
    held |= _by_directory(gateway, directory)

    issued = "select count() as n from events where type = 'TokenIssued' and payload like '%agent-8%'"
    await eventually(lambda: int(gateway.audit(issued)[0]["n"]) > 0, seconds=90, what="what was issued last")
    written = await all_written(gateway)
    written |= await pages(gateway, DANA, AUDREY)
    written |= processes(gateway)
    assert b"alice" in b"".join(written.values())
    assert len(held) > 15
    assert leaks(held, written) == []


async def _by_terminal(gateway: Gateway, keycloak: Keycloak, folder: Path) -> dict[str, str]:
    terminal = Terminal(gateway, folder)
    await terminal.login(keycloak, "alice")
    (kept,) = json.loads(terminal.kept.read_text()).values()
    ran = await terminal.run("connect", "orders", "--", "psql", "-XAtc", "select 'from a terminal'")
    assert ran.status == 0, ran.err
    return {"token of a terminal": kept["access_token"], "what renews it": kept["refresh_token"]}


def _by_code(gateway: Gateway, keycloak: Keycloak) -> dict[str, str]:
    browser = Browser(gateway)
    answer = httpx.URL(keycloak.sign_in(browser.begin(), "alice"))
    held = {f"{name} of an answer": answer.params[name] for name in ("code", "state")}
    assert browser.page(str(answer.copy_set_param("state", "another"))).status_code == 401
    browser.begin()
    answer = httpx.URL(keycloak.sign_in(browser.begin(), "alice"))
    held |= {f"{name} of another": answer.params[name] for name in ("code", "state")}
    held["cookie of an attempt"] = browser.client.cookies["countersign-sign-in"]
    assert browser.page(str(answer)).status_code == 200
    held["cookie of a session"] = browser.client.cookies["countersign"]
    token = keycloak.of_person("alice", "countersign")["id_token"]
    refused = httpx.post(f"{gateway.api_url}/sign-in/backchannel-logout", data={"logout_token": token})
    assert refused.status_code == 400
    return {**held, "ID token": token}


def _by_saml(gateway: Gateway, keycloak: Keycloak) -> dict[str, str]:
    browser, url = Browser(gateway), f"{gateway.api_url}/sign-in/saml"
    answer = keycloak.answer_by_saml(browser.begin("/sign-in/saml/begin"), "alice")
    assert httpx.post(url, data={"SAMLResponse": f"{answer[:-40]}{answer[:40]}"}).status_code == 401
    posted = httpx.post(url, data={"SAMLResponse": answer})
    assert posted.is_redirect, posted.text
    assert browser.page(posted.headers["location"]).status_code == 200
    return {
        "part of a SAML answer": answer[len(answer) // 2 :][:60],
        "what a browser brings on": httpx.URL(posted.headers["location"]).params["answer"],
        "cookie of a session by SAML": browser.client.cookies["countersign"],
    }


def _by_directory(gateway: Gateway, directory: Directory) -> dict[str, str]:
    assert directory.http.get("/Users").is_success
    with Directory(gateway.api_url, "wrong-of-scim") as wrong:
        assert wrong.http.get("/Users").status_code == 401
    return {"token of the provider's directory": TOKEN, "another that is none": "wrong-of-scim"}


def _by_jwt(gateway: Gateway, keycloak: Keycloak) -> dict[str, str]:
    """The last one is whose event the audit log is waited for."""
    held = {name: keycloak.of_service(name) for name in ("agent-elsewhere", "agent-8")}
    for name, token in held.items():
        exchanged = httpx.post(
            f"{gateway.api_url}/api/token", data={"grant_type": EXCHANGE, "subject_token": token}
        )
        assert exchanged.is_success is (name == "agent-8"), exchanged.text
    held["token of the gateway"] = exchanged.json()["access_token"]
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", held["token of the gateway"])
    return held
