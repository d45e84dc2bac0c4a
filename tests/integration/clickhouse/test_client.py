"""Our own client, before a ClickHouse that comes and goes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from support.builders import configuration, write_configuration
from support.clickhouse import ClickHouse, running_clickhouse
from support.processes import stop

from infra.clickhouse.client import ClickHouse as Client
from infra.clickhouse.client import ClickHouseRefused, ClickHouseUnavailable, connect
from infra.config import load


@pytest_asyncio.fixture
async def client(clickhouse: ClickHouse) -> AsyncIterator[Client]:
    made = connect(clickhouse.config)
    yield made
    await made.close()


async def test_rows_come_as_dicts_with_aware_times(client: Client) -> None:
    rows = await client.query("SELECT a, b, d, e FROM numbers WHERE a = {a:UInt64}", {"a": 7}, binary=["b"])
    moment = datetime(1970, 1, 1, 0, 0, 7, tzinfo=UTC)
    assert rows == [{"a": 7, "b": b"7", "d": moment, "e": ["x", None]}]


async def test_an_error_is_refused_with_clickhouses_words(client: Client) -> None:
    with pytest.raises(ClickHouseRefused, match="UNKNOWN_TABLE"):
        await client.query("SELECT * FROM nothing")
    assert await client.query("SELECT 1 AS x") == [{"x": 1}]


async def test_many_questions_at_once(client: Client) -> None:
    found = await asyncio.gather(*(client.query(f"SELECT {number} AS x") for number in range(20)))
    assert [rows[0]["x"] for rows in found] == list(range(20))


async def test_it_finds_its_server_again(tmp_path: Path) -> None:
    with running_clickhouse(tmp_path) as clickhouse:
        client = connect(clickhouse.config)
        try:
            await client.create_database()
            await client.command("CREATE TABLE t (a Int64, b String) ENGINE = MergeTree ORDER BY a")
            await client.insert("t", ["a", "b"], [[1, 2], ["x", "y"]])
            stop(clickhouse.process)
            with pytest.raises(ClickHouseUnavailable):
                await client.query("SELECT 1")
            with pytest.raises(ClickHouseUnavailable):
                await client.insert("t", ["a", "b"], [[3], ["z"]])
            await asyncio.to_thread(clickhouse.start)
            await client.insert("t", ["a", "b"], [[3], ["z"]])
            assert await client.query("SELECT count() AS n FROM t") == [{"n": 3}]
        finally:
            await client.close()


async def test_another_clickhouse_by_its_url(clickhouse: ClickHouse, tmp_path: Path) -> None:
    name, password = clickhouse.ours
    for secret, answers in ((password, True), ("wrong", False)):
        url = f"http://{name}:{secret}@{clickhouse.host}:{clickhouse.port}/countersign"
        document = configuration(listen={}, resources=[], gateway={"clickhouse": {"url": url}})
        client = connect(load(write_configuration(tmp_path, document, {})))
        try:
            if answers:
                assert await client.query("SELECT count() AS n FROM numbers") == [{"n": 50_000}]
            else:
                with pytest.raises(ClickHouseRefused, match="Authentication failed"):
                    await client.query("SELECT 1")
        finally:
            await client.close()
