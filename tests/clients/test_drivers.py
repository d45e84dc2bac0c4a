"""asyncpg and psycopg, as agents use them: prepared statements, binary results, pipelines, COPY, NOTIFY."""

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg
import psycopg
import pytest
from support.builders import DANA
from support.deciding import decide
from support.gateway import Gateway
from support.wait import eventually


@pytest.fixture
async def plain(gateway: Gateway) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(gateway.conninfo("plain"))
    yield connection
    await connection.close()


@pytest.fixture
async def orders(gateway: Gateway) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(gateway.conninfo("orders"))
    yield connection
    await connection.close()


async def test_prepared_statements_with_parameters(plain: asyncpg.Connection) -> None:
    statement = await plain.prepare("select $1::int + $2::int as sum, $3::text as word")
    for number in range(5):
        row = await statement.fetchrow(number, 1, "x")
        assert row is not None
        assert (row["sum"], row["word"]) == (number + 1, "x")


async def test_binary_results_are_masked(orders: asyncpg.Connection) -> None:
    row = await orders.fetchrow(
        "select id, email, card, ssn, birthday, card || 'x' as more from customers where id = $1", 1
    )
    assert row is not None
    assert (row["id"], row["email"], row["card"]) == (1, "j***@example.com", "************1111")
    assert row["birthday"] is not None
    assert "4111" not in repr(row)


async def test_a_cursor_fetches_in_steps(plain: asyncpg.Connection) -> None:
    async with plain.transaction():
        cursor = await plain.cursor("select generate_series(1, 1000)")
        assert [row[0] for row in await cursor.fetch(10)] == list(range(1, 11))
        await cursor.forward(980)
        assert len(await cursor.fetch(100)) == 10


async def test_a_transaction_rolls_back(plain: asyncpg.Connection) -> None:
    transaction = plain.transaction()
    await transaction.start()
    await plain.execute("create table t_rolled_back (x int)")
    await transaction.rollback()
    assert await plain.fetchval("select to_regclass('t_rolled_back')") is None


async def test_an_error_of_the_target_arrives_as_it_is(plain: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await plain.fetchval("select 1 / $1::int", 0)
    assert await plain.fetchval("select 1") == 1


async def test_copy_in_and_out(plain: asyncpg.Connection) -> None:
    await plain.execute("create table t_copied (id int, note text)")
    rows = [(number, f"note {number}") for number in range(5000)]
    assert await plain.copy_records_to_table("t_copied", records=rows) == "COPY 5000"
    found: list[bytes] = []

    async def take(data: bytes) -> None:
        found.append(data)

    await plain.copy_from_query("select id from t_copied order by id", output=take)
    assert b"".join(found).split() == [str(number).encode() for number in range(5000)]
    await plain.execute("drop table t_copied")


async def test_notifications_arrive(gateway: Gateway, plain: asyncpg.Connection) -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()
    other = await asyncpg.connect(gateway.conninfo("plain"))
    await other.add_listener("news", lambda _c, _p, _n, payload: heard.put_nowait(payload))
    await plain.execute("notify news, 'hello'")
    assert await asyncio.wait_for(heard.get(), 10) == "hello"
    await other.close()


async def test_a_refusal_is_insufficient_privilege_with_json(orders: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError) as caught:
        await orders.execute("truncate orders")
    assert caught.value.detail is not None
    assert json.loads(caught.value.detail)["verdict"] == "deny"
    assert await orders.fetchval("select 1") == 1


async def test_a_prepared_write_is_held_at_its_execution(
    gateway: Gateway, orders: asyncpg.Connection
) -> None:
    notices: asyncio.Queue[str] = asyncio.Queue()
    orders.add_log_listener(lambda _c, message: notices.put_nowait(message.detail or ""))
    statement = await orders.prepare("update orders set note = $1 where id = $2")
    running = asyncio.create_task(statement.fetch("from asyncpg", 10))
    approval = json.loads(await asyncio.wait_for(notices.get(), 20))["approval"]
    async with gateway.api(DANA) as api:
        shown = (await api.get(f"/api/approvals/{approval}")).json()
    assert shown["parameters"] == ["from asyncpg", "\\x0000000a"] or shown["parameters"][0] == "from asyncpg"
    await decide(gateway, DANA, approval, "approve", "")
    await running
    assert await orders.fetchval("select note from orders where id = 10") == "from asyncpg"


def test_psycopg_in_pipeline_mode(gateway: Gateway) -> None:
    with psycopg.connect(gateway.conninfo("plain"), autocommit=True) as connection:
        with connection.pipeline(), connection.cursor() as cursor:
            cursor.execute("create temp table piped (x int)")
            cursor.executemany("insert into piped values (%s)", [(number,) for number in range(100)])
            found = connection.execute("select count(*), sum(x) from piped").fetchone()
        assert found == (100, 4950)


def test_a_refusal_in_a_pipeline_undoes_what_ran_before_it(gateway: Gateway) -> None:
    with psycopg.connect(gateway.conninfo("orders"), autocommit=True) as connection:

        def three() -> None:
            with connection.pipeline():
                for sql in ("select 1", "drop table orders", "select 2"):
                    connection.execute(sql)

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            three()
        assert connection.execute("select 3").fetchone() == (3,)


def test_psycopg_server_side_cursor_and_binary_copy(gateway: Gateway) -> None:
    with psycopg.connect(gateway.conninfo("plain")) as connection:
        with connection.cursor("named") as cursor:
            cursor.execute("select generate_series(1, 300)")
            cursor.itersize = 50
            assert sum(row[0] for row in cursor) == 45150
        with connection.cursor().copy("copy (select 1, 'a') to stdout (format binary)") as copy:
            assert b"".join(copy).startswith(b"PGCOPY\n\xff\r\n\0")


async def test_a_cancel_from_a_driver_reaches_only_its_own_session(gateway: Gateway) -> None:
    first = await asyncpg.connect(gateway.conninfo("plain"))
    second = await asyncpg.connect(gateway.conninfo("plain"))
    other = asyncio.create_task(second.fetchval("select pg_sleep(2)"))
    with pytest.raises(asyncio.TimeoutError):
        await first.fetchval("select pg_sleep(30)", timeout=0.5)  # asyncpg cancels on its own
    assert await first.fetchval("select 1") == 1
    await other
    await first.close()
    await second.close()


async def test_every_command_is_in_the_audit_log_once(gateway: Gateway, orders: asyncpg.Connection) -> None:
    await orders.fetchval("select 'unmistakable-7421'::text")

    def found() -> list[dict[str, object]]:
        return gateway.audit(
            "select principal, resource, verdict, rule, outcome, rows from commands "
            "where text like '%unmistakable-7421%' and text not like '%commands%'"
        )

    await eventually(lambda: [row for row in found() if row["outcome"] == "succeeded"], seconds=30)
    assert found() == [
        {
            "principal": "agent-7",
            "resource": "orders",
            "verdict": "allow",
            "rule": "agents read freely",
            "outcome": "succeeded",
            "rows": 1,
        }
    ]
