"""The live stream before a real Kafka."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from httpx_sse import EventSource, ServerSentEvent, aconnect_sse
from support.api_role import Api
from support.builders import AGENT, AUDREY, DANA, Someone
from support.reviews import requested, settled

from infra.kafka.bus import Bus
from schemas.vocabulary import ApprovalState, Principal, PrincipalKind

_DEADLINE = 20  # seconds


@asynccontextmanager
async def following(api: Api, someone: Someone, last: str = "") -> AsyncIterator[EventSource]:
    headers = {"Last-Event-ID": last} if last else {}
    async with (
        api.client(someone) as client,
        aconnect_sse(client, "GET", "/api/stream", headers=headers) as source,
    ):
        yield source


async def until(source: EventSource, approval: str, kind: str) -> list[ServerSentEvent]:
    """The events up to this one."""
    seen = []
    async with asyncio.timeout(_DEADLINE):
        async for event in source.aiter_sse():
            seen.append(event)
            if event.event == kind and event.json()["id"] == approval:
                return seen
    raise AssertionError("the stream ended")


async def test_requests_and_their_end_arrive_live(api: Api, processors: Bus) -> None:
    request = requested(datetime.now(UTC))
    async with following(api, DANA) as source:
        await processors.publish_durably(request)
        asked = (await until(source, request.approval, "approval.requested"))[-1]
        assert asked.json()["command"] == "delete from orders where id = 7"
        assert asked.json()["can_decide"] is True

    async with following(api, DANA, last=asked.id) as source:
        await processors.publish_durably(settled(request, ApprovalState.REJECTED))
        ended = (await until(source, request.approval, "approval.settled"))[-1]
        assert ended.json()["state"] == "rejected"


async def test_a_new_client_first_gets_what_waits(api: Api, processors: Bus) -> None:
    waiting = requested(datetime.now(UTC))
    over = requested(datetime.now(UTC))
    for event in (waiting, over, settled(over)):
        await processors.publish_durably(event)
    # The API has seen all of it once it has seen the settlement.
    async with following(api, DANA, last="0:0") as source:
        await until(source, over.approval, "approval.settled")

    async with following(api, DANA) as source:
        seen = await until(source, waiting.approval, "approval.requested")

    assert over.approval not in [event.json()["id"] for event in seen]


async def test_who_comes_back_gets_what_was_missed(api: Api, processors: Bus) -> None:
    first = requested(datetime.now(UTC))
    async with following(api, DANA) as source:
        await processors.publish_durably(first)
        last = (await until(source, first.approval, "approval.requested"))[-1].id

    missed = requested(datetime.now(UTC))
    await processors.publish_durably(missed)
    await processors.publish_durably(settled(first))

    async with following(api, DANA, last=last) as source:
        seen = await until(source, first.approval, "approval.settled")
        if missed.approval not in [event.json()["id"] for event in seen]:
            seen += await until(source, missed.approval, "approval.requested")

    told = [(event.event, event.json()["id"]) for event in seen]
    assert ("approval.requested", missed.approval) in told
    assert ("approval.requested", first.approval) not in told


async def test_nobody_is_told_of_what_they_may_not_see(api: Api, processors: Bus) -> None:
    foreign = requested(datetime.now(UTC), principal=Principal("agent-9", PrincipalKind.AGENT, ("agents",)))
    own = requested(datetime.now(UTC))
    async with following(api, AGENT) as source, following(api, AUDREY) as auditor:
        await processors.publish_durably(foreign)
        await until(auditor, foreign.approval, "approval.requested")
        await processors.publish_durably(own)
        seen = await until(source, own.approval, "approval.requested")

    assert foreign.approval not in [event.json()["id"] for event in seen]


async def test_an_id_that_is_not_ours_is_refused(api: Api) -> None:
    async with api.client(DANA) as client:
        answer = await client.get("/api/stream", headers={"Last-Event-ID": "yesterday"})

    assert answer.status_code == 400
    assert answer.json()["type"].endswith(":unknown-event-id")


async def test_without_a_token_there_is_no_stream(api: Api) -> None:
    async with httpx.AsyncClient(base_url=api.url) as client:
        answer = await client.get("/api/stream")

    assert answer.status_code == 401
