"""SCIM: the identity provider says who may come in, and who no longer; by its own requests."""

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from ruamel.yaml import YAML
from support.directory import TOKEN, Directory
from support.gateway import Gateway
from support.keycloak import Keycloak
from support.psql import running_psql
from support.signing_in import Browser
from support.wait import eventually

from infra.config import load
from infra.identity import provisioning_of
from infra.kafka.address import kafka_address
from infra.kafka.bus import Bus
from infra.keys import keyring, signer
from schemas.vocabulary import Role

AT_ONCE = 2.0  # seconds
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
CONVERSATIONS = YAML(typ="safe").load(Path(__file__).with_name("provisioning.yaml"))

# Keycloak is fetched and set up once, and started once for all of them.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("identity")]


@pytest.mark.parametrize("provider", CONVERSATIONS)
def test_a_provider_is_understood(directory: Directory, provider: str) -> None:
    kept: dict[str, str] = {}

    def filled(text: str) -> str:
        for name, value in kept.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    for step in CONVERSATIONS[provider]:
        method, path = step["send"]
        body = json.loads(filled(json.dumps(step["body"]))) if "body" in step else None
        answer = directory.http.request(method, filled(path), json=body)
        said = answer.json() if answer.content else {}
        assert answer.status_code == step["status"], (step, answer.text)
        if answer.content:
            assert answer.headers["content-type"] == "application/scim+json"
        for place, wanted in step.get("holds", {}).items():
            expected = filled(wanted) if isinstance(wanted, str) else wanted
            assert _at(said, place) == expected, (step, said)
        for place in step.get("lacks", ()):
            assert _at(said, place) is None, (step, said)
        kept |= {name: _at(said, place) for name, place in step.get("keep", {}).items()}


def _at(document: Any, place: str) -> Any:
    for part in place.split("."):
        if isinstance(document, list):
            document = document[int(part)] if int(part) < len(document) else None
        else:
            document = document.get(part) if document is not None else None
    return document


@pytest.mark.parametrize("token", ["wrong", "token-of-dana", "dana:token-of-dana"])
def test_nobody_else_writes(gateway: Gateway, token: str) -> None:
    with Directory(gateway.api_url, token) as stranger:
        answer = stranger.http.post("/Users", json={})
    assert answer.status_code == 401
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_its_token_is_good_for_nothing_else(gateway: Gateway, directory: Directory) -> None:
    answer = httpx.get(f"{gateway.api_url}/api/me", headers=dict(directory.http.headers))
    assert answer.status_code == 401


async def test_what_does_not_count_is_written_nowhere(gateway: Gateway, directory: Directory) -> None:
    sent = {"userName": "forgetful", "password": "a-password-of-theirs", "title": "a-title-of-theirs"}
    id = directory.http.post("/Users", json=sent).json()["id"]
    query = f"select payload from events where type = 'UserProvisioned' and payload like '%{id}%'"

    (event,) = await eventually(lambda: gateway.audit(query), seconds=60, what="the event")

    directory.remove(f"/Users/{id}")
    said = directory.http.get("/Users").text + event["payload"] + gateway.logs(lines=100_000)
    for word in ("a-password-of-theirs", "a-title-of-theirs", TOKEN):
        assert word not in said


def test_a_large_group_may_come_in_one_request(directory: Directory) -> None:
    members = [{"value": f"no-such-user-{number:06}"} for number in range(5000)]
    answer = directory.http.post("/Groups", json={"displayName": "Everybody", "members": members})
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert "no-such-user-000000" in answer.text


@pytest.mark.parametrize("way", ["deactivated", "removed", "renamed", "out of the group"])
async def test_who_is_taken_out_is_out_at_once(
    gateway: Gateway, keycloak: Keycloak, directory: Directory, way: str
) -> None:
    id = directory.id_of("carol")
    group = directory.group("Operators", id)
    async with httpx.AsyncClient(base_url=gateway.api_url, timeout=30) as client:
        shown, given = await _signed_in(client, keycloak)
        assert set(given["groups"]) == {"dba", "operators"}
        bearer = {"Authorization": f"Bearer {given['access_token']}"}
        session = await _connect(gateway, "carol", given["access_token"])
        by_providers = await _connect(gateway, "carol", shown)

        match way:
            case "deactivated":
                directory.patch(f"/Users/{id}", {"op": "replace", "value": {"active": False}})
            case "removed":
                directory.remove(f"/Users/{id}")
            case "renamed":
                directory.patch(f"/Users/{id}", {"op": "replace", "path": "userName", "value": "caroline"})
            case _:
                directory.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{id}"]'})

        for ended in (session, by_providers):
            await eventually(ended.is_closed, seconds=AT_ONCE, what="the end of the session")
        assert (await client.get("/api/me", headers=bearer)).status_code == 401
        with pytest.raises(asyncpg.InvalidPasswordError, match="revoked"):
            await _connect(gateway, "carol", given["access_token"])
        assert not (await _exchanged(client, shown)).is_success

        # What the provider gives her afterwards.
        if way == "out of the group":
            _, again = await _signed_in(client, keycloak)
            assert again["groups"] == ["dba"]
        else:
            refused = await _exchanged(client, keycloak.of_person("carol")["access_token"])
            assert "not provisioned" in refused.text
            with pytest.raises(asyncpg.InvalidPasswordError, match="not provisioned"):
                await _connect(gateway, "carol", keycloak.of_person("carol")["access_token"])
            if way == "removed":
                directory.provision("carol")
            else:
                changes = {"active": True, "userName": "carol"}
                directory.patch(f"/Users/{id}", {"op": "replace", "value": changes})
    directory.remove(f"/Groups/{group}")


