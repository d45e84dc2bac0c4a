"""From a revocation to the end of what ran by it: a command under an approval, a session under a token.

Counted from the start of the POST to the client's hearing of the end, which is after the target's.
"""

import asyncio
import statistics
import time

import asyncpg
import httpx
from support.builders import AGENT, DANA
from support.gateway import Gateway
from support.wait import eventually

from bench.row import Goal, Row

_TIMES = 20


def measure(gateway: Gateway) -> list[Row]:
    return asyncio.run(_measure(gateway))


async def _measure(gateway: Gateway) -> list[Row]:
    commands, sessions = [], []
    async with gateway.api(DANA) as reviewer:
        for number in range(_TIMES):
            commands.append(await _command(gateway, reviewer, number))
            sessions.append(await _session(gateway, reviewer))
    return [
        _row("from an approval's revocation to its command's end", commands, 1000),
        _row("from a token's revocation to its session's end", sessions, 2000),
    ]


def _row(name: str, seconds: list[float], bound: float) -> Row:
    p95 = statistics.quantiles(seconds, n=20)[-1]
    return Row(f"{name}, p95", "ms", p95 * 1000, goal=Goal.AT_MOST, bound=bound)


async def _command(gateway: Gateway, reviewer: httpx.AsyncClient, number: int) -> float:
    """Seconds."""
    requester = await asyncpg.connect(gateway.conninfo("reviewed", AGENT))
    notices: asyncio.Queue[str] = asyncio.Queue()
    requester.add_log_listener(lambda _, notice: notices.put_nowait(str(notice)))
    sql = f"insert into held select {-1_000_000 - number} from pg_sleep(60)"
    running = asyncio.create_task(requester.execute(sql))
    await notices.get()
    approval = await eventually(lambda: _pending(reviewer, sql), what="the approval")
    (await reviewer.post(f"/api/approvals/{approval}/approve", json={"comment": ""})).raise_for_status()
    await notices.get()  # that it was approved
    begin = time.perf_counter()
    (
        await reviewer.post(f"/api/approvals/{approval}/revoke", json={"comment": "measured"})
    ).raise_for_status()
    await asyncio.wait([running])
    took = time.perf_counter() - begin
    assert isinstance(running.exception(), asyncpg.PostgresError), running
    await requester.close()
    return took


async def _pending(reviewer: httpx.AsyncClient, sql: str) -> str | None:
    found = (await reviewer.get("/api/approvals")).json()
    return next((one["id"] for one in found if one["command"] == sql), None)


async def _session(gateway: Gateway, reviewer: httpx.AsyncClient) -> float:
    """Seconds."""
    grant = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": DANA.token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    given = (await reviewer.post("/api/token", data=grant)).raise_for_status().json()
    session = await asyncpg.connect(gateway.conninfo("plain", DANA, given["access_token"]))
    ended = asyncio.Event()
    session.add_termination_listener(lambda _: ended.set())
    body = {"principal": DANA.name, "token": given["token_id"]}
    begin = time.perf_counter()
    (await reviewer.post("/api/revocations", json=body)).raise_for_status()
    await ended.wait()
    return time.perf_counter() - begin
