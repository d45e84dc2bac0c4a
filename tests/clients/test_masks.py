"""Every mask on columns of the types it is for, in text (psycopg) and in binary (asyncpg)."""

import io
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal

import asyncpg
import psycopg
import pytest
from support.gateway import Gateway

from infra.keys import secret
from processors.masking.tokens import Tokens
from schemas.vocabulary import SensitiveColumn

ID = uuid.UUID("6f1c0a52-3b1d-4c1e-9f0a-0c9b8a7d6e5f")
COLUMNS = {
    "hash": "text",
    "hash_int": "int",
    "hash_uuid": "uuid",
    "tokenise": "text",
    "noise": "bigint",
    "noise_numeric": "numeric(12,2)",
    "year": "date",
    "month_moment": "timestamptz",
    "partial": "text",
    "full": "text",
    "full_int": "int",
    "null": "int",
}


@pytest.fixture
async def masked(gateway: Gateway) -> AsyncIterator[asyncpg.Connection]:
    definitions = ", ".join(f'"{name}" {type_}' for name, type_ in COLUMNS.items())
    plain = await asyncpg.connect(gateway.conninfo("plain"))
    await plain.execute(f"create table if not exists t_masks (id int primary key, {definitions})")
    await plain.execute("create table if not exists t_masks_other (hash text)")
    await plain.execute("truncate t_masks, t_masks_other")
    await plain.execute("insert into t_masks_other values ('AB-1234567'), ('other')")
    moment = "1985-03-14 12:13:14.5+00"
    await plain.execute(
        f"insert into t_masks values (1, 'AB-1234567', 4711, '{ID}', 'AB-1234567', 123456, 1234.50, "
        f"'1985-03-14', '{moment}', 'AB-1234567', 'AB-1234567', 4711, 4711)"
    )
    await plain.close()
    connection = await asyncpg.connect(gateway.conninfo("masked"))
    # After it this resource's catalogue has what was made by the other.
    await connection.execute("create temporary table t_masks_seen (id int)")
    yield connection
    await connection.close()


async def test_each_value_is_one_of_its_type_and_the_same_in_both_formats(
    masked: asyncpg.Connection, gateway: Gateway
) -> None:
    row = await masked.fetchrow("select * from t_masks")
    assert row is not None
    assert row["hash"].startswith("h_")
    assert 0 <= row["hash_int"] < 2**31
    assert row["hash_int"] != 4711
    assert row["hash_uuid"].version == 8
    assert row["noise"] != 123456
    assert abs(row["noise"] - 123456) <= 12346
    assert abs(row["noise_numeric"] - Decimal("1234.50")) <= Decimal("123.46")
    assert (row["year"], row["month_moment"]) == (date(1985, 1, 1), datetime(1985, 3, 1, tzinfo=UTC))
    assert (row["partial"], row["full"], row["full_int"], row["null"]) == ("****4567", "[masked]", None, None)
    key = secret(gateway.folder / "state", "masking")
    tokens = Tokens(key, "masked", [SensitiveColumn("public.t_masks.tokenise", "tokenise")])
    assert tokens.value(row["tokenise"], "public.t_masks.tokenise") == b"AB-1234567"
    async with await psycopg.AsyncConnection.connect(gateway.conninfo("masked")) as connection:
        cursor = await connection.execute("select * from t_masks")
        (in_text,) = await cursor.fetchall()
    assert tuple(row.values()) == in_text


async def test_a_copy_has_the_masks_of_the_columns(masked: asyncpg.Connection) -> None:
    columns = ("hash", "tokenise", "noise", "year", "month_moment", "partial", "full", "null")
    quoted = ", ".join(f'"{name}"' for name in columns)
    row = await masked.fetchrow("select * from t_masks")
    assert row is not None
    copied = io.BytesIO()
    await masked.copy_from_query(f"select {quoted}, left(partial, 9) from t_masks", output=copied)
    *values, computed = copied.getvalue().decode().removesuffix("\n").split("\t")
    shown = dict(zip(columns, values, strict=True))
    assert shown["month_moment"].startswith("1985-03-01 00:00:00")
    assert shown["null"] == "\\N"
    for name in ("hash", "tokenise", "noise", "year", "partial", "full"):
        assert shown[name] == str(row[name])
    assert computed == "[masked]"


async def test_hashes_join_what_the_client_has(masked: asyncpg.Connection) -> None:
    here = {row["hash"] for row in await masked.fetch("select hash from t_masks")}
    there = {row["hash"] for row in await masked.fetch("select hash from t_masks_other")}
    assert len(here & there) == 1
    assert len(there) == 2


async def test_what_is_computed_from_them_is_hidden(masked: asyncpg.Connection) -> None:
    row = await masked.fetchrow(
        "select noise + 0 as a, year + 0 as b, upper(tokenise) as c, hash || '' as d, max(noise) over () as e"
        " from t_masks"
    )
    assert row is not None
    assert tuple(row.values()) == (None, None, "[masked]", "[masked]", None)
