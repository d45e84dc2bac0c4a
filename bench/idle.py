"""1,000 idle connections: what one costs the ingress, as the difference of its memory."""

import asyncio

from support.gateway import Gateway

from bench.client import Client, connect
from bench.processes import roles, rss
from bench.row import Goal, Row
from bench.ways import Way

_CONNECTIONS = 1000
_AT_ONCE = 16


def measure(gateway: Gateway, way: Way) -> list[Row]:
    return asyncio.run(_measure(gateway, way))


async def _measure(gateway: Gateway, way: Way) -> list[Row]:
    ingress = roles(gateway.process.pid)["ingress"]
    for client in await connect_many(way, 100):  # what is made once is not counted
        await client.close()
    before = rss(ingress)
    clients = await connect_many(way, _CONNECTIONS)
    grown = rss(ingress) - before
    for client in clients:
        await client.close()
    each = grown / _CONNECTIONS / 1000
    return [Row("an idle connection", "kB", each, goal=Goal.AT_MOST, bound=100)]


async def connect_many(way: Way, count: int) -> list[Client]:
    """So many sessions, a few being opened at a time."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one() -> Client:
        async with turn:
            return await connect(way)

    return await asyncio.gather(*(one() for _ in range(count)))
