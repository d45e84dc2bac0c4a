"""2,000 commands held at once on one ingress: all wait, one more is let through meanwhile, all leave."""

import asyncio
import time
from http import HTTPStatus

from support.builders import DANA
from support.gateway import Gateway
from support.wait import eventually

from bench import reviewing
from bench.client import connect
from bench.idle import connect_many
from bench.processes import MIB, Growth, roles
from bench.row import Goal, Row
from bench.ways import Way

_COMMANDS = 2000


def measure(gateway: Gateway, way: Way) -> list[Row]:
    return asyncio.run(_measure(gateway, way))


async def _measure(gateway: Gateway, way: Way) -> list[Row]:
    ingress = roles(gateway.process.pid)["ingress"]
    with Growth(ingress) as growth:
        clients = await connect_many(way.to("reviewed"), _COMMANDS)
        begin = time.perf_counter()
        waiting = [
            asyncio.create_task(client.read_all(f"delete from held where id = {number}"))
            for number, client in enumerate(clients)
        ]
        await eventually(
            lambda: _pending(gateway), seconds=180, every=0.5, what=f"{_COMMANDS} pending approvals"
        )
        took = time.perf_counter() - begin
        other = await connect(way)
        begin = time.perf_counter()
        await other.read_all("select 1")
        meanwhile = time.perf_counter() - begin
        await other.close()
    seen = await reviewing.measure(gateway, way)
    answered = sum(task.done() and not task.cancelled() and task.exception() is None for task in waiting)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for client in clients:
        client.writer.transport.abort()
    held = _COMMANDS - answered
    return [
        Row("commands held at once", "commands", held, goal=Goal.AT_LEAST, bound=_COMMANDS),
        Row("until the reviewers see all of them", "s", took),
        Row("SELECT 1 meanwhile", "ms", meanwhile * 1000),
        Row("a held command with its connection", "kB", growth.bytes / _COMMANDS / 1000),
        Row("the ingress grows by", "MiB", growth.bytes / MIB),
        *seen,
    ]


async def _pending(gateway: Gateway) -> bool:
    async with gateway.api(DANA) as api:
        answer = await api.get("/api/approvals", params={"state": "pending"})
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            return False  # it has fallen behind for a moment, and says so
        answer.raise_for_status()
        return len(answer.json()) >= _COMMANDS
