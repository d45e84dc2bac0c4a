"""COPY TO STDOUT of a real server in every form: masked, and still data that COPY FROM reads."""

import psycopg
import pytest
from psycopg.pq import ExecStatus
from support.answers import copy_data, copy_out, read_copy
from support.postgres import Postgres

from ingress.postgres.answers.copy_options import copy_options
from ingress.postgres.results import ResultMasker
from processors.masking.plan import make_plan
from schemas.vocabulary import Facts, Intent, Output, SensitiveColumn

SETUP = r"""
create temp table given (a int, b text, c text, d text, e text);
insert into given values
    (1, E'a,"b\nc', '4111111111111111', null, E'x\\y\t|z;'), (2, '', 'b', 'n', 'q'), (3, null, '', '*', '[');
create temp table back (like given);
"""
CLEAN, SECRET = (), ("public.given.secret",)
OUTPUTS = tuple(
    Output(name, sources, proven=True)
    for name, sources in (("a", CLEAN), ("b", SECRET), ("c", SECRET), ("d", CLEAN), ("e", CLEAN))
)
FACTS = Facts(intents=(Intent.READ,), outputs=OUTPUTS, outputs_known=True)
PLAN = make_plan(FACTS, (SensitiveColumn("*.*.secret", "full"),), ("email", "card_number"))


def copied(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> list[bytes]:
    """The payload of each CopyData message."""
    assert connection.pgconn.exec_(statement.encode()).status == ExecStatus.COPY_OUT
    payloads: list[bytes] = []
    while True:
        length, payload = connection.pgconn.get_copy_data(0)
        if length < 0:
            break
        payloads.append(bytes(payload))
    while connection.pgconn.get_result():
        pass
    return payloads


@pytest.mark.parametrize(
    "options",
    [
        "",
        "(format csv)",
        "(format csv, header, quote '''', delimiter ';')",
        r"(format csv, escape '\')",
        r"(format csv, null '\N', delimiter '[')",
        "(delimiter '|')",
        "(delimiter '*')",
        "(null 'nil', header)",
        "(format binary)",
    ],
)
def test_what_is_masked_can_be_copied_back(postgres: Postgres, options: str) -> None:
    statement = f"copy given to stdout {options}"
    masker = ResultMasker(PLAN, lambda table, attribute: None, proven=True, copy=copy_options(statement))
    masker.copy_begins(copy_out(len(OUTPUTS), binary="binary" in options))
    with psycopg.connect(postgres.conninfo()) as connection:
        connection.execute(SETUP)
        shown = read_copy(masker.copy_data(copy_data(*copied(connection, statement))))
        with connection.cursor().copy(f"copy back from stdin {options}") as back:
            for payload in shown:
                back.write(payload)
        given = connection.execute("select * from given order by a").fetchall()
        masked = connection.execute("select * from back order by a").fetchall()
        connection.rollback()
    in_binary = "binary" in options
    # A NULL that is written as a value could be: told apart, it would tell which values are that one.
    hides_null = "nil" in options
    for before, after in zip(given, masked, strict=True):
        assert (after[0], *after[3:]) == (before[0], *before[3:])
        for value, seen in zip(before[1:3], after[1:3], strict=True):
            is_null = in_binary or (value is None and not hides_null)
            assert seen == (None if is_null else "[masked]")
