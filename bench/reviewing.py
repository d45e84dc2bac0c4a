"""What reviewers wait for while 2,000 requests do: the page of the queue, and a change on 200 of them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from support.builders import DANA
from support.gateway import Gateway

from bench.client import connect
from bench.row import Goal, Row
from bench.ways import Way

_REVIEWERS = 200
_TIMES = 20


async def measure(gateway: Gateway, way: Way) -> list[Row]:
    """Called while the requests wait."""
    async with _browser(gateway) as client:
        times = []
        for _ in range(_TIMES):
            begin = time.perf_counter()
            page = await client.get("/")
            times.append(time.perf_counter() - begin)
            page.raise_for_status()
        return [
            Row(
                "the queue's page with 2,000 pending, median",
                "ms",
                sorted(times)[_TIMES // 2] * 1000,
                goal=Goal.AT_MOST,
                bound=300,
            ),
            await _streams(client, page.text, way),
        ]


async def _streams(client: httpx.AsyncClient, page: str, way: Way) -> Row:
    seen = page.split('data-seen="', 1)[1].split('"', 1)[0]
    number = 1_000_000 + int(time.time())
    async with AsyncExitStack() as stack:
        answers = [
            await stack.enter_async_context(client.stream("GET", "/live", params={"seen": seen}))
            for _ in range(_REVIEWERS)
        ]
        listening = [asyncio.create_task(_heard(answer, str(number))) for answer in answers]
        requester = await connect(way.to("reviewed"))
        begin = time.perf_counter()
        asking = asyncio.create_task(requester.read_all(f"delete from held where id = {number}"))
        await asyncio.gather(*listening)
        took = time.perf_counter() - begin
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        requester.writer.transport.abort()
    return Row(f"from psql to all of {_REVIEWERS} reviewers' pages", "ms", took * 1000)


async def _heard(answer: httpx.Response, words: str) -> None:
    async for line in answer.aiter_lines():
        if line.startswith("data: ") and words in json.loads(line.removeprefix("data: "))["html"]:
            return


@asynccontextmanager
async def _browser(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=gateway.api_url, timeout=60, limits=limits) as client:
        await client.post("/sign-in", data={"name": DANA.name, "token": DANA.token})
        yield client
