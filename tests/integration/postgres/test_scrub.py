"""Errors and notices of a real server over a secret: nothing of it remains once they are scrubbed."""

from pathlib import Path

import psycopg
import pytest
from support.answers import error, read_error
from support.postgres import Postgres

from ingress.postgres.answers.scrub import Scrubber

SECRET = "4929-zebra-0007"
NUMBER = "4929000700070007"
DIAGNOSTICS = {
    "S": "severity",
    "V": "severity_nonlocalized",
    "C": "sqlstate",
    "M": "message_primary",
    "D": "message_detail",
    "H": "message_hint",
    "P": "statement_position",
    "p": "internal_position",
    "q": "internal_query",
    "W": "context",
    "s": "schema_name",
    "t": "table_name",
    "c": "column_name",
    "d": "datatype_name",
    "n": "constraint_name",
    "F": "source_file",
    "L": "source_line",
    "R": "source_function",
}

SETUP = f"""
create temp table secrets (id int primary key, word text unique, number text, big numeric, day text);
insert into secrets values (1, '{SECRET}', '{NUMBER}', {NUMBER}, '4929-70-07');
create temp table checked (word text check (word not like '49%'), id int not null);
create temp table child (word text references secrets (word));
create temp table narrow (n int2);
create temp table excluded (r int4range, exclude using gist (r with &&));
create function pg_temp.raises() returns int language plpgsql as
    $$ begin raise exception '%', (select word from secrets) using errcode = '23505', column = 'word'; end $$;
create function pg_temp.notices() returns int language plpgsql as
    $$ begin raise notice '%', (select word from secrets); return 1; end $$;
create function pg_temp.dynamic() returns int language plpgsql as
    $$ begin execute format('select * from %I', (select word from secrets)); return 1; end $$;
create function pg_temp.nested() returns int language sql as $$ select word::int from secrets $$;
create function pg_temp.asserts() returns int language plpgsql as
    $$ begin assert false, (select word from secrets); return 1; end $$;
create function pg_temp.checks() returns trigger language plpgsql as
    $$ begin raise exception 'no %', (select word from secrets); end $$;
create trigger checks before delete on checked for each statement execute function pg_temp.checks();
"""

STATEMENTS = [
    line for line in Path("tests/corpus/errors.sql").read_text().splitlines() if not line.startswith("--")
]


def fields_of(diagnostic: psycopg.errors.Diagnostic) -> dict[str, str]:
    return {kind: str(value) for kind, name in DIAGNOSTICS.items() if (value := getattr(diagnostic, name))}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_nothing_of_a_value_remains(postgres: Postgres, statement: str) -> None:
    said: list[dict[str, str]] = []
    with psycopg.connect(postgres.conninfo()) as connection:
        connection.execute(SETUP)
        connection.add_notice_handler(lambda notice: said.append(fields_of(notice)))
        try:
            connection.execute(statement)
        except psycopg.Error as failure:
            said.append(fields_of(failure.diag))
        connection.rollback()
    assert said, "the server said nothing"
    scrubber = Scrubber(sensitive=True, proven=True, exports=False, redact=bytes)
    for fields in said:
        shown = read_error(scrubber.text(error(**fields)))
        assert shown["C"] == fields["C"]
        for part in ("zebra", "4929", "0007", "292d7a", "-70"):
            assert part not in str(shown).lower(), fields
