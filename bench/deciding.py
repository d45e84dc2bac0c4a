"""From a reviewer's decision to the held command at its target.

Counted from the start of the reviewer's POST, which is stricter than from its answer, to the target's own
clock within the statement: on one machine both read the same clock.
"""

import asyncio
import json
import statistics
import time

import httpx
import psycopg
from support.builders import DANA
from support.gateway import Gateway
from support.wait import eventually

from bench.row import Goal, Row

_WARM = 10
_TIMES = 200


def measure(gateway: Gateway) -> list[Row]:
    return asyncio.run(_measure(gateway))


async def _measure(gateway: Gateway) -> list[Row]:
    took = []
    async with (
        await psycopg.AsyncConnection.connect(gateway.conninfo("reviewed"), autocommit=True) as requester,
        gateway.api(DANA) as reviewer,
    ):
        approvals: asyncio.Queue[str] = asyncio.Queue()
        requester.add_notice_handler(lambda notice: _hear(notice, approvals))
        for number in range(_WARM + _TIMES):
            took.append(await _once(requester, reviewer, approvals, number))
    cuts = statistics.quantiles(took[_WARM:], n=100)
    name = "from a decision's POST to its command at the target"
    return [
        Row(f"{name}, p50", "ms", cuts[49], goal=Goal.AT_MOST, bound=15),
        Row(f"{name}, p99", "ms", cuts[98], goal=Goal.AT_MOST, bound=60),
    ]


async def _once(
    requester: psycopg.AsyncConnection[tuple[float]],
    reviewer: httpx.AsyncClient,
    approvals: asyncio.Queue[str],
    number: int,
) -> float:
    """Milliseconds."""
    sql = f"insert into held values ({-1 - number}) returning extract(epoch from clock_timestamp())::float8"
    asking = asyncio.create_task(requester.execute(sql.encode()))
    approval = await approvals.get()
    await eventually(lambda: _is_shown(reviewer, approval), every=0.005, what=f"approval {approval}")
    begin = time.time()
    (await reviewer.post(f"/api/approvals/{approval}/approve", json={"comment": ""})).raise_for_status()
    found = await (await asking).fetchone()
    assert found is not None
    return (found[0] - begin) * 1000


async def _is_shown(reviewer: httpx.AsyncClient, approval: str) -> bool:
    """The API reads of it beside the client."""
    return (await reviewer.get(f"/api/approvals/{approval}")).is_success


def _hear(notice: psycopg.errors.Diagnostic, approvals: asyncio.Queue[str]) -> None:
    if notice.message_detail:
        approvals.put_nowait(json.loads(notice.message_detail)["approval"])
