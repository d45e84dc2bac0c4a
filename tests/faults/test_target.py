"""The target down, gone in the middle, and clients that go in the middle."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import asyncpg
import pytest
from support.breakable import Breakable
from support.wait import eventually


def backend(breakable: Breakable, pattern: str) -> str:
    """The process ids of the target's sessions whose last query looks like this."""
    return breakable.postgres.execute(
        "select string_agg(pid::text, ',') from pg_stat_activity "
        f"where query ~ '{pattern}' and pid <> pg_backend_pid()"
    )


async def outcome_of(breakable: Breakable, text: str, expected: str) -> None:
    def found() -> list[object]:
        rows = breakable.gateway.audit(
            f"select outcome from commands where text like '%{text}%' and stage = 'execute'"
        )
        return [row["outcome"] for row in rows]

    await eventually(lambda: found() == [expected], seconds=40, what=f"{text}: {expected}")


async def test_a_target_that_drops_in_the_middle_of_a_result(breakable: Breakable) -> None:
    connection = await breakable.connect("plain")
    running = asyncio.create_task(connection.execute("select pg_sleep(60), 'dropped-middle'"))
    pid = await eventually(lambda: backend(breakable, "^select pg_sleep.*dropped-middle"))
    breakable.postgres.execute(f"select pg_terminate_backend({pid})")
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await running
    await outcome_of(breakable, "dropped-middle", "unknown")
    await breakable.works()


async def test_a_client_that_leaves_while_its_command_runs(breakable: Breakable) -> None:
    connection = await breakable.connect("plain")
    running = asyncio.create_task(connection.execute("select pg_sleep(60), 'left-running'"))
    await eventually(lambda: backend(breakable, "^select pg_sleep.*left-running"))
    connection.terminate()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await running
    await outcome_of(breakable, "left-running", "unknown")
    await eventually(
        lambda: (
            not breakable.postgres.execute(
                "select 1 from pg_stat_activity "
                "where state = 'active' and query ~ '^select pg_sleep.*left-running'"
            )
        ),
        what="the statement cancelled on the target",
    )


async def test_a_client_that_leaves_in_the_middle_of_copy(breakable: Breakable) -> None:
    connection = await breakable.connect("plain")
    await connection.execute("create table if not exists t_half (x int)")

    async def half() -> AsyncIterator[bytes]:
        for number in range(3):
            yield f"{number}\n".encode() * 1000
        connection.terminate()
        yield b"4\n"

    # asyncpg itself stumbles over a connection that is gone.
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError, AttributeError)):
        await connection.copy_to_table("t_half", source=half())
    again = await breakable.connect("plain")
    assert await again.fetchval("select count(*) from t_half") == 0
    await again.execute("drop table t_half")
    await again.close()


async def test_a_target_that_is_down(breakable: Breakable) -> None:
    """The last of all here: the target does not come back."""
    connection = await breakable.connect()
    os.kill(breakable.postgres.pid, signal.SIGINT)
    await eventually(connection.is_closed, what="the end of the session")

    async def says_so() -> bool:
        try:
            await breakable.connect()
        except asyncpg.PostgresError as error:
            return "cannot be opened" in str(error) and "127.0.0.1" not in str(error)
        return False

    await eventually(says_so, seconds=30, what="a clear refusal")
