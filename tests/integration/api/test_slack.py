"""Slack, played by a server that checks what Slack would: tokens, limits of blocks, known messages."""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI, Request
from support.api_role import Api, start_api
from support.builders import AGENT, AUDREY, DANA
from support.processes import free_port, stop, tail
from support.reviews import requested, settled
from support.wait import block_until, eventually

from infra.clock import now
from infra.kafka.address import KafkaAddress
from infra.kafka.bus import Bus, Received
from infra.kafka.embedded import EmbeddedKafka
from infra.keys import keyring, signer
from schemas.events import ApprovalRequested, ReviewDecided
from schemas.topics import APPROVALS
from schemas.vocabulary import Answer, ApprovalState, Role

_TOKEN, _SECRET = "xoxb-1-of-the-app", "signing-secret-of-the-app"
_DANA, _STRANGER = "U0DANA", "U0STRANGER"


@dataclass
class Slack:
    """What stands in the channel by its `ts`, what was told to one alone, and which dialogues are open."""

    port: int
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    views: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/api/{method}")
        async def call(method: str, request: Request) -> Any:
            if request.headers.get("authorization") != f"Bearer {_TOKEN}":
                return {"ok": False, "error": "invalid_auth"}
            content = await request.json()
            if method == "views.open":
                self.views.append(content["view"])
                return {"ok": bool(content["trigger_id"])}
            if not _is_valid(content["blocks"]):
                return {"ok": False, "error": "invalid_blocks"}
            if method == "chat.update" and content["ts"] not in self.messages:
                return {"ok": False, "error": "message_not_found"}
            ts = content.get("ts") or f"{time.time_ns()}.1"
            self.messages[ts] = content
            return {"ok": True, "channel": content["channel"], "ts": ts}

        @app.post("/hooks/one")
        async def hook(request: Request) -> None:
            self.told.append((await request.json())["text"])

        return app

    @property
    def hook(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/one"

    def about(self, request: ApprovalRequested) -> str:
        """The message about this request, as JSON."""
        found = [json.dumps(m) for m in self.messages.values() if request.approval in json.dumps(m)]
        assert len(found) <= 1
        return found[0] if found else ""


def _is_valid(blocks: list[dict[str, Any]]) -> bool:
    """Block Kit's limits: blocks, texts of headers and sections, values of buttons."""
    limits = {"header": 150, "section": 3000}
    return len(blocks) <= 50 and all(
        1 <= len(block["text"]["text"]) <= limits[block["type"]]
        for block in blocks
        if block["type"] in limits
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slack() -> AsyncIterator[Slack]:
    found = Slack(free_port())
    server = uvicorn.Server(uvicorn.Config(found.app(), port=found.port, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield found
    server.should_exit = True
    await serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told_api(slack: Slack, kafka: EmbeddedKafka, tmp_path_factory: Any) -> AsyncIterator[Api]:
    """The api role with this Slack."""
    folder: Path = tmp_path_factory.mktemp("slack")
    (folder / "token").write_text(_TOKEN)
    (folder / "secret").write_text(_SECRET)
    origin = f"http://127.0.0.1:{slack.port}"
    channel = {
        "token": {"file": "token"},
        "signing_secret": {"file": "secret"},
        "channel": "C0REVIEWS",
        "users": {_DANA: DANA.name},
        "api": f"{origin}/api",
        "hooks": origin,
    }
    running = await asyncio.to_thread(
        start_api, folder, kafka.bootstrap, more={"notifications": {"slack": channel}}
    )
    try:
        await asyncio.to_thread(block_until, lambda: running.answers("/readyz"), seconds=60, what="readiness")
        yield running
    finally:
        assert stop(running.process) == 0, tail(running.log)


@pytest_asyncio.fixture(loop_scope="module")
async def speaking(told_api: Api, kafka: EmbeddedKafka) -> AsyncIterator[Bus]:
    """What the processors say."""
    bus = Bus(KafkaAddress(kafka.bootstrap), signer(told_api.state, Role.PROCESSORS), keyring(told_api.state))
    await bus.start()
    yield bus
    await bus.stop()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def press(api: Api, payload: dict[str, Any], secret: str = _SECRET) -> httpx.Response:
    """As Slack sends what somebody did."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    stamp = str(int(time.time()))
    digest = hmac.digest(secret.encode(), f"v0:{stamp}:".encode() + body, "sha256").hex()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={digest}",
    }
    async with httpx.AsyncClient() as client:
        return await client.post(f"{api.url}/api/slack/actions", content=body, headers=headers)


def button(slack: Slack, request: ApprovalRequested, answer: Answer, user: str = _DANA) -> dict[str, Any]:
    return {
        "type": "block_actions",
        "user": {"id": user},
        "trigger_id": "t.1",
        "response_url": slack.hook,
        "actions": [{"action_id": answer.value, "value": f"{request.approval} {request.digest}"}],
    }


async def posted(slack: Slack, bus: Bus, **more: Any) -> ApprovalRequested:
    request = requested(now(), **more)
    await bus.publish_durably(request)
    await eventually(lambda: slack.about(request), what="the message")
    return request


async def decision_on(bus: Bus, request: ApprovalRequested) -> ReviewDecided:
    subscription = await bus.consume_since(APPROVALS, request.envelope.time)
    try:
        async for batch in subscription.batches(wait=0.1):
            for item in batch:
                event = item.event if isinstance(item, Received) else None
                if isinstance(event, ReviewDecided) and event.approval == request.approval:
                    return event
    finally:
        await subscription.close()
    raise AssertionError("the subscription ended")


async def test_a_button_decides_as_the_linked_person_and_the_message_changes(
    told_api: Api, speaking: Bus, slack: Slack
) -> None:
    request = await posted(slack, speaking, text="delete from orders where id = 77")
    assert "delete from orders where id = 77" in slack.about(request)
    assert (await press(told_api, button(slack, request, Answer.APPROVE))).status_code == 200
    async with asyncio.timeout(20):
        decided = await decision_on(speaking, request)
    assert (decided.reviewer.name, decided.answer, decided.digest) == ("dana", Answer.APPROVE, request.digest)
    await speaking.publish_durably(settled(request))
    await eventually(lambda: "approved by dana" in slack.about(request), seconds=30)
    assert '"approve"' not in slack.about(request)


async def test_a_rejection_asks_why(told_api: Api, speaking: Bus, slack: Slack) -> None:
    request = await posted(slack, speaking)
    await press(told_api, button(slack, request, Answer.REJECT))
    view = (await eventually(lambda: slack.views))[-1]
    answer = {
        "type": "view_submission",
        "user": {"id": _DANA},
        "view": {
            "callback_id": view["callback_id"],
            "private_metadata": view["private_metadata"],
            "state": {
                "values": {"comment": {"comment": {"type": "plain_text_input", "value": "Use staging."}}}
            },
        },
    }
    empty = json.loads(json.dumps(answer).replace("Use staging.", " "))
    assert (await press(told_api, empty)).json()["response_action"] == "errors"
    assert (await press(told_api, answer)).content == b""
    async with asyncio.timeout(20):
        decided = await decision_on(speaking, request)
    assert (decided.answer, decided.comment) == (Answer.REJECT, "Use staging.")
    await speaking.publish_durably(settled(request, ApprovalState.REJECTED, comment="Use staging."))


async def test_nobody_else_decides(told_api: Api, speaking: Bus, slack: Slack) -> None:
    request = await posted(slack, speaking)
    before = len(slack.told)
    await press(told_api, button(slack, request, Answer.APPROVE, _STRANGER))
    await eventually(lambda: len(slack.told) > before)
    assert "linked to nobody" in slack.told[-1]

    other = button(slack, request, Answer.APPROVE)
    other["actions"][0]["value"] = f"{request.approval} {'0' * 64}"
    await press(told_api, other)
    await eventually(lambda: len(slack.told) > before + 1)
    assert "not what you were shown" in slack.told[-1]

    elsewhere = button(slack, request, Answer.APPROVE, _STRANGER)
    elsewhere["response_url"] = f"{told_api.url}/sign-out"
    await press(told_api, elsewhere)
    async with told_api.client(DANA) as client:
        shown = (await client.get(f"/api/approvals/{request.approval}")).json()
    assert (shown["state"], shown["decisions"]) == ("pending", [])
    await speaking.publish_durably(settled(request))


async def test_what_slack_did_not_sign_is_refused(told_api: Api, speaking: Bus, slack: Slack) -> None:
    request = await posted(slack, speaking)
    forged = await press(told_api, button(slack, request, Answer.APPROVE), secret="guessed")
    assert forged.status_code == 401
    nonsense = await press(told_api, {"type": "block_actions"})
    assert nonsense.status_code == 400
    async with told_api.client(DANA) as client:
        assert (await client.get(f"/api/approvals/{request.approval}")).json()["decisions"] == []
    await speaking.publish_durably(settled(request))


async def test_what_nobody_took_is_for_administrators_and_auditors(told_api: Api) -> None:
    async with told_api.client(AUDREY) as client:
        assert (await client.get("/api/notifications/dead")).json() == []
        assert (await client.post("/api/notifications/dead/retry")).json() == {"messages": 0}
    for someone in (AGENT, DANA):
        async with told_api.client(someone) as client:
            assert (await client.get("/api/notifications/dead")).status_code == 403
            assert (await client.post("/api/notifications/dead/retry")).status_code == 403
