"""Ways to read masked values (the files of tests/leaks), tried directly and through a gateway."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from support.builders import AUDREY, Document, Someone, configuration, postgres_resource
from support.gateway import Gateway, running_gateway
from support.postgres import PASSWORD, Postgres
from support.raw_values import RawValues
from support.wire import Answer, Wire

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
WHERE = Path(__file__).parents[1] / "leaks"
_EVERY = """
    select email from customers union select card from customers union select card from payments
    union select ssn from customers union select ssn from people
"""
_CLOSELY = "select unnest(array[email, card]) from customers where id < 4"


@dataclass(frozen=True, slots=True)
class Case:
    section: str
    statements: tuple[str, ...]
    expected: str
    someone: str
    way: str

    def __str__(self) -> str:
        return f"{self.section}: {'; '.join(self.statements)}"


def cases(name: str) -> list[Case]:
    """Those of this file of tests/leaks."""
    document = YAML(typ="safe").load(WHERE / name)
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
            answer = ask(wire, statement, case.way)
            error = error or answer.error
            shown |= values.found_in(answer.received, answer.rows)
        # What is told beside an answer has arrived by the end of this.
        for statement in ("rollback; select 1", "discard all"):
            shown |= values.found_in(wire.simple(statement).received)
        return Tried(frozenset(shown), error)


def ask(wire: Wire, statement: str, way: str) -> Answer:
    """What one statement is answered: way "simple", "extended", "binary" or "portal" (two rows at a time)."""
    if way == "simple":
        return wire.simple(statement)
    return wire.extended(statement, binary=way == "binary", at_once=2 if way == "portal" else 0)


@dataclass(frozen=True, slots=True)
class World:
    """A database directly and another, which holds the same, through a gateway."""

    gateway: Gateway
    database: str  # behind the gateway
    every: list[str]  # sensitive value
    closely: list[str]  # those that are looked at closely
    direct: "Sessions"
    through: "Sessions"


def hide(postgres: Postgres, database: str) -> list[str]:
    """Makes the database's sensitive values unmistakable, and gives them."""
    postgres.execute((WHERE / "secrets.sql").read_text(), database)
    return list(filter(None, postgres.execute(_EVERY, database).split("\n")))


@contextmanager
def running_world(postgres: Postgres, folder: Path) -> Iterator[World]:
    """The gateway before a copy of the sample database, and another copy beside it."""
    control, database = postgres.copy_sample(), postgres.copy_sample()
    hide(postgres, control)
    every = hide(postgres, database)
    closely = list(filter(None, postgres.execute(_CLOSELY, database).split("\n")))

    def document(listen: Mapping[str, str]) -> Document:
        return configuration(
            listen=listen,
            resources=[
                postgres_resource("orders", postgres, database, sensitive=SENSITIVE, recording="full")
            ],
            policies=POLICIES,
            users=(AGENT, ANYONE, AUDREY),
        )

    with running_gateway(folder, document) as gateway:
        ca = postgres.ca if postgres.has_tls else None
        direct = Sessions(lambda who: Wire(postgres.address, "app_clear", PASSWORD, control, ca))
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
            yield World(gateway, database, every, closely, direct, through)


@dataclass(frozen=True, slots=True)
class Run:
    """What came of all cases."""

    world: World
    direct: Mapping[str, Tried]
    through: Mapping[str, Tried]

    def holds(self, case: Case) -> None:
        """Raises AssertionError unless the case leaks directly, and through the gateway as it says."""
        directly, tried = self.direct[str(case)], self.through[str(case)]
        assert directly.shown, f"directly it shows nothing either: {directly.error}"
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


def run_of(world: World, all_cases: list[Case]) -> Run:
    """Tries each case directly and through the gateway, side by side: each has a database of its own."""

    def tried(sessions: Sessions) -> dict[str, Tried]:
        values = RawValues(world.every, world.closely)  # one is for one thread
        return {str(case): sessions.tried(case, values) for case in all_cases}

    with ThreadPoolExecutor(2) as pool:
        direct, through = pool.map(tried, (world.direct, world.through))
    return Run(world, direct, through)
