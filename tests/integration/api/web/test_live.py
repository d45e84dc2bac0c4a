"""The live stream of the pages: 200 reviewers hear of a request at once, and each gets one row."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from support.api_role import Api
from support.builders import AGENT, DANA, Someone
from support.reviews import requested, settled

from infra.kafka.bus import Bus

_REVIEWERS = 200
_SECONDS = 20.0  # on a machine that others use as well; alone it is a fraction of one


@asynccontextmanager
async def browser_of(api: Api, someone: Someone = DANA) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=api.url, timeout=60, limits=limits) as client:
        await client.post("/sign-in", data={"name": someone.name, "token": someone.token})
        yield client


async def heard(answer: httpx.Response, approval: str, kind: str) -> dict[str, Any]:
    """The first event of this kind about this approval."""
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: ") and name == kind:
            message: dict[str, Any] = json.loads(line.removeprefix("data: "))
            if message["id"] == approval:
                return message
    raise AssertionError("the stream ended")


async def seen_by(client: httpx.AsyncClient) -> str:
    """How far the page of the queue is."""
    page = (await client.get("/")).text
    return page.split('data-seen="', 1)[1].split('"', 1)[0]


async def test_200_reviewers_hear_of_a_request_and_of_its_end(api: Api, processors: Bus) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(browser_of(api))
        seen = await seen_by(client)
        streams = [
            await stack.enter_async_context(client.stream("GET", "/live", params={"seen": seen}))
            for _ in range(_REVIEWERS)
        ]
        request = requested(datetime.now(UTC), text="delete from orders where note = '<b>'")
        begin = time.monotonic()
        listening = [
            asyncio.create_task(heard(answer, request.approval, "approval.requested")) for answer in streams
        ]
        await processors.publish_durably(request)
        async with asyncio.timeout(_SECONDS):
            messages = await asyncio.gather(*listening)
        took = time.monotonic() - begin
    print(f"{_REVIEWERS} reviewers heard of it within {took:.2f} s")
    assert {message["mine"] for message in messages} == {True}
    assert "&lt;b&gt;" in messages[0]["html"]
    assert "<b>" not in messages[0]["html"]
    await processors.publish_durably(settled(request))


async def test_a_page_goes_on_where_it_was_made(api: Api, processors: Bus) -> None:
    async with browser_of(api) as client:
        seen = await seen_by(client)
        first, second = requested(datetime.now(UTC)), requested(datetime.now(UTC))
        for event in (first, second, settled(first)):
            await processors.publish_durably(event)
        async with asyncio.timeout(_SECONDS), client.stream("GET", "/live", params={"seen": seen}) as answer:
            ended = await heard(answer, first.approval, "approval.settled")
        assert (ended["html"], ended["mine"]) == ("", False)
        async with asyncio.timeout(_SECONDS), client.stream("GET", "/live", params={"seen": seen}) as answer:
            assert (await heard(answer, second.approval, "approval.requested"))["mine"] is True


async def test_the_stream_is_for_who_is_signed_in_and_says_what_they_may_see(
    api: Api, processors: Bus
) -> None:
    async with httpx.AsyncClient(base_url=api.url) as nobody:
        assert (await nobody.get("/live")).status_code == 401
    others = requested(datetime.now(UTC), reviewers=("hr",))
    own = requested(datetime.now(UTC), text="select 'of agent-7'")
    async with browser_of(api, AGENT) as client:
        await processors.publish_durably(others)
        await processors.publish_durably(own)
        async with asyncio.timeout(_SECONDS), client.stream("GET", "/live") as answer:
            assert (await heard(answer, own.approval, "approval.requested"))["mine"] is False


@pytest.mark.parametrize("seen", ["x", "0:1:2", "0:99999999999999999999999"])
async def test_a_place_of_somebody_elses_is_no_place(api: Api, seen: str) -> None:
    async with browser_of(api) as client:
        if seen.count(":") == 1:
            async with client.stream("GET", "/live", params={"seen": seen}) as answer:
                assert answer.status_code == 200
        else:
            assert (await client.get("/live", params={"seen": seen})).status_code == 400
