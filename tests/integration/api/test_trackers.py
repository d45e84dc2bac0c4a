"""Teams, PagerDuty, Jira and ServiceNow: each told of a request and of its end, once, whatever goes wrong."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from support.reviews import AGENT_7, requested, settled
from support.trackers import HOOK, ROUTING_KEY, SECRET, USER, Trackers, running_trackers

from api.inbox import Inbox, Position
from api.notifications.outbox import Message, Outbox
from api.notifications.receiver import Answer, Receiver
from api.notifications.receivers import receivers_of
from infra.clock import now
from infra.config import Config, ConfigError
from schemas.events import Event

_TEXT = "delete from orders where card = '‹sealed›'"
MARKUP = "[click](https://evil.example) **bold** <b> https://evil.example"


@dataclass
class World:
    """What is told, by name; `say` makes an event a message for one of them and sends it."""

    trackers: Trackers
    receivers: dict[str, Receiver]
    inbox: Inbox
    offset: int = 0

    def message(self, name: str, event: Event) -> Message | None:
        change = self.inbox.apply(event, Position(0, self.offset))
        self.offset += 1
        assert change is not None
        body = self.receivers[name].maybe_payload(change)
        return None if body is None else Message(name, "msg_1", body, now())

    async def say(self, name: str, event: Event) -> Answer:
        message = self.message(name, event)
        assert message is not None
        return await self.receivers[name].send(message)


def config(folder: Path, url: str) -> Config:
    for name, content in (("hook", url + HOOK), ("key", ROUTING_KEY), ("token", SECRET)):
        (folder / name).write_text(content)
    jira = {"url": url, "user": USER, "token": {"file": str(folder / "token")}, "project": "OPS"}
    servicenow = {"url": url, "user": USER, "password": {"file": str(folder / "token")}}
    return Config.model_validate(
        {
            "gateway": {"url": "https://gw.example"},
            "notifications": {
                "teams": [{"name": "teams", "url": {"file": str(folder / "hook")}}],
                "pagerduty": [
                    {"name": "pagerduty", "routing_key": {"file": str(folder / "key")}, "api": url}
                ],
                "jira": [{"name": "jira", **jira, "done": "done", "resources": ["ord*"]}],
                "servicenow": [
                    {"name": "servicenow", **servicenow, "fields": {"urgency": "2"}, "ended": {"state": "7"}}
                ],
            },
        }
    )


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    outbox = Outbox(tmp_path / "outbox.db")
    async with running_trackers() as trackers, httpx.AsyncClient() as client:
        receivers = receivers_of(config(tmp_path, trackers.url), client, outbox)
        yield World(trackers, {one.name: one for one in receivers}, Inbox())
    outbox.close()


TICKETS = ("pagerduty", "jira", "servicenow")


@pytest.mark.parametrize("name", ["teams", *TICKETS])
async def test_a_request_and_its_end_are_told_without_the_command(world: World, name: str) -> None:
    request = requested(now(), text=_TEXT)
    assert (await world.say(name, request)).taken
    assert (await world.say(name, settled(request))).taken
    held = world.trackers
    everything = json.dumps([held.cards, held.alerts, held.issues, held.records])
    assert f"https://gw.example/approvals/{request.approval}" in everything
    assert "deletes from public.orders" in everything
    assert "sealed" not in everything
    match name:
        case "teams":
            _, end = held.cards
            assert "approved by dana" in json.dumps(end)
            assert [action["type"] for action in end["actions"]] == ["Action.OpenUrl"]
        case "pagerduty":
            (alert,) = held.alerts.values()
            assert [event["event_action"] for event in alert] == ["trigger", "resolve"]
        case "jira":
            (issue,) = held.issues.values()
            assert issue["status"] == "Done"
            assert "approved by dana" in json.dumps(issue["comments"])
        case "servicenow":
            (record,) = held.records.values()
            assert (record["state"], record["urgency"]) == ("7", "2")
            assert "approved by dana" in record["work_notes"]


@pytest.mark.parametrize("name", TICKETS)
async def test_an_answer_that_is_lost_makes_no_second_ticket(world: World, name: str) -> None:
    message = world.message(name, requested(now()))
    assert message is not None
    world.trackers.lose = 1
    assert not (await world.receivers[name].send(message)).taken
    assert (await world.receivers[name].send(replace(message, attempts=1))).taken
    held = world.trackers
    assert len(held.alerts) + len(held.issues) + len(held.records) == 1


@pytest.mark.parametrize("name", TICKETS)
async def test_an_end_waits_for_its_ticket_and_may_be_said_again(world: World, name: str) -> None:
    request = requested(now())
    first, end = world.message(name, request), world.message(name, settled(request))
    assert first is not None
    assert end is not None
    receiver = world.receivers[name]
    assert await receiver.send(end) == Answer(False, "the ticket that it ends is not there yet")
    assert (await receiver.send(first)).taken
    assert (await receiver.send(end)).taken
    assert (await receiver.send(end)).taken


@pytest.mark.parametrize("name", ["teams", *TICKETS])
async def test_who_is_busy_is_asked_again_later_and_what_is_malformed_is_not(world: World, name: str) -> None:
    message = world.message(name, requested(now()))
    assert message is not None
    world.trackers.fail = [429, 503, 401]
    for status in (429, 503, 401):
        answer = await world.receivers[name].send(message)
        assert (answer.taken, answer.status, answer.retry_after) == (False, status, "7")
    if name in TICKETS:
        world.trackers.fail = [400]
        assert (await world.receivers[name].send(message)).status == 410
    assert (await world.receivers[name].send(message)).taken


async def test_foreign_text_is_no_markup_in_a_card(world: World) -> None:
    request = requested(now(), principal=replace(AGENT_7, name="agent-7"), rule=MARKUP, ticket=MARKUP)
    assert (await world.say("teams", request)).taken
    (card,) = world.trackers.cards
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    runs: list[dict[str, Any]] = [run for block in card["body"] for run in block["inlines"]]
    assert {run["type"] for run in runs} == {"TextRun"}
    assert MARKUP in json.dumps(runs)


async def test_limits_are_kept_whatever_is_said(world: World) -> None:
    request = requested(
        now(), principal=replace(AGENT_7, name="a" * 3000), rule="r" * 3000, ticket="t" * 3000
    )
    for name in world.receivers:
        assert (await world.say(name, request)).taken
        world.inbox = Inbox()


async def test_other_resources_make_no_issue(world: World) -> None:
    assert world.message("jira", requested(now(), resource="hr")) is None


def test_a_hook_that_is_no_url_is_a_mistake_and_is_not_repeated(tmp_path: Path) -> None:
    found = config(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "hook").write_text(f"http://hooks.example{HOOK}")
    with pytest.raises(ConfigError) as refused:
        receivers_of(found, httpx.AsyncClient(), Outbox(tmp_path / "outbox.db"))
    assert "https://" in str(refused.value)
    assert "secret-of-the-hook" not in str(refused.value)
