"""Applies `tables/` (numbered, each once, recorded in `migrations`) and `views/` (anew at each start)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from infra.clickhouse.client import ClickHouse, ClickHouseRefused

_NUMBERED = re.compile(r"(\d{4})_\w+\.sql")

_MIGRATIONS = """
CREATE TABLE IF NOT EXISTS migrations
(
    number UInt32,
    name String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of `tables/`: one statement."""

    number: int
    name: str
    statement: str


def migrations() -> list[Migration]:
    """All of `tables/`, in order. Raises ValueError when a number is missing or there twice."""
    found = []
    for name, text in _statements("tables"):
        match = _NUMBERED.fullmatch(name)
        if match is None:
            raise ValueError(f"projections/tables/{name}: expected NNNN_name.sql")
        found.append(Migration(int(match[1]), name, text))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError("projections/tables: expected the numbers 0001, 0002 … without gaps")
    return found


def views() -> list[str]:
    """The statements of `views/`, each after those it reads from."""
    return [text for _, text in _statements("views")]


async def apply(clickhouse: ClickHouse) -> None:
    """Makes the database what this version needs; one that is so already is left as it is.

    Raises ClickHouseUnavailable and ClickHouseRefused, the latter also for a database that a newer version
    has written.
    """
    await clickhouse.create_database()
    await clickhouse.command(_MIGRATIONS)
    rows = await clickhouse.query("SELECT number FROM migrations FINAL")
    applied = {row["number"] for row in rows}
    known = migrations()
    if newer := applied - {migration.number for migration in known}:
        raise ClickHouseRefused(
            f"the audit log's tables are of a newer version (migration {max(newer)}, this version knows "
            f"{len(known)}): start the newer version, or use another database"
        )
    for migration in known:
        if migration.number not in applied:
            # A migration may have been applied and not recorded, so it must bear being applied again.
            await clickhouse.command(migration.statement)
            await clickhouse.insert("migrations", ["number", "name"], [[migration.number], [migration.name]])
    for statement in views():
        await clickhouse.command(statement)


def _statements(folder: str) -> Iterator[tuple[str, str]]:
    """Name and text of the folder's .sql files, by name."""
    entries = (files("projections") / folder).iterdir()
    for entry in sorted(entries, key=lambda entry: entry.name):
        if entry.name.endswith(".sql"):
            yield entry.name, entry.read_text()
