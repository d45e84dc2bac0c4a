"""Each part of the gateway away or killed: nothing runs unasked, nothing runs twice, nothing is lost."""

import asyncio
import json

import asyncpg
import pytest
from support.breakable import Breakable
from support.builders import DANA
from support.deciding import decide
from support.wait import eventually


async def held(connection: asyncpg.Connection, sql: str) -> tuple["asyncio.Task[str]", str]:
    """A command that waits for a reviewer, and its approval."""
    notices: asyncio.Queue[str] = asyncio.Queue()
    connection.add_log_listener(lambda _c, message: notices.put_nowait(message.detail or ""))
    running = asyncio.create_task(connection.execute(sql))
    return running, str(json.loads(await asyncio.wait_for(notices.get(), 30))["approval"])


async def test_without_the_processors_a_command_is_refused_at_its_deadline(breakable: Breakable) -> None:
    connection = await breakable.connect()
    refused = pytest.raises(asyncpg.InsufficientPrivilegeError, match="no verdict came in time")
    with breakable.paused("processors"), refused:
        await connection.execute("update orders set note = 'unasked' where id = 1")
    await breakable.works()
    assert await connection.fetchval("select count(*) from orders where note = 'unasked'") == 0
    await connection.close()


async def test_without_kafka_new_commands_are_refused_at_once_and_new_sessions_too(
    breakable: Breakable,
) -> None:
    connection = await breakable.connect()
    assert await connection.fetchval("select 1") == 1
    with breakable.paused("kafka"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="refused"):
            await connection.execute(
                "select 1"
            )  # may be held until its deadline: Kafka was there a moment ago

        async def is_refused_at_once() -> bool:
            began = asyncio.get_running_loop().time()
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="refused"):
                await connection.execute("select 1")
            return asyncio.get_running_loop().time() - began < 1

        await eventually(is_refused_at_once, what="a refusal at once")
        with pytest.raises(asyncpg.CannotConnectNowError, match="Kafka"):
            await breakable.connect()
    await breakable.works()
    assert await connection.fetchval("select 1") == 1, "the session must have survived"
    await connection.close()


async def test_a_killed_kafka_comes_back_and_nothing_of_what_ran_is_missing(breakable: Breakable) -> None:
    connection = await breakable.connect()
    await connection.fetchval("select 'before-the-kill'")
    await breakable.kill("kafka")
    await breakable.works()
    await connection.fetchval("select 'after-the-kill'")

    def texts() -> list[str]:
        rows = breakable.gateway.audit(
            "select text from commands where outcome = 'succeeded' and stage = 'execute' "
            "and (text like '%before-the-kill%' or text like '%after-the-kill%') order by time"
        )
        return [str(row["text"]) for row in rows]

    await eventually(
        lambda: texts() == ["select 'before-the-kill'", "select 'after-the-kill'"],
        seconds=60,
        what="both rows",
    )
    await connection.close()


async def test_an_approval_survives_the_processors(breakable: Breakable) -> None:
    connection = await breakable.connect()
    running, approval = await held(connection, "update orders set note = 'survived' where id = 2")
    await breakable.kill("processors")
    await decide(breakable.gateway, DANA, approval, "approve", "")
    assert await asyncio.wait_for(running, 60) == "UPDATE 1"
    await connection.close()


async def test_a_deadline_survives_the_processors(breakable: Breakable) -> None:
    connection = await breakable.connect()
    running, approval = await held(connection, "update orders set note = 'too late' where id = 3")
    await breakable.kill("processors")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="no reviewer decided in time"):
        await asyncio.wait_for(running, 60)  # the rule's timeout is 12 s
    async with breakable.gateway.api(DANA) as api:
        assert (await api.get(f"/api/approvals/{approval}")).json()["state"] == "timed_out"
    await connection.close()


async def test_an_approval_survives_the_api(breakable: Breakable) -> None:
    connection = await breakable.connect()
    running, approval = await held(connection, "update orders set note = 'api' where id = 4")
    await breakable.kill("api")
    await decide(breakable.gateway, DANA, approval, "approve", "")
    assert await asyncio.wait_for(running, 60) == "UPDATE 1"
    await connection.close()


async def test_a_killed_ingress_runs_nothing_twice_and_its_commands_end_on_record(
    breakable: Breakable,
) -> None:
    connection = await breakable.connect()
    running, approval = await held(connection, "update orders set note = note || '!' where id = 5")
    running.add_done_callback(lambda done: done.exception())
    await breakable.kill("ingress")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await running
    async with breakable.gateway.api(DANA) as api:
        await api.post(f"/api/approvals/{approval}/approve", json={"comment": ""})
    await breakable.works()
    again = await breakable.connect()
    assert await again.fetchval("select count(*) from orders where note like '%!'") == 0

    def outcome() -> list[dict[str, object]]:
        return breakable.gateway.audit(f"select outcome from commands where approval = '{approval}'")

    await eventually(lambda: outcome() == [{"outcome": "unknown"}], seconds=60, what="its end on record")
    await again.close()


async def test_clickhouse_away_for_a_while_loses_and_doubles_nothing(breakable: Breakable) -> None:
    connection = await breakable.connect()
    with breakable.paused("clickhouse"):
        for number in range(20):
            await connection.fetchval(f"select 'while-away-{number}'")
    await breakable.kill("clickhouse")
    for number in range(20, 25):
        await connection.fetchval(f"select 'while-away-{number}'")
    await breakable.kill("projections")

    def rows() -> dict[str, int]:
        found = breakable.gateway.audit(
            "select count() as all, uniqExact(text) as different from commands "
            "where text like '%while-away-%' and stage = 'execute'"
        )
        return {name: int(value) for name, value in found[0].items()}

    await eventually(lambda: rows() == {"all": 25, "different": 25}, seconds=90, what="25 rows once each")
    await connection.close()


async def test_every_event_is_in_clickhouse_exactly_once(breakable: Breakable) -> None:
    """After all that happened above: no place of a topic is missing or there twice."""

    def holes() -> list[dict[str, object]]:
        return breakable.gateway.audit(
            "select topic, partition, count() as events, uniqExact(offset) as places, "
            "max(offset) - min(offset) + 1 as span from events group by topic, partition "
            "having events != places or (span != places and topic not like '%heartbeats%')"
        )

    await eventually(lambda: not holes(), seconds=30, what="no holes and no doubles")
