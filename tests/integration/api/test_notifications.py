"""Webhooks against a receiver that checks what a real one would, by the specification's own library."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from aiosmtpd.controller import Controller
from fastapi import FastAPI, Request, Response
from standardwebhooks.webhooks import Webhook
from support.processes import free_port
from support.reviews import requested, settled
from support.wait import eventually

from api.feed import Feed
from api.inbox import Inbox, Kind, Position
from api.notifications.apprise import AppriseReceiver
from api.notifications.notifier import Notifier
from api.notifications.outbox import Outbox
from api.notifications.webhook import Webhook as WebhookReceiver
from infra.clock import now
from infra.config import AppriseEndpoint, Config, ConfigError
from schemas.events import ApprovalRequested, Event

_EVER = datetime(9999, 1, 1, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a secret of 32 bytes, as is good").decode()


@dataclass
class Receiver:
    """Verifies each message and keeps it; answers what `answers` says, then 204."""

    url: str
    answers: list[Response] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)  # of all attempts

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/hook")
        async def hook(request: Request) -> Response:
            body = (await request.body()).decode()
            message = Webhook(SECRET).verify(body, dict(request.headers))
            self.ids.append(request.headers["webhook-id"])
            if self.answers:
                return self.answers.pop(0)
            self.taken.append(message)
            return Response(status_code=204)

        return app


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    port = free_port()
    found = Receiver(f"http://127.0.0.1:{port}/hook")
    server = uvicorn.Server(uvicorn.Config(found.app(), port=port, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield found
    server.should_exit = True
    await serving


class Reachable:
    """The part of a bus that a feed looks at."""

    is_reachable = True


@dataclass
class Approvals:
    """What a feed would read from Kafka, said by the test."""

    feed: Feed
    offset: int = 0

    def say(self, event: Event) -> None:
        change = self.feed.inbox.apply(event, Position(0, self.offset))
        self.offset += 1
        assert change is not None
        self.feed.tell(change)


@asynccontextmanager
async def notifying(
    folder: Path, receiver: Receiver, inbox: Inbox | None = None
) -> AsyncIterator[tuple[Approvals, Outbox]]:
    """A notifier in this state folder, whose feed has read `inbox`."""
    (folder / "hook.secret").write_text(SECRET)
    endpoint = {"name": "ops", "url": receiver.url, "secret": {"file": str(folder / "hook.secret")}}
    config = Config.model_validate(
        {
            "gateway": {"state": str(folder), "url": "https://gw.example"},
            "notifications": {"webhooks": [endpoint]},
        }
    )
    feed = Feed(Reachable(), inbox or Inbox())  # type: ignore[arg-type]
    feed.read_up.set()
    outbox = Outbox(folder / "notifications.db")
    async with httpx.AsyncClient() as client:
        receivers = [
            WebhookReceiver(one, folder, config.api_url, client, now) for one in config.notifications.webhooks
        ]
        running = asyncio.create_task(Notifier(receivers, feed, outbox, folder / "lock").run())
        try:
            await eventually(lambda: feed._listeners)
            yield Approvals(feed), outbox
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            outbox.close()


def request_now() -> ApprovalRequested:
    return requested(datetime.now(UTC), text="delete from orders where card = '‹sealed›'", sealed=b"x")


async def test_a_request_and_its_end_arrive_signed(tmp_path: Path, receiver: Receiver) -> None:
    async with notifying(tmp_path, receiver) as (approvals, outbox):
        request = request_now()
        approvals.say(request)
        approvals.say(settled(request))
        await eventually(lambda: len(receiver.taken) == 2)
        await eventually(lambda: outbox.next_due() is None)
    by_type = {message["type"]: message["data"] for message in receiver.taken}
    assert by_type[Kind.REQUESTED]["link"] == f"https://gw.example/approvals/{request.approval}"
    assert by_type[Kind.SETTLED]["ended"] == "approved by dana"
    assert "card" not in json.dumps(receiver.taken)


async def test_what_was_not_taken_comes_again_with_the_same_id(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [Response(status_code=503)]
    async with notifying(tmp_path, receiver) as (approvals, _):
        approvals.say(request_now())
        await eventually(lambda: receiver.taken, seconds=30)
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


async def test_what_happened_while_nobody_looked_is_told_after_a_restart(
    tmp_path: Path, receiver: Receiver
) -> None:
    first, second = request_now(), request_now()
    async with notifying(tmp_path, receiver) as (approvals, _):
        approvals.say(first)
        await eventually(lambda: len(receiver.taken) == 1)
    inbox = Inbox()
    for offset, event in enumerate((first, second, settled(first))):
        inbox.apply(event, Position(0, offset))
    async with notifying(tmp_path, receiver, inbox):
        await eventually(lambda: len(receiver.taken) == 3)
    told = {(message["data"]["id"], message["type"]) for message in receiver.taken[1:]}
    assert told == {(second.approval, Kind.REQUESTED), (first.approval, Kind.SETTLED)}


async def test_gone_is_dead_until_somebody_sends_it_again(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [Response(status_code=410)]
    async with notifying(tmp_path, receiver) as (approvals, outbox):
        approvals.say(request_now())
        (dead,) = await eventually(outbox.dead)
        assert (dead.attempts, dead.said) == (1, "it answered 410")
        assert receiver.taken == []


async def test_a_redirect_leads_nowhere(tmp_path: Path, receiver: Receiver) -> None:
    receiver.answers = [Response(status_code=307, headers={"location": receiver.url})]
    async with notifying(tmp_path, receiver) as (approvals, outbox):
        approvals.say(request_now())
        await eventually(lambda: [m for m in outbox.due(_EVER) if m.said == "it answered 307"])
    assert len(receiver.ids) == 1
    assert receiver.taken == []


class Mailbox:
    """An SMTP server that keeps what it is sent."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        letter = message_from_bytes(envelope.content, policy=default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        return "250 taken"


async def test_a_letter_arrives_by_apprise(tmp_path: Path) -> None:
    mailbox, port = Mailbox(), free_port()
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    (tmp_path / "mail").write_text(
        f"mailto://127.0.0.1:{port}?from=gw@example.com&to=dba@example.com&mode=insecure"
    )
    endpoint = AppriseEndpoint.model_validate({"name": "mail", "url": {"file": "mail"}})
    feed, outbox = Feed(Reachable(), Inbox()), Outbox(tmp_path / "outbox.db")  # type: ignore[arg-type]
    feed.read_up.set()
    receivers = [AppriseReceiver(endpoint, tmp_path, "https://gw.example")]
    running = asyncio.create_task(Notifier(receivers, feed, outbox, tmp_path / "lock").run())
    await eventually(lambda: feed._listeners)
    request = request_now()
    Approvals(feed).say(request)
    (letter,) = await eventually(lambda: mailbox.letters)
    await eventually(lambda: outbox.next_due() is None)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    server.stop()
    assert letter["subject"] == "agent-7 → orders: waits for a decision"
    text = letter.get_body(("plain", "html")).get_content()  # type: ignore[union-attr]
    assert "deletes from public.orders" in text
    assert f"https://gw.example/approvals/{request.approval}" in text
    assert "card" not in text


def test_a_url_of_no_service_is_a_mistake_and_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("nonsense://user:secret-of-the-service@x")
    endpoint = AppriseEndpoint.model_validate({"name": "x", "url": {"file": "url"}})
    with pytest.raises(ConfigError) as refused:
        AppriseReceiver(endpoint, tmp_path, "")
    assert "secret-of-the-service" not in str(refused.value)