def test_a_browser_is_out_at_once_too(gateway: Gateway, keycloak: Keycloak, directory: Directory) -> None:
    browser = Browser(gateway)
    browser.page(keycloak.sign_in(browser.begin(), "bob"))
    assert browser.page("/history").status_code == 200

    path = f"/Users/{directory.id_of('bob')}"
    directory.patch(path, {"op": "Replace", "path": "active", "value": "False"})

    assert browser.page("/history").status_code == 303
    refused = browser.page(keycloak.sign_in(browser.begin(), "bob"))
    assert (refused.status_code, "not provisioned" in refused.text) == (401, True)
    directory.patch(path, {"op": "Replace", "path": "active", "value": "True"})


async def test_what_waits_goes_over_to_who_is_on_call(
    gateway: Gateway, keycloak: Keycloak, directory: Directory
) -> None:
    """By the directory alone: who comes on call decides what was asked before, and who has left does not."""
    id = directory.id_of("carol")
    async with (
        running_psql(gateway.conninfo("plain"), gateway.psql_environment, "-At") as psql,
        httpx.AsyncClient(base_url=gateway.api_url, timeout=30) as client,
    ):

        async def is_answered(given: dict[str, Any], status: int) -> bool:
            bearer = {"Authorization": f"Bearer {given['access_token']}"}
            done = await client.post(f"/api/approvals/{approval}/approve", json={}, headers=bearer)
            return done.status_code == status

        async def is_out(given: dict[str, Any]) -> bool:
            bearer = {"Authorization": f"Bearer {given['access_token']}"}
            return (await client.get("/api/me", headers=bearer)).status_code == 401

        await psql.send("/* on call */ update orders set note = 'by night' where id = 1;\n")
        approval = (await psql.said(r"approval (\S+), http"))[1]
        _, by_day = await _signed_in(client, keycloak)
        await eventually(lambda: is_answered(by_day, 403), what="the request in the API")
        shift = directory.group("Night shift", id)
        _, on_call = await _signed_in(client, keycloak)
        assert "oncall" in on_call["groups"]
        directory.patch(f"/Groups/{shift}", {"op": "remove", "path": f'members[value eq "{id}"]'})
        await eventually(lambda: is_out(on_call), what="the end of her time on call")
        directory.patch(f"/Groups/{shift}", {"op": "add", "path": "members", "value": [{"value": id}]})
        _, again = await _signed_in(client, keycloak)
        assert await is_answered(again, 200)
        await psql.said("approved by carol")
    directory.remove(f"/Groups/{shift}")


async def test_every_process_and_every_start_has_the_same(gateway: Gateway, directory: Directory) -> None:
    id = directory.provision("transient")
    directory.patch(f"/Users/{id}", {"op": "replace", "value": {"active": False}})
    group = directory.group("Night shift", id)
    config = load(gateway.config)
    provisioning = provisioning_of(config)
    assert provisioning is not None
    bus = Bus(kafka_address(config), signer(config.state, Role.API), keyring(config.state))
    await bus.start()
    following = asyncio.create_task(provisioning.follow(bus))
    try:
        await eventually(lambda: provisioning.is_current, what="the directory")
        found = provisioning.directory.users[id]
        assert (found.name, found.is_active) == ("transient", False)
        assert provisioning.directory.groups[group].members == {id}
        directory.remove(f"/Groups/{group}")
        directory.remove(f"/Users/{id}")
        await eventually(lambda: id not in provisioning.directory.users, what="the removal")
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await bus.stop()


async def _signed_in(client: httpx.AsyncClient, keycloak: Keycloak) -> tuple[str, dict[str, Any]]:
    """carol's token of the provider, and what she got for it; not in the moments after she was taken out."""

    async def found() -> tuple[str, dict[str, Any]] | None:
        shown = keycloak.of_person("carol")["access_token"]
        answer = await _exchanged(client, shown)
        return (shown, answer.json()) if answer.is_success else None

    return await eventually(found, seconds=30, every=0.5, what="a sign-in")


async def _exchanged(client: httpx.AsyncClient, shown: str) -> httpx.Response:
    return await client.post("/api/token", data={"grant_type": EXCHANGE, "subject_token": shown})


async def _connect(gateway: Gateway, name: str, token: str) -> asyncpg.Connection:
    port = int(gateway.listen["postgres"].rpartition(":")[2])
    return await asyncpg.connect(
        host="127.0.0.1", port=port, user=name, password=token, database="orders", ssl=gateway.tls
    )
