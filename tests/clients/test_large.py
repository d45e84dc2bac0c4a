"""Much of everything: wide rows, long values, pipelines and COPYs, in bounded memory of the gateway."""

import asyncio
import io
import os
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import psycopg
import pytest
from support.builders import AGENT
from support.gateway import Gateway

MIB = 1024 * 1024
# How much is copied each way; `make copy-gigabyte` asks for 1,024.
COPIED = int(os.environ.get("COUNTERSIGN_COPY_MIB", "64")) * MIB
BOUND = 96 * MIB  # what the gateway's memory may grow by while it is passed


@pytest.fixture
async def plain(gateway: Gateway) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(gateway.conninfo("plain"))
    yield connection
    await connection.close()


@contextmanager
def bounded(gateway: Gateway, bound: int = BOUND) -> Iterator[None]:
    """The ingress's peak of memory meanwhile is at most so much above where it began."""
    [ingress] = [
        child
        for child in psutil.Process(gateway.process.pid).children(recursive=True)
        if "ingress" in child.cmdline()
    ]
    (Path("/proc") / str(ingress.pid) / "clear_refs").write_text("5")  # proc(5): resets the peak
    before = ingress.memory_info().rss
    yield
    status = (Path("/proc") / str(ingress.pid) / "status").read_text()
    peak = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    assert peak - before < bound, f"{(peak - before) / MIB:.0f} MiB more"


@pytest.mark.timeout(900)
async def test_copy_in_and_out(gateway: Gateway, plain: asyncpg.Connection) -> None:
    await plain.execute("create table t_much (content text)")
    line = b"x" * 1023 + b"\n"

    async def lines() -> AsyncIterator[bytes]:
        for _ in range(COPIED // (512 * len(line))):
            yield line * 512

    received = 0

    async def count(data: bytes) -> None:
        nonlocal received
        received += len(data)

    try:
        with bounded(gateway):
            assert await plain.copy_to_table("t_much", source=lines()) == f"COPY {COPIED // 1024}"
            await plain.copy_from_table("t_much", output=count)
            assert received == COPIED
    finally:
        await plain.execute("drop table t_much")


async def test_a_row_of_1600_columns(plain: asyncpg.Connection) -> None:
    columns = ", ".join(f"c{number} int default {number}" for number in range(1600))
    async with plain.transaction():
        await plain.execute(f"create table t_wide ({columns})")
        await plain.execute("insert into t_wide default values")
        row = await plain.fetchrow("select * from t_wide")
        assert row is not None
        assert tuple(row) == tuple(range(1600))
        await plain.execute("drop table t_wide")


async def test_65535_parameters(plain: asyncpg.Connection) -> None:
    places = ", ".join(f"${number}" for number in range(1, 32768))
    found = await plain.fetchval(f"select count(*) from unnest(array[{places}]::int[])", *range(32767))
    assert found == 32767


async def test_a_long_parameter_and_a_long_answer(gateway: Gateway, plain: asyncpg.Connection) -> None:
    value = os.urandom(1024) * 20_000
    assert await plain.fetchval("select md5($1::bytea)", value) is not None
    assert await plain.fetchval("select $1::bytea", value) == value


async def test_a_value_that_is_too_long_is_refused(gateway: Gateway) -> None:
    session = await asyncpg.connect(gateway.conninfo("plain"))
    with bounded(gateway):
        for query in (
            "select repeat('x', 1000000000)",
            "select n, repeat('x', n * 300000000) from generate_series(0, 1) n",
        ):
            with pytest.raises(
                asyncpg.ProgramLimitExceededError, match="limit of 268435456 bytes for one row"
            ):
                await session.fetch(query)
            assert await session.fetchval("select 1") == 1
        with pytest.raises(asyncpg.ProgramLimitExceededError):
            await session.copy_from_query("select repeat('x', 300000000)", output=io.BytesIO())
        assert await session.fetchval("select 2") == 2
    parameter = b"x" * (70 * MIB)
    with bounded(gateway, 200 * MIB), pytest.raises((asyncpg.PostgresError, OSError)):
        await session.fetchval("select length($1::bytea)", parameter)
    session.terminate()


def test_thousands_of_messages_before_a_sync(gateway: Gateway) -> None:
    with psycopg.connect(gateway.conninfo("plain"), autocommit=True) as connection:
        connection.execute("create table t_piped (x int)")
        with connection.pipeline(), connection.cursor() as cursor:
            cursor.executemany("insert into t_piped values (%s)", [(number,) for number in range(2000)])
            found = connection.execute("select count(*), sum(x) from t_piped").fetchone()
        connection.execute("drop table t_piped")
        assert found == (2000, 1999000)


async def test_a_client_that_sends_and_does_not_read(gateway: Gateway) -> None:
    """It comes to a stop, as it would before the server, and the gateway holds no more than it must."""
    reader, writer = await _signed_in(gateway)
    text = b"select repeat('x', 100000) /* " + b"-" * 10_000 + b" */\0"
    query = b"Q" + struct.pack("!I", len(text) + 4) + text
    with bounded(gateway):
        sent = await _send_until_held_back(writer, query, 10_000)
    writer.transport.abort()
    assert sent < 10_000
    assert not reader.at_eof()


async def _send_until_held_back(writer: asyncio.StreamWriter, message: bytes, most: int) -> int:
    """How many of these messages were taken, when none was for two seconds."""
    for sent in range(0, most, 10):
        writer.write(message * 10)
        try:
            await asyncio.wait_for(writer.drain(), 2)
        except TimeoutError:
            return sent
    return most


async def _signed_in(gateway: Gateway) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A session whose bytes are our own; asyncpg signs it in."""
    host, _, port = gateway.listen["postgres"].rpartition(":")
    context = ssl.create_default_context(cafile=str(gateway.ca))
    context.set_alpn_protocols(["postgresql"])
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname=host)
    pairs = b"user\0" + AGENT.name.encode() + b"\0database\0plain\0\0"
    writer.write(struct.pack("!II", len(pairs) + 8, 196608) + pairs)
    secret = AGENT.token.encode() + b"\0"
    writer.write(b"p" + struct.pack("!I", len(secret) + 4) + secret)
    while True:
        kind, length = struct.unpack("!cI", await reader.readexactly(5))
        body = await reader.readexactly(length - 4)
        assert kind != b"E", body
        if kind == b"Z":
            return reader, writer
