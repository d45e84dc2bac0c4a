"""Another table is put in place of one, past the gateway, by who holds its lock while a command comes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any

import psycopg
import pytest
from support.gateway import Gateway
from support.postgres import Postgres
from support.wait import eventually

SECRET = "swapped-in-4711"
SWAP = """
    alter table t_swap_notes rename to t_swap_kept;
    alter table t_masks_swap rename column hash to note;
    alter table t_masks_swap rename to t_swap_notes
"""
BACK = """
    alter table t_swap_notes rename to t_masks_swap;
    alter table t_masks_swap rename column note to hash;
    alter table t_swap_kept rename to t_swap_notes
"""
REDEFINED = "create or replace view v_swap as select hash as note from t_masks_swap"
DEFINED = "create or replace view v_swap as select note from t_swap_notes"
_WAITS = (
    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
)


@pytest.fixture(scope="module")
def database(gateway: Gateway) -> Iterator[str]:
    """Its name, with a table of notes, a view of it, and a table with a sensitive column."""
    with psycopg.connect(gateway.conninfo("plain"), autocommit=True) as owner:
        owner.execute("create table t_swap_notes (id int, note text)")
        owner.execute("insert into t_swap_notes values (1, 'harmless')")
        owner.execute("create table t_masks_swap (id int, hash text)")
        owner.execute(f"insert into t_masks_swap values (1, '{SECRET}')")
        owner.execute(DEFINED)
        (name,) = owner.execute("select current_database()").fetchone() or ("",)
        yield str(name)
        owner.execute("drop view v_swap; drop table t_swap_notes, t_masks_swap")


@pytest.fixture
async def other(database: str, postgres: Postgres) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """Who swaps: the database's owner, on a connection of its own."""
    where = f"host={postgres.folder} port={postgres.port} user=app dbname={database}"
    async with await psycopg.AsyncConnection.connect(where) as connection:
        yield connection


@pytest.fixture
async def client(gateway: Gateway, database: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    conninfo = gateway.conninfo("masked")
    async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True) as connection:
        # After it the gateway has seen what was made by other ways, too.
        await connection.execute("create temporary table t_swap_seen (id int)")
        yield connection


async def _meanwhile(
    client: Awaitable[Any], other: psycopg.AsyncConnection[Any], postgres: Postgres, swap: str
) -> Any:
    """What the client gets, whose command comes while the swap holds its locks, and waits for them."""
    database = other.info.dbname
    await other.execute(swap)
    asked = asyncio.ensure_future(client)
    waits = lambda: int(postgres.execute(_WAITS, database)) > 0 or asked.done()  # noqa: E731
    await eventually(lambda: asyncio.to_thread(waits), seconds=60, what="a command that waits for the lock")
    await other.commit()
    return await asked


COMMANDS = (
    ("select upper(note) from t_swap_notes", SWAP, BACK),
    ("select note from t_swap_notes where note like 'swapped%'", SWAP, BACK),
    ("select upper(note) from v_swap", REDEFINED, DEFINED),
    ("copy (select upper(note) from t_swap_notes) to stdout", SWAP, BACK),
)


@pytest.mark.parametrize(("command", "swap", "back"), COMMANDS)
@pytest.mark.parametrize("prepare", [None, True], ids=["simple", "prepared"])
async def test_what_was_put_in_its_place_is_not_read(
    command: str,
    swap: str,
    back: str,
    prepare: bool | None,
    client: psycopg.AsyncConnection[Any],
    other: psycopg.AsyncConnection[Any],
    postgres: Postgres,
) -> None:
    async def ask() -> Any:
        if command.startswith("copy"):
            async with client.cursor().copy(command) as copy:
                return [bytes(block) async for block in copy]
        return await (await client.execute(command, prepare=prepare)).fetchall()

    before = await ask()
    with pytest.raises(psycopg.errors.SerializationFailure, match="changed by another session"):
        await _meanwhile(ask(), other, postgres, swap)
    await other.execute(back)
    await other.commit()
    assert await ask() == before


async def test_a_transaction_ends_by_it(
    client: psycopg.AsyncConnection[Any], other: psycopg.AsyncConnection[Any], postgres: Postgres
) -> None:
    """Whatever its isolation: its snapshot is older than the swap."""
    await client.execute("begin isolation level repeatable read")
    await client.execute("select count(*) from t_masks_swap")
    await client.execute("rollback")
    await client.execute("begin isolation level repeatable read")
    await client.execute("select 1")
    with pytest.raises(psycopg.errors.SerializationFailure):
        await _meanwhile(client.execute("select upper(note) from t_swap_notes"), other, postgres, SWAP)
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        await client.execute("select 1")
    await client.execute("rollback")
    await other.execute(BACK)
    await other.commit()


async def test_who_waits_for_a_lock_can_be_cancelled(
    client: psycopg.AsyncConnection[Any], other: psycopg.AsyncConnection[Any], postgres: Postgres
) -> None:
    await client.execute("set statement_timeout = '300ms'")
    await other.execute("lock table t_swap_notes")
    with pytest.raises(psycopg.errors.QueryCanceled, match="statement timeout"):
        await client.execute("select upper(note) from t_swap_notes")
    await other.rollback()
    assert (await (await client.execute("select 1")).fetchone()) == (1,)


async def test_what_others_do_elsewhere_stops_nobody(
    client: psycopg.AsyncConnection[Any], other: psycopg.AsyncConnection[Any]
) -> None:
    await other.execute("create table t_swap_else (id int)")
    await other.execute("alter table t_swap_notes add column more text")
    await other.execute("alter table t_swap_notes drop column more")
    await other.commit()
    cursor = await client.execute("select upper(note) from t_swap_notes")
    assert await cursor.fetchall() == [("HARMLESS",)]
    await other.execute("drop table t_swap_else")
    await other.commit()
