"""Every attempt of walkarounds.yaml: directly, where it does its harm, and through the gateway."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from support.builders import AUDREY, DANA, Document, Someone, configuration, postgres_resource
from support.gateway import Gateway, running_gateway
from support.postgres import Postgres, running_postgres
from support.psql import running_psql
from support.walkarounds import WHERE, Attempt, Hands, Said, attempts

AGENT = Someone("agent-7", "agent", ("agents",))
BUILDER = Someone("builder", "agent", ("builders",))
TEMPORARY = Someone("temporary", "agent", ("temporary",))
SWAPPER = Someone("swapper", "person", ("swappers",))
WHO = {"agent": AGENT, "builder": BUILDER, "temporary": TEMPORARY}
_EVERYTHING = ["write", "bulk_write", "ddl", "export", "credential", "admin", "exec", "network"]
_WITHIN = ["sandbox.*", "pg_temp*.*"]
POLICIES: tuple[Document, ...] = (
    {"name": "reads", "when": {"groups": ["agents"], "intents": ["read", "session"]}, "verdict": "allow"},
    {
        "name": "builds in the sandbox",
        "when": {
            "groups": ["builders"],
            "intents": ["read", "session", "write", "bulk_write", "ddl"],
            "tables": _WITHIN,
        },
        "verdict": "allow",
    },
    {
        "name": "changes",
        "when": {"groups": ["agents"], "intents": _EVERYTHING},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "approvals": 1, "timeout": "60s", "valid_for": "30s"},
    },
    {"name": "anything", "when": {"groups": ["swappers"]}, "verdict": "allow"},
    {
        "name": "works on what is temporary",
        "when": {
            "groups": ["temporary"],
            "intents": ["read", "session", "write", "bulk_write", "ddl"],
            "tables": ["pg_temp*.*", "vault.*"],
        },
        "verdict": "allow",
    },
    {
        "name": "changes of what is not",
        "when": {"groups": ["temporary"], "tables": ["vault.*"], "intents": ["write"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "approvals": 1, "timeout": "60s", "valid_for": "30s"},
    },
    {
        "name": "drops",
        "when": {"statements": ["drop_database", "drop_table", "truncate"]},
        "verdict": "deny",
    },
)
ATTEMPTS = attempts()


@dataclass(frozen=True, slots=True)
class Place:
    """A server of its own, with a database for the gateway and another to copy for each control."""

    postgres: Postgres
    guarded: str
    template: str
    rolled_back: str  # a copy in which each control is rolled back
    types: dict[str, int]  # OIDs of the database's own types, by name
    watcher: Hands  # a superuser's connection to the guarded database
    numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def database_of_its_own(self, attempt: Attempt) -> Iterator[str]:
        """For what cannot be rolled back; other attempts share the template."""
        if not attempt.needs_a_database:
            yield self.rolled_back
            return
        name = f"its_own_{next(self.numbers)}"
        self.postgres.execute(f"create database {name} template {self.template} strategy file_copy")
        yield name

    @contextmanager
    def directly(self, user: str, database: str) -> Iterator[Hands]:
        socket = self.postgres.folder / f".s.PGSQL.{self.postgres.port}"
        with closing(Hands.directly(socket, user, database)) as hands:
            hands.learn_types(self.types)
            yield hands

    def state(self) -> str:
        """Of what is guarded in the database behind the gateway."""
        return str(self.watcher.say("select watch.state()").rows)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with running_postgres() as postgres:
        guarded = postgres.copy_sample()
        postgres.execute((WHERE / "walkarounds.sql").read_text(), guarded)
        postgres.execute(f"create database template_of_controls template {guarded}")
        postgres.execute(f"create database rolled_back template {guarded}")
        rows = postgres.execute("select typname, oid from pg_type where oid >= 16384", guarded)
        types = {name: int(oid) for name, oid in (row.split("|") for row in rows.splitlines())}
        socket = postgres.folder / f".s.PGSQL.{postgres.port}"
        with closing(Hands.directly(socket, "postgres", guarded)) as watcher:
            yield Place(postgres, guarded, "template_of_controls", "rolled_back", types, watcher)
        for left in Path("/tmp").glob("countersign-walkaround*"):  # what the server wrote in the controls
            left.unlink()


@pytest.fixture(scope="module")
def gateway(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    prod = postgres_resource("prod", place.postgres, place.guarded, labels={"env": "prod"})
    prod["credentials"] = {"user": "steward", "password": {"file": "app.password"}}
    small = postgres_resource("small", place.postgres, place.guarded, labels={"env": "prod"})
    with running_gateway(
        tmp_path_factory.mktemp("walkarounds"),
        lambda listen: configuration(
            listen=listen,
            resources=[prod, small],
            policies=POLICIES,
            users=(AGENT, BUILDER, TEMPORARY, SWAPPER, DANA, AUDREY),
        ),
    ) as running:
        yield running


def test_there_are_enough() -> None:
    assert len(ATTEMPTS) >= 300
    assert len({str(attempt) for attempt in ATTEMPTS}) == len(ATTEMPTS)


@pytest.mark.parametrize("attempt", [a for a in ATTEMPTS if a.control], ids=str)
def test_without_the_gateway_it_does_what_it_attempts(attempt: Attempt, place: Place) -> None:
    user = "steward" if attempt.resource == "prod" else "app"
    with place.database_of_its_own(attempt) as database, place.directly(user, database) as hands:
        if not attempt.needs_a_database:
            hands.say("begin")
        before = _effect(attempt, hands)
        said = hands.make(attempt)
        done = _done(attempt, said, before, "" if said.errors else _effect(attempt, hands))
        assert done, said


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
def test_through_the_gateway_it_does_not(attempt: Attempt, place: Place, gateway: Gateway) -> None:
    who = WHO[attempt.who]
    hands = Hands.through(
        gateway.listen["postgres"], who.name, who.token, attempt.resource, gateway.ca, str(attempt)[:60]
    )
    try:
        hands.learn_types(place.types)
        before = place.state()
        said = hands.make(attempt)
        assert said.verdict == attempt.verdict, said
        assert place.state() == before
    finally:
        hands.close()


async def test_an_approval_is_not_for_a_table_that_was_put_in_its_place(
    place: Place, gateway: Gateway
) -> None:
    """Held, then swapped in another session, then approved: nothing runs."""
    place.postgres.execute(
        "create table vault.harmless (n integer); insert into vault.harmless values (1)", place.guarded
    )
    async with (
        gateway.api(DANA) as dana,
        running_psql(gateway.conninfo("prod", AGENT), gateway.psql_environment) as psql,
    ):
        await psql.send("delete from vault.harmless;\n")
        approval = (await psql.said(r"approval ([0-9a-f-]{36})"))[1]
        before = place.state()
        async with running_psql(gateway.conninfo("prod", SWAPPER), gateway.psql_environment) as swapper:
            await swapper.send(
                "begin; alter table vault.harmless rename to was_harmless;"
                " alter table vault.secrets rename to harmless; commit;\n"
            )
            assert (await swapper.finish()).stderr == ""
        answer = await dana.post(f"/api/approvals/{approval}/approve", json={"comment": "fine"})
        assert answer.status_code == 200, answer.text
        await psql.said("no longer what it was")
    place.postgres.execute(
        "alter table vault.harmless rename to secrets; alter table vault.was_harmless rename to harmless",
        place.guarded,
    )
    assert place.state() == before


def _effect(attempt: Attempt, hands: Hands) -> str:
    if attempt.effect in ("answer", "tags"):
        return ""
    return str(hands.say("select watch.state()" if attempt.effect == "state" else attempt.effect).rows)


def _done(attempt: Attempt, said: Said, before: str, after: str) -> bool:
    """Whether the attempt did what it is for."""
    match attempt.effect:
        case "answer":
            return bool(said.rows) and not said.errors
        case "tags":
            return bool(said.tags) and not said.errors
    return before != after and not said.errors
