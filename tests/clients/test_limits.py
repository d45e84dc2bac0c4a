"""Limits of one command, as clients meet them: rows, bytes, time, cost, and transactions that only read.

A command on `limited` chooses its rule by a comment (support/builders.py).
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import psycopg
import pytest
from support.gateway import Gateway
from support.psql import run_psql
from support.wait import eventually


@pytest.fixture
async def limited(gateway: Gateway) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(gateway.conninfo("limited"))
    yield connection
    await connection.close()


async def simply(connection: asyncpg.Connection, text: str) -> None:
    await connection.execute(text)


async def prepared(connection: asyncpg.Connection, text: str) -> None:
    await connection.fetch(text)


WAYS = pytest.mark.parametrize("way", [simply, prepared])
Way = Callable[[asyncpg.Connection, str], Awaitable[None]]


class TestRows:
    @WAYS
    @pytest.mark.parametrize("rows", [11, 5_000_000])
    async def test_the_answer_stops_and_the_session_goes_on(
        self, limited: asyncpg.Connection, way: Way, rows: int
    ) -> None:
        with pytest.raises(asyncpg.ProgramLimitExceededError) as caught:
            await way(limited, f"/* few rows */ select generate_series(1, {rows})")
        assert caught.value.args[0] == 'the answer was stopped by rule "few rows" at its limit of 10 rows'
        detail = json.loads(caught.value.detail or "")
        assert (detail["limit"], detail["most"], detail["rule"]) == ("rows", 10, "few rows")
        assert await limited.fetchval("select 1") == 1

    async def test_up_to_the_limit_nothing_is_different(self, limited: asyncpg.Connection) -> None:
        assert len(await limited.fetch("/* few rows */ select generate_series(1, 10)")) == 10

    async def test_psql_shows_what_came_and_the_error(self, gateway: Gateway) -> None:
        done = await run_psql(
            gateway.conninfo("limited"),
            gateway.psql_environment,
            "begin;\ncopy (select generate_series(1, 100000) /* few rows */) to stdout;\n"
            "rollback;\nselect 'still here';\n",
            "-At",
        )
        assert done.stdout.splitlines() == ["BEGIN", *map(str, range(1, 11)), "ROLLBACK", "still here"]
        assert 'stopped by rule "few rows" at its limit of 10 rows' in done.stderr

    async def test_a_cursor_is_one_answer_however_it_is_read(self, limited: asyncpg.Connection) -> None:
        async with limited.transaction():
            cursor = await limited.cursor("/* few rows */ select generate_series(1, 1000)")
            assert len(await cursor.fetch(6)) == 6
            with pytest.raises(asyncpg.ProgramLimitExceededError):
                await cursor.fetch(6)
            assert await limited.fetchval("select 1") == 1, "the transaction is as the target has it"
        async with limited.transaction():
            await limited.execute("declare c cursor for select generate_series(1, 1000)")
            assert len(await limited.fetch("/* few rows */ fetch 6 from c")) == 6
            with pytest.raises(asyncpg.ProgramLimitExceededError):
                await limited.fetch("/* few rows */ fetch 5 from c")
            await limited.execute("rollback")
            await limited.execute("begin")

    async def test_of_several_statements_each_has_its_own(self, gateway: Gateway) -> None:
        done = await run_psql(
            gateway.conninfo("limited"),
            gateway.psql_environment,
            r"select 'first' \; select generate_series(1, 8) /* few rows */ \;"
            " select generate_series(1, 1000000) /* few rows */;\nselect 'next';\n",
            "-At",
        )
        shown = done.stdout.splitlines()
        assert shown[:9] == ["first", *map(str, range(1, 9))]
        assert shown[-1] == "next"
        assert "its limit of 10 rows" in done.stderr

    async def test_a_series_that_is_stopped_is_undone_at_the_target(self, gateway: Gateway) -> None:
        async with await psycopg.AsyncConnection.connect(
            gateway.conninfo("limited"), autocommit=True
        ) as connection:
            await connection.execute("create table t_series (x int)")

            async def series() -> None:
                async with connection.pipeline() as pipeline:
                    await connection.execute("insert into t_series values (1)")
                    await connection.execute(
                        "/* few rows */ insert into t_series select generate_series(1, 20) returning x"
                    )
                    await connection.execute("insert into t_series values (2)")
                    await pipeline.sync()

            with pytest.raises(psycopg.errors.ProgramLimitExceeded):
                await series()
            found = await (await connection.execute("select count(*) from t_series")).fetchone()
            assert found == (0,)

    async def test_the_event_says_so(self, limited: asyncpg.Connection, gateway: Gateway) -> None:
        with pytest.raises(asyncpg.ProgramLimitExceededError):
            await limited.fetch("/* few rows, on record */ select generate_series(1, 99)")
        query = "select outcome, rows, limit_reached, limit_rule, error_code from commands"
        found = await eventually(
            lambda: gateway.audit(f"{query} where text like '%on record%' and outcome = 'failed'"),
            what="the command",
        )
        assert found == [
            {
                "outcome": "failed",
                "rows": 10,
                "limit_reached": "rows",
                "limit_rule": "few rows",
                "error_code": "54000",
            }
        ]


@WAYS
async def test_bytes(limited: asyncpg.Connection, way: Way) -> None:
    with pytest.raises(asyncpg.ProgramLimitExceededError, match="its limit of 2000 bytes"):
        await way(limited, "/* few bytes */ select repeat('x', 100) from generate_series(1, 1000000)")
    assert await limited.fetchval("select 1") == 1


class TestTime:
    @WAYS
    async def test_it_is_cancelled(self, limited: asyncpg.Connection, way: Way) -> None:
        with pytest.raises(asyncpg.QueryCanceledError, match=r"its limit of 0\.3 seconds"):
            await way(limited, "/* quick */ select pg_sleep(60)")
        assert await limited.fetchval("select 1") == 1

    async def test_the_next_command_is_never_hit_in_its_place(self, limited: asyncpg.Connection) -> None:
        for _ in range(5):
            with contextlib.suppress(asyncpg.QueryCanceledError):  # it may be as quick as its limit
                await limited.fetch("/* quick */ select pg_sleep(0.31)")
            assert await limited.fetchval("select 2 from pg_sleep(0.05)") == 2

    async def test_a_copy_that_takes_its_time(self, gateway: Gateway) -> None:
        connection = await psycopg.AsyncConnection.connect(gateway.conninfo("limited"), autocommit=True)
        async with connection, connection.cursor() as cursor:
            await cursor.execute("create table t_slow_copy (x text)")

            async def slowly() -> None:
                async with cursor.copy("copy t_slow_copy from stdin /* quick */") as copy:
                    for _ in range(16):
                        await copy.write("x\n")
                        await asyncio.sleep(0.05)  # what a slow source does; the gateway ends it meanwhile

            with pytest.raises(psycopg.errors.QueryCanceled, match=r"0\.3 seconds"):
                await slowly()
            await cursor.execute("select count(*) from t_slow_copy")
            assert await cursor.fetchone() == (0,)


class TestCost:
    DEAR = "select count(*) from generate_series(1, 1000) a, generate_series(1, 1000) b"

    @WAYS
    async def test_what_costs_too_much_does_not_run(self, limited: asyncpg.Connection, way: Way) -> None:
        with pytest.raises(asyncpg.StatementTooComplexError, match="above the limit of 1000") as caught:
            await way(limited, f"/* cheap */ {self.DEAR}")
        assert json.loads(caught.value.detail or "")["rule"] == "cheap"
        assert await limited.fetchval("/* cheap */ select count(*) from generate_series(1, 1000)") == 1000

    @pytest.mark.parametrize(
        "text",
        [
            f"/* cheap */ copy ({DEAR}) to stdout",
            f"/* cheap */ explain analyze {DEAR}",
            f"/* cheap */ explain (analyze, costs off) ({DEAR})",
            f"/* cheap */ create temp table t_dear as {DEAR}",
            f"/* cheap */ declare c cursor with hold for {DEAR}",
            f"select 1; {DEAR} /* cheap */",
        ],
    )
    async def test_however_it_is_dressed(self, limited: asyncpg.Connection, text: str) -> None:
        with pytest.raises(asyncpg.StatementTooComplexError):
            await limited.execute(text)

    async def test_what_is_prepared(self, limited: asyncpg.Connection) -> None:
        await limited.execute(f"prepare dear as {self.DEAR}")
        with pytest.raises(asyncpg.StatementTooComplexError):
            await limited.execute("/* cheap */ execute dear")
        await limited.execute("prepare much(int) as select count(*) from generate_series(1, $1)")
        with pytest.raises(asyncpg.StatementTooComplexError, match="not constants"):
            await limited.execute("/* cheap */ execute much((select 1))")
        await limited.execute("/* cheap */ execute much(5)")

    async def test_a_bound_value_counts(self, limited: asyncpg.Connection) -> None:
        text = "/* cheap */ select count(*) from generate_series(1, $1::int)"
        assert await limited.fetchval(text, 10) == 10
        with pytest.raises(asyncpg.StatementTooComplexError):
            await limited.fetchval(text, 10_000_000)
        assert await limited.fetchval(text, 20) == 20

    async def test_in_a_transaction_it_is_asked_there(self, limited: asyncpg.Connection) -> None:
        async with limited.transaction():
            await limited.execute("create temp table t_here on commit drop as select 1 as x")
            assert await limited.fetchval("/* cheap */ select x from t_here") == 1
            with pytest.raises(asyncpg.StatementTooComplexError):
                await limited.fetchval(f"/* cheap */ {self.DEAR}")
            assert await limited.fetchval("/* cheap */ select x from t_here") == 1

    @WAYS
    async def test_an_error_is_the_targets_own(self, limited: asyncpg.Connection, way: Way) -> None:
        with pytest.raises(asyncpg.UndefinedColumnError) as caught:
            await way(limited, "/* cheap */ select nothing from orders")
        assert caught.value.position == "20"
        assert await limited.fetchval("select 1") == 1

    async def test_settings_that_make_plans_look_cheap(self, limited: asyncpg.Connection) -> None:
        await limited.execute("set cpu_tuple_cost = 0; set cpu_operator_cost = 0")
        with pytest.raises(
            asyncpg.StatementTooComplexError, match="this session set cpu_operator_cost, cpu_tuple"
        ):
            await limited.fetchval("/* cheap */ select 1")
        await limited.execute("reset cpu_tuple_cost; reset cpu_operator_cost")
        assert await limited.fetchval("/* cheap */ select 1") == 1

    async def test_nothing_runs_while_it_is_asked(self, limited: asyncpg.Connection) -> None:
        await limited.execute("create sequence s_asked")
        await limited.execute(
            "create function f_asked() returns bigint language sql as 'select nextval(''s_asked'')'"
        )
        assert await limited.fetchval("/* cheap */ select f_asked()") == 1
        with pytest.raises(asyncpg.StatementTooComplexError):
            await limited.fetchval(f"/* cheap */ select f_asked(), ({self.DEAR})")
        assert await limited.fetchval("select last_value from s_asked") == 1


class TestReadOnly:
    @pytest.fixture
    async def liar(self, limited: asyncpg.Connection) -> AsyncIterator[str]:
        """A function that says it only reads, and writes."""
        await limited.execute(
            "create table if not exists t_lied (x int); truncate t_lied;"
            "create or replace function lie(sql text) returns int language plpgsql as "
            "$$ begin execute sql; return 1; end $$"
        )
        yield "insert into t_lied values (1)"
        assert await limited.fetchval("select count(*) from t_lied") == 0

    @WAYS
    async def test_a_function_that_lies_cannot_write(
        self, limited: asyncpg.Connection, liar: str, way: Way
    ) -> None:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await way(limited, f"/* looking */ select lie('{liar}')")
        assert await limited.fetchval("/* looking */ select count(*) from orders") > 0

    @WAYS
    @pytest.mark.parametrize(
        "undo",
        [
            "set transaction_read_only = off",
            "set transaction read write",
            "select set_config(''transaction_read_only'', ''off'', true)",
            "set session characteristics as transaction read write; set transaction read write",
        ],
    )
    async def test_nor_undo_it(self, limited: asyncpg.Connection, liar: str, way: Way, undo: str) -> None:
        for start, end in (("select 1", "select 1"), ("begin", "rollback")):
            await limited.execute(start)
            with pytest.raises(asyncpg.PostgresError):
                await way(limited, f"/* looking */ select lie('{undo}; {liar}')")
            await limited.execute(end)

    @pytest.mark.parametrize(
        "text",
        [
            "commit; select lie('{}') /* looking */",
            "select 1 /* looking */; rollback; select lie('{}')",
            "set transaction read write; select lie('{}') /* looking */",
            "begin read write; select lie('{}') /* looking */",
            "do $$ begin commit; {}; end $$ /* looking */",
        ],
    )
    async def test_nor_leave_it_in_one_message(
        self, limited: asyncpg.Connection, liar: str, text: str
    ) -> None:
        with pytest.raises(asyncpg.InvalidTransactionStateError):
            await limited.execute(text.format(liar))

    @WAYS
    async def test_a_transaction_of_the_clients_own_may_write_before_and_after(
        self, limited: asyncpg.Connection, way: Way
    ) -> None:
        await limited.execute("create table if not exists t_around (x int); truncate t_around")
        async with limited.transaction():
            await limited.execute("insert into t_around values (1)")
            await way(limited, "/* looking */ select * from t_around")
            await limited.execute("insert into t_around values (2)")
            cursor = await limited.cursor("/* looking */ select x from t_around order by x")
            assert [row["x"] for row in await cursor.fetch(1)] == [1]
            await limited.execute("insert into t_around values (3)")
            assert [row["x"] for row in await cursor.fetch(1)] == [2]
        assert await limited.fetchval("select count(*) from t_around") == 3

    async def test_in_a_transaction_a_write_fails_it(self, limited: asyncpg.Connection, liar: str) -> None:
        await limited.execute("begin")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await limited.fetch(f"/* looking */ {liar}")
        with pytest.raises(asyncpg.InFailedSQLTransactionError):
            await limited.fetch("select 1")
        await limited.execute("rollback")

    async def test_with_a_cost_and_in_a_pipeline(self, gateway: Gateway) -> None:
        connection: Any = await psycopg.AsyncConnection.connect(gateway.conninfo("limited"), autocommit=True)
        async with connection, connection.pipeline():
            cursors = [
                await connection.execute("/* looking, cheap, few rows */ select %s::int", (number,))
                for number in range(20)
            ]
            assert [(await cursor.fetchone())[0] for cursor in cursors] == list(range(20))


class TestReasons:
    async def test_a_command_without_one_is_told_how_to_give_it(self, limited: asyncpg.Connection) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError) as caught:
            await limited.fetch("/* say why */ select 1")
        assert caught.value.args[0] == 'refused by rule "say why": this needs a reason'
        assert json.loads(caught.value.detail or "")["missing"] == ["reason"]
        assert "/* reason: …, ticket: … */" in (caught.value.hint or "")

    async def test_a_comment_or_the_session_gives_it(
        self, limited: asyncpg.Connection, gateway: Gateway
    ) -> None:
        await limited.fetch("/* reason: count what is open, ticket: OPS-12 */ select 1 /* say why */")
        await limited.execute("set countersign.reason = 'for the session'")
        await limited.fetch("select 2 /* say why */")
        async with limited.transaction():
            await limited.execute("set local countersign.reason = 'for the transaction'")
            await limited.fetch("select 3 /* say why */")
        await limited.fetch("select 4 /* say why */")
        await limited.execute("reset countersign.reason")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await limited.fetch("select 5 /* say why */")
        query = "select reason, ticket from commands where text like '%say why%' and outcome = 'succeeded'"
        found = await eventually(
            lambda: (rows := gateway.audit(f"{query} order by time"))[3:] and rows, what="four commands"
        )
        assert [row["reason"] for row in found] == [
            "count what is open",
            "for the session",
            "for the transaction",
            "for the session",
        ]
        assert found[0]["ticket"] == "OPS-12"

    async def test_a_client_gives_it_as_it_connects(self, gateway: Gateway) -> None:
        async with await psycopg.AsyncConnection.connect(
            gateway.conninfo("limited"), options="-c countersign.reason=nightly"
        ) as connection:
            await connection.execute("select 1 /* say why */")
            shown = await (await connection.execute("show countersign.reason")).fetchone()
            assert shown == ("nightly",)


async def test_a_budget_is_used_up_across_sessions(gateway: Gateway) -> None:
    for number in range(3):
        connection = await asyncpg.connect(gateway.conninfo("limited"))
        assert await connection.fetchval(f"select {number} /* three times */") == number
        await connection.close()
    connection = await asyncpg.connect(gateway.conninfo("limited"))
    with pytest.raises(
        asyncpg.InsufficientPrivilegeError, match="its budget of 3 commands in 1 hour"
    ) as caught:
        await connection.fetch("select 4 /* three times */")
    assert json.loads(caught.value.detail or "")["retry_at"] > "2026"
    assert await connection.fetchval("select 'still here'") == "still here"
    await connection.close()
