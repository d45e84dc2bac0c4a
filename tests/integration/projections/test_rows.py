"""Whatever an event holds, the tables take it: one that they did not would stop the audit log for ever."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.clickhouse import running_clickhouse
from support.events import events

from infra.clickhouse.client import connect
from infra.config import Config
from projections import schema
from projections.columns import DEFAULTS, Columns
from projections.rows import Place, event_row, rejected_row, rows_of
from schemas.events import Event

places = st.builds(
    Place, st.just("test"), st.integers(0, 2**31), st.integers(0, 2**63 - 1), st.integers(-1, 2**42)
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Of a ClickHouse with the tables and nothing in them: what comes here would disturb other tests."""
    with running_clickhouse(tmp_path_factory.mktemp("clickhouse")) as clickhouse:
        asyncio.run(_make_tables(clickhouse.config))
        with clickhouse.client(None, database="countersign") as made:
            yield made


async def _make_tables(config: Config) -> None:
    clickhouse = connect(config)
    await schema.apply(clickhouse)
    await schema.apply(clickhouse)  # as at every start
    await clickhouse.close()


@given(st.lists(st.tuples(events(), places, st.binary(max_size=40)), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_event_fits(client: Client, found: list[tuple[Event, Place, bytes]]) -> None:
    tables: dict[str, list[Columns]] = defaultdict(list)
    for event, place, raw in found:
        link = b"\x01" * 32
        rows = [event_row(event, place, raw, link), rejected_row("r", place, raw, link)]
        for row in [*rows, *rows_of(event, place)]:
            tables[row.table].append(row.columns)
    for table, lines in tables.items():
        columns: list[list[Any]] = [
            [line.get(name, default) for line in lines] for name, default in DEFAULTS[table].items()
        ]
        written = client.insert(table, columns, list(DEFAULTS[table]), column_oriented=True)
        assert written.written_rows == len(lines)
