"""Every way to read masked values that leaks.yaml knows: where it leaks, and through the gateway."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.builders import AUDREY, Document, Someone, configuration, postgres_resource
from support.gateway import Gateway, running_gateway
from support.postgres import PASSWORD, Postgres
from support.random_queries import queries
from support.raw_values import RawValues
from support.wait import eventually
from support.wire import Answer, Wire
from support.written import all_written

AGENT = Someone("agent-7", "agent", ("agents",))
ANYONE = Someone("anyone", "person", ("anyone",))
SENSITIVE: Document = {
    "columns": {
        "public.customers.email": "email",
        "public.customers.card": "card",
        "*.*.ssn": "full",
        "public.payments*.card": "card",
    }
}
POLICIES: tuple[Document, ...] = (
    {
        "name": "whatever moves nothing out of sight",
        "when": {
            "groups": ["agents"],
            "intents": ["read", "probe", "write", "bulk_write", "ddl", "session", "admin"],
        },
        "verdict": "allow",
    },
    {
        "name": "copies to the client",
        "when": {
            "groups": ["agents"],
            "intents": ["read", "probe", "export"],
            "statements": ["copy", "select"],
        },
        "verdict": "allow",
    },
    {"name": "anything", "when": {"groups": ["anyone"]}, "verdict": "allow"},
)
_SECRETS = Path(__file__).with_name("secrets.sql")
LAST = "select 'the last of it'"
_EVERY = """
    select email from customers union select card from customers union select card from payments
    union select ssn from customers union select ssn from people
"""
_CLOSELY = "select unnest(array[email, card]) from customers where id < 4"
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


@dataclass(frozen=True, slots=True)
class Case:
    section: str
    statements: tuple[str, ...]
    expected: str
    someone: str
    way: str

    def __str__(self) -> str:
        return f"{self.section}: {'; '.join(self.statements)}"


def cases() -> list[Case]:
    document = YAML(typ="safe").load(Path(__file__).with_name("leaks.yaml"))
    return [
        Case(
            name,
            (case,) if isinstance(case, str) else tuple(case),
            section["is"],
            section.get("as", "agent"),
            section.get("way", "simple"),
        )
        for name, section in document.items()
        for case in section["cases"]
    ]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a case: the values its answers show, and the error of the first statement that failed."""

    shown: frozenset[str]
    error: dict[str, str]


@dataclass(frozen=True, slots=True)
class World:
    """A database directly and another, which holds the same, through a gateway."""

    gateway: Gateway
    every: list[str]  # sensitive value
    closely: list[str]  # those that are looked at closely
    said: list[str]  # texts of clients that know a value
    direct: "Sessions"
    through: "Sessions"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of all cases."""

    world: World
    direct: dict[str, Tried]
    through: dict[str, Tried]


def hide(postgres: Postgres, database: str) -> list[str]:
    """Makes the database's sensitive values unmistakable, and gives them."""
    postgres.execute(_SECRETS.read_text(), database)
    return list(filter(None, postgres.execute(_EVERY, database).split("\n")))


@pytest.fixture(scope="module")
def world(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    control, database = postgres.copy_sample(), postgres.copy_sample()
    hide(postgres, control)
    every = hide(postgres, database)
    closely = list(filter(None, postgres.execute(_CLOSELY, database).split("\n")))
    said = _said(postgres, database)
    folder = tmp_path_factory.mktemp("leaks")

    def document(listen: Any) -> Document:
        return configuration(
            listen=listen,
            resources=[
                postgres_resource("orders", postgres, database, sensitive=SENSITIVE, recording="full")
            ],
            policies=POLICIES,
            users=(AGENT, ANYONE, AUDREY),
        )

    with running_gateway(folder, document) as gateway:
        direct = Sessions(lambda who: Wire(postgres.address, "app_clear", PASSWORD, control, postgres.ca))
        through = Sessions(
            lambda who: Wire(
                gateway.listen["postgres"],
                {"agent": AGENT, "anyone": ANYONE}[who].name,
                {"agent": AGENT, "anyone": ANYONE}[who].token,
                "orders",
                gateway.ca,
            )
        )
        with direct, through:
            yield World(gateway, every, closely, said, direct, through)


@pytest.fixture(scope="module")
def run(world: World) -> Run:
    values = RawValues(world.every, world.closely)
    run = Run(
        world,
        {str(case): world.direct.tried(case, values) for case in cases()},
        {str(case): world.through.tried(case, values) for case in cases()},
    )
    for text in world.said:
        world.through.say(text)
    world.through.end()
    return run


def _said(postgres: Postgres, database: str) -> list[str]:
    card, email, ssn = postgres.execute(
        "select card, email, ssn from customers where id = 2", database
    ).split("|")
    return [text.format(card=card, email=email, ssn=ssn) for text in _SAID]


class Sessions:
    """One connection for each who asks, opened when it is needed, and again when it was lost."""

    def __init__(self, connect: Callable[[str], Wire]) -> None:
        self._connect = connect
        self._open: dict[str, Wire] = {}

    def __enter__(self) -> "Sessions":
        return self

    def __exit__(self, *_: object) -> None:
        for wire in self._open.values():
            wire.__exit__(None, None, None)

    def of(self, someone: str) -> Wire:
        if someone not in self._open:
            self._open[someone] = self._connect(someone)
        return self._open[someone]

    def tried(self, case: Case, values: RawValues) -> Tried:
        wire = self.of(case.someone)
        shown: set[str] = set()
        error: dict[str, str] = {}
        for statement in case.statements:
            answer = _ask(wire, statement, case.way)
            error = error or answer.error
            shown |= values.found_in(answer.received, answer.rows)
        after = wire.simple("select 1")  # what is told beside an answer has arrived by now
        shown |= values.found_in(after.received)
        wire.simple("rollback")
        wire.simple("discard all")
        return Tried(frozenset(shown), error)

    def say(self, text: str) -> None:
        """Runs a text in every way, for what becomes of it elsewhere."""
        wire = self.of("anyone")
        wire.simple(text)
        wire.extended(text)
        literals = re.findall(r"'([^']*)'", text)
        numbered = text
        for number, literal in enumerate(literals, start=1):
            numbered = numbered.replace(f"'{literal}'", f"${number}", 1)
        wire.extended(numbered, literals)
        wire.simple("deallocate all")

    def end(self) -> None:
        for someone in ("agent", "anyone"):
            self.of(someone).simple(LAST)


def _ask(wire: Wire, statement: str, way: str) -> Answer:
    if way == "simple":
        return wire.simple(statement)
    return wire.extended(statement, binary=way == "binary", at_once=2 if way == "portal" else 0)


def test_there_are_many_ways() -> None:
    assert len(cases()) >= 400


@pytest.mark.parametrize("case", cases(), ids=str)
def test_a_way_leaks_directly_and_not_through_the_gateway(case: Case, run: Run) -> None:
    assert run.direct[str(case)].shown, f"directly it shows nothing either: {run.direct[str(case)].error}"
    tried = run.through[str(case)]
    assert tried.shown == frozenset()
    refused = "verdict" in tried.error.get("D", "")
    match case.expected:
        case "masked":
            assert tried.error == {}
        case "refused":
            assert refused, tried.error
        case "scrubbed":
            assert tried.error
            assert not refused
        case other:
            raise AssertionError(f"nothing is called {other}")


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
        directly = _ask(world.direct.of("anyone"), sql, way)
        leaked += bool(values.found_in(directly.received, directly.rows))
        shown = _ask(world.through.of("anyone"), sql, way)
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
