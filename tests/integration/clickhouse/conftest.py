"""One embedded ClickHouse for the tests of this folder, with a table of 50,000 rows in its database."""

from collections.abc import Iterator

import pytest
from support.clickhouse import ClickHouse, running_clickhouse


@pytest.fixture(scope="package")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with running_clickhouse(tmp_path_factory.mktemp("clickhouse")) as running:
        with running.client(None) as client:
            client.command("CREATE DATABASE countersign")
            client.command(
                "CREATE TABLE countersign.numbers (a UInt64, b String, c LowCardinality(String),"
                " d DateTime64(6, 'UTC'), e Array(Nullable(String))) ENGINE = MergeTree ORDER BY a"
            )
            client.command(
                "INSERT INTO countersign.numbers SELECT number, toString(number), 'c', number, ['x', NULL]"
                " FROM numbers(50000)"
            )
        yield running
