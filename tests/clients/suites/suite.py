"""The suites, and how each is told where the server is. Nothing else about them is changed."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Server:
    """What a suite connects to: PostgreSQL itself, or the gateway before one."""

    host: str
    port: int
    user: str
    password: str
    database: str

    @property
    def url(self) -> str:
        return f"{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"


@dataclass(frozen=True, slots=True)
class Suite:
    """A client's tests. `paths`: within its source. `setup`: SQL that its documentation asks for.

    `databases`: those that the tests make by themselves and connect to.
    """

    name: str
    paths: tuple[str, ...]
    environment: Callable[[Server], Mapping[str, str]]
    arguments: Callable[[Server], tuple[str, ...]] = lambda _: ()
    setup: str = ""
    databases: tuple[str, ...] = ()
    checkout: str = ""  # the variable that names a checkout, where no registry has the tests


def _libpq(server: Server) -> dict[str, str]:
    return {
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGUSER": server.user,
        "PGPASSWORD": server.password,
        "PGDATABASE": server.database,
    }


SUITES = (
    Suite(name="asyncpg", paths=("tests",), environment=_libpq, databases=("testdb", "asyncpg_intro_test")),
    Suite(
        name="psycopg",
        paths=("tests",),
        environment=lambda _: {"PYTHONASYNCIODEBUG": ""},
        arguments=lambda server: (
            f"--test-dsn=host={server.host} port={server.port} user={server.user} "
            f"password={server.password} dbname={server.database}",
            "-m",
            "not slow and not mypy and not proxy and not timing and not subprocess and not dns",
        ),
        setup="create extension hstore;",
        checkout="PSYCOPG_SOURCE",
    ),
    Suite(
        name="sqlalchemy",
        paths=("test",),
        environment=lambda _: {},
        # Without the 22,000 tests that it does not mark as talking to the database: of compilers, of mocks.
        arguments=lambda server: (f"--dburi=postgresql+psycopg://{server.url}", "--backend-only"),
        setup="create extension hstore; create extension citext; "
        "create schema test_schema; create schema test_schema_2;",
    ),
)


def source(suite: Suite, sources: Path) -> Path | None:
    """The folder that holds the suite's tests; None where nobody said where its checkout is."""
    if not suite.checkout:
        [folder] = sources.glob(f"{suite.name}-*/")
        return folder
    named = os.environ.get(suite.checkout)
    return Path(named) if named else None
