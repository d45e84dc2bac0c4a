"""Every way to read masked values that leaks.yaml knows: where it leaks, and through the gateway."""

import os
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.gateway import Gateway
from support.leaks import Case, Run, World, ask, cases, run_of, running_world
from support.postgres import Postgres
from support.random_queries import queries
from support.raw_values import RawValues
from support.wait import eventually
from support.wire import Wire
from support.written import all_written

CASES = cases("leaks.yaml")
# All ways are tried in one fixture.
pytestmark = pytest.mark.timeout(900)
LAST = "select 'the last of it'"
# What a client that knows a value says itself. The placeholders are those of a card, an address and a number.
_SAID = (
    "select id from customers where card = '{card}'",
    "select id from customers where email in ('{email}', 'x') or ssn like '{ssn}%'",
    "select id from (select card as c, id from customers) s where c = '{card}'",
    "select count(*) from customers c join (values ('{card}')) v (x) on v.x = c.card",
    "update customers set card = '{card}', email = '{email}' where id = 1",
    "insert into customers (id, name, email, card) values (1, 'x', '{email}', '{card}')",
    "insert into customers values (7000, 'x', '{email}', null, '{card}', '{ssn}')",
    "select card::int from customers where card = '{card}'",
    "do $$ begin perform 1 from customers where card = '{card}'; end $$",
    "select email_of(1) = '{email}'",
    "prepare said as select id from customers where card = '{card}'",
    "declare said cursor for select id from customers where card = '{card}'",
    "explain select id from customers where card = '{card}'",
    "select id from customers where card = '{card}' and",
)


@pytest.fixture(scope="module")
def world(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_world(postgres, tmp_path_factory.mktemp("leaks")) as world:
        yield world


@pytest.fixture(scope="module")
def run(world: World, postgres: Postgres) -> Run:
    said = _said(postgres, world.database)
    run = run_of(world, CASES)
    for text in said:
        _say(world.through.of("anyone"), text)
    for someone in ("agent", "anyone"):
        world.through.of(someone).simple(LAST)
    return run


def _said(postgres: Postgres, database: str) -> list[str]:
    card, email, ssn = postgres.execute(
        "select card, email, ssn from customers where id = 2", database
    ).split("|")
    return [text.format(card=card, email=email, ssn=ssn) for text in _SAID]


def _say(wire: Wire, text: str) -> None:
    """Runs a text in every way, for what becomes of it elsewhere."""
    wire.simple(text)
    wire.extended(text)
    literals = re.findall(r"'([^']*)'", text)
    numbered = text
    for number, literal in enumerate(literals, start=1):
        numbered = numbered.replace(f"'{literal}'", f"${number}", 1)
    wire.extended(numbered, literals)
    wire.simple("deallocate all")


def test_there_are_many_ways() -> None:
    assert len(CASES) >= 400


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_way_leaks_directly_and_not_through_the_gateway(case: Case, run: Run) -> None:
    run.holds(case)


def test_random_queries_show_no_value(world: World) -> None:
    """COUNTERSIGN_RANDOM_QUERIES: how many; `make leaks` takes many."""
    values = RawValues(world.every)
    many = int(os.environ.get("COUNTERSIGN_RANDOM_QUERIES", "120"))
    leaked = 0
    for wire in (world.direct.of("anyone"), world.through.of("anyone")):
        wire.simple("set statement_timeout = '2s'")

    @settings(max_examples=many, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(queries(), st.sampled_from(("simple", "extended", "binary")))
    def check(sql: str, way: str) -> None:
        nonlocal leaked
        directly = ask(world.direct.of("anyone"), sql, way)
        leaked += bool(values.found_in(directly.received, directly.rows))
        shown = ask(world.through.of("anyone"), sql, way)
        assert values.found_in(shown.received, shown.rows) == set()

    for _ in range(3):  # until enough of them would have shown something
        check()
        if leaked > many / 10:
            break
    assert leaked > many / 10, "queries that would show nothing anyway prove nothing"


async def test_no_value_is_written_down(run: Run) -> None:
    """In no topic, no table and no log: neither what answers held nor what clients said."""
    gateway = run.world.gateway
    await eventually(lambda: _projected(gateway), seconds=90, what="all commands in the audit log")
    written = await all_written(gateway)
    assert {"countersign.recordings", "commands", "ingress.log"} <= set(written)
    assert written["commands"].count(LAST.encode()) == 2
    values = [value.partition("@")[0].encode() for value in run.world.every]
    found = {
        place: [data[max(at - 200, 0) : at + 60] for value in values if (at := data.find(value)) >= 0]
        for place, data in written.items()
    }
    assert {place: around for place, around in found.items() if around} == {}


def _projected(gateway: Gateway) -> bool:
    (row,) = gateway.audit(
        f"select count() as n from commands where text = {_quoted(LAST)} and outcome = 'succeeded'"
    )
    return int(row["n"]) == 2


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"
