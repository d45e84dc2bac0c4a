import re

from projections.columns import DEFAULTS
from projections.schema import migrations, views


def test_migrations_are_numbered_and_bear_being_applied_again() -> None:
    found = migrations()
    assert [migration.number for migration in found] == list(range(1, len(found) + 1))
    for migration in found:
        assert " IF NOT EXISTS " in migration.statement


def test_every_table_the_rows_are_for_is_made_with_its_columns() -> None:
    made: dict[str, set[str]] = {}
    for migration in migrations():
        name = re.search(r"(?:CREATE TABLE IF NOT EXISTS|ALTER TABLE) (\w+)", migration.statement)
        assert name is not None
        columns = re.findall(
            r"^    (?:ADD COLUMN IF NOT EXISTS )?`?([a-z_]+)`? ", migration.statement, re.MULTILINE
        )
        made.setdefault(name[1], set()).update(columns)
    assert made == {table: set(defaults) for table, defaults in DEFAULTS.items()}


def test_views_are_made_anew_and_say_what_they_are() -> None:
    for statement in views():
        assert statement.startswith("-- ")
        assert "CREATE OR REPLACE VIEW" in statement
