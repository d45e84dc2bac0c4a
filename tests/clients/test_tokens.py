"""Who holds a token of a value looks up by it, and never sees the value: with psql and asyncpg."""

import asyncio
import re

import asyncpg
import psycopg
import pytest
from support.builders import DANA
from support.deciding import decide
from support.gateway import Gateway
from support.psql import Finished, run_psql

GUESSED = "no rule allows finding out about masked values of public.customers.card"


async def _raw(gateway: Gateway) -> str:
    connection = await asyncpg.connect(gateway.conninfo("plain"))
    raw: str = await connection.fetchval("select card from customers where id = 2")
    await connection.close()
    return raw


async def _psql(gateway: Gateway, script: str) -> Finished:
    lines = script.replace(";", ";\n")
    return await run_psql(gateway.conninfo("tokens"), gateway.psql_environment, lines, "-At")


async def test_psql_looks_up_by_a_token_and_a_guess_is_denied(gateway: Gateway) -> None:
    raw = await _raw(gateway)
    shown = await _psql(gateway, "select card from customers where id = 2;")
    token = shown.stdout.strip()
    done = await _psql(
        gateway,
        f"select id, card from customers where card = '{token}';"
        f"select id from customers where card <> '{token}' and id < 4 order by id;"
        f"begin; select 'in it'; select id from customers where '{token}' = card or card in ('{token}');"
        f"commit; select 'after' from customers where card = '{token}'::text;"
        f"select id from customers where card = '{raw}';"
        f"select id from customers where card = '{token}' and id = 'one';",
    )
    assert done.stdout.splitlines() == [f"2|{token}", "1", "3", "BEGIN", "in it", "2", "COMMIT", "after"]
    assert done.stderr.count(GUESSED) == 1, "of the guess, and of no token"
    *_, line, arrow = done.stderr.splitlines()
    assert "invalid input syntax for type integer" in done.stderr
    assert arrow.index("^") == line.index("'one'"), "positions are those of the text that was sent"
    assert raw not in done.stdout + done.stderr


async def test_asyncpg_looks_up_by_a_parameter_and_by_a_literal(gateway: Gateway) -> None:
    connection = await asyncpg.connect(gateway.conninfo("tokens"))
    rows = await connection.fetch("select id, card from customers where id between 1 and 4")
    tokens = {row["id"]: row["card"] for row in rows}
    lookup = await connection.prepare("select id from customers where card = $1")
    assert [await lookup.fetchval(tokens[id]) for id in (2, 3, 2)] == [2, 3, 2]
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=GUESSED):
        await lookup.fetch("4111111111111111")
    assert await lookup.fetchval(tokens[3]) == 3
    both = f"select id from customers where card = '{tokens[2]}' and id = $1"
    assert await connection.fetchval(both, 2) == 2
    assert await connection.fetchval(both, 3) is None
    prepared = await connection.prepare(both)
    assert [kind.name for kind in prepared.get_parameters()] == ["int4"]
    either = "select array_agg(id order by id) from customers where card in ($1, $2)"
    assert await connection.fetchval(either, tokens[2], tokens[3]) == [2, 3]
    both_of = "select array_agg(id order by id) from customers where card = any ($1)"
    assert await connection.fetchval(both_of, [tokens[2], tokens[3]]) == [2, 3]
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=GUESSED):
        await connection.fetch(both_of, [tokens[2], "4111111111111111"])
    await connection.close()


def test_psycopg_looks_up_by_a_list_and_reads_by_a_cursor(gateway: Gateway) -> None:
    with psycopg.connect(gateway.conninfo("tokens")) as connection:
        rows = connection.execute("select id, card from customers where id in (2, 3) order by id").fetchall()
        tokens = [card for _, card in rows]
        asked = "select id, card from customers where card = any (%s) order by id"
        assert connection.execute(asked, [tokens]).fetchall() == rows
        with connection.cursor("held") as cursor:
            assert cursor.execute(asked, [tokens]).fetchall() == rows
        with connection.cursor("held", scrollable=True) as cursor:
            cursor.execute(f"select id from customers where card = '{tokens[1]}'")
            assert cursor.fetchone() == (3,)
            shown = connection.execute("select statement from pg_cursors where name = 'held'").fetchall()
    assert all(tokens[1] not in text for (text,) in shown)


async def test_only_where_equal_values_are_equal_bytes(gateway: Gateway) -> None:
    """As far as the catalogue says: of other columns the tokens are shown, too, and are texts."""
    plain = await asyncpg.connect(gateway.conninfo("plain"))
    await plain.execute(
        "drop table if exists t_tokens; drop domain if exists t_short; drop collation if exists t_folded;"
        "create collation t_folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        "create domain t_short as text;"
        "create table t_tokens (plain text, varying varchar(20), fixed char(20),"
        " folded text collate t_folded, brief t_short, named name);"
        "insert into t_tokens select a, a, a, a, a, a from unnest(array['Abc ', 'aBC ', null, '']) as a"
    )
    changer = await asyncpg.connect(gateway.conninfo("tokens", DANA))
    await changer.execute("create temporary table t_tokens_seen ()")  # after it what plain made is known here
    connection = await asyncpg.connect(gateway.conninfo("tokens"))
    shown = await connection.fetch("select * from t_tokens")
    for column in ("plain", "varying"):
        counted = f"select count(*) from t_tokens where {column} = $1"
        assert [await connection.fetchval(counted, row[column]) for row in shown if row[column]] == [1, 1, 1]
    for column in ("fixed", "folded", "brief", "named"):
        text = shown[0][column]
        assert text is None or text.startswith("tok_")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match=r"masked values of public\.t_tokens"):
            await connection.fetch(f"select count(*) from t_tokens where {column} = '{text}'")
    await changer.close()
    await plain.execute("drop table t_tokens; drop domain t_short; drop collation t_folded")
    await plain.close()
    await connection.close()


async def test_an_approved_unmask_gives_the_holder_its_value(gateway: Gateway) -> None:
    raw = await _raw(gateway)
    connection = await asyncpg.connect(gateway.conninfo("tokens"))
    token = await connection.fetchval("select card from customers where id = 2")
    notices: asyncio.Queue[str] = asyncio.Queue()
    connection.add_log_listener(lambda _, message: notices.put_nowait(message.message))
    asked = "/* unmask: public.customers.card, reason: OPS-12 */ select card from customers where card = "
    asking = asyncio.create_task(connection.fetchval(f"{asked}'{token}'"))
    held = re.search(r"approval (\S+),", await asyncio.wait_for(notices.get(), 60))
    assert held is not None
    async with gateway.api(DANA) as api:
        shown = (await api.get(f"/api/approvals/{held[1]}")).text
    assert token in shown
    assert raw not in shown
    await decide(gateway, DANA, held[1], "approve", "for OPS-12")
    assert await asking == raw
    await connection.close()
