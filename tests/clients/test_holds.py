"""A command that is held for a reviewer survives the patience of its client, whichever that is.

`make long-holds` holds them for half an hour, all at once, JDBC among them; the ordinary run for no longer
than a reviewer needs.
"""

import asyncio
import hashlib
import os
import re
import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import asyncpg
import psycopg
import pytest
from jgo.maven import MavenContext
from support.builders import AGENT, AUDREY, DANA, Document, configuration, postgres_resource
from support.deciding import decide
from support.gateway import Gateway, running_gateway
from support.postgres import Postgres
from support.psql import running_psql
from support.wait import eventually

from infra.kafka.jars import cache_folder

_SECONDS = float(os.environ.get("COUNTERSIGN_HOLD_SECONDS", "0"))
_JDBC, _JDBC_SHA256 = "42.7.4", "188976721ead8e8627eb6d8389d500dccc0c9bebd885268a3047180274a6031e"
_POLICIES: tuple[Document, ...] = (
    {"name": "sessions", "when": {"intents": ["read", "session"]}, "verdict": "allow"},
    {
        "name": "held for long",
        "when": {"intents": ["write"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "2h"},
    },
)


@pytest.fixture(scope="module")
def holding(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose reviewers may take their time."""
    database = postgres.copy_sample()

    def document(listen: Mapping[str, str]) -> Document:
        return configuration(
            listen=listen,
            resources=[postgres_resource("orders", postgres, database)],
            policies=_POLICIES,
            users=(AGENT, DANA, AUDREY),
            gateway={"remind_every": "1s"},
        )

    with running_gateway(tmp_path_factory.mktemp("holds"), document) as running:
        yield running


def _changing(order: int) -> str:
    return f"update orders set note = 'held' where id = {order}"


async def _by_psql(gateway: Gateway) -> int:
    async with running_psql(
        gateway.conninfo("orders"), gateway.psql_environment, "-Atc", _changing(1)
    ) as psql:
        done = await psql.finish(seconds=_SECONDS + 120)
    return int(done.stdout.removeprefix("UPDATE "))


async def _by_psycopg(gateway: Gateway) -> int:
    connection = await psycopg.AsyncConnection.connect(gateway.conninfo("orders"), autocommit=True)
    async with connection:
        return (await connection.execute(_changing(2).encode())).rowcount


async def _by_asyncpg(gateway: Gateway) -> int:
    connection = await asyncpg.connect(gateway.conninfo("orders"))
    done = await connection.execute(_changing(3))
    await connection.close()
    return int(done.removeprefix("UPDATE "))


async def _by_jdbc(gateway: Gateway) -> int:
    context = MavenContext(repo_cache=cache_folder() / "maven", timeout=120)
    driver = context.project("org.postgresql", "postgresql").at_version(_JDBC).artifact().resolve()
    assert hashlib.sha256(driver.read_bytes()).hexdigest() == _JDBC_SHA256
    url = (
        f"jdbc:postgresql://{gateway.listen['postgres']}/orders?sslmode=verify-full&sslrootcert={gateway.ca}"
    )
    source = str(Path(__file__).with_name("Held.java"))
    process = await asyncio.create_subprocess_exec(
        *("java", "-cp", str(driver), source, url, AGENT.name, AGENT.token, _changing(4)),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    return int(told)


_CLIENTS: dict[str, Callable[[Gateway], Awaitable[int]]] = {
    "id = 1": _by_psql,
    "id = 2": _by_psycopg,
    "id = 3": _by_asyncpg,
    **({"id = 4": _by_jdbc} if _SECONDS and shutil.which("javac") else {}),
}


@pytest.mark.timeout(_SECONDS + 300)
async def test_what_is_held_runs_once_it_is_approved(holding: Gateway) -> None:
    running = {what: asyncio.ensure_future(client(holding)) for what, client in _CLIENTS.items()}

    async def all_wait() -> dict[str, str]:
        async with holding.api(DANA) as api:
            answer = await api.get("/api/approvals")
        waiting = answer.json() if answer.status_code == 200 else []  # the API may not have caught up yet
        found = {match[0]: one["id"] for one in waiting if (match := re.search(r"id = \d", one["command"]))}
        return found if found.keys() == running.keys() else {}

    approvals = await eventually(all_wait, seconds=60, what="the requests for review")
    await asyncio.wait(running.values(), timeout=_SECONDS or 0.1, return_when=asyncio.FIRST_COMPLETED)
    assert [what for what, client in running.items() if client.done()] == []
    for approval in approvals.values():
        await decide(holding, DANA, approval, "approve", "at last")
    assert dict(zip(running, await asyncio.gather(*running.values()), strict=True)) == dict.fromkeys(
        running, 1
    )


async def test_who_waits_is_told_again_and_again(holding: Gateway) -> None:
    """So that no proxy between takes the connection for dead, and nobody forgets whom to ask."""
    async with running_psql(
        holding.conninfo("orders"), holding.psql_environment, "-Atc", _changing(5)
    ) as psql:
        first = await psql.said(r"held for review by rule \"held for long\": approval (\S+),")
        reminders = (
            rf"(?s)(still held for review: approval {first[1]}, .*? left; a member of dba can decide.*){{2}}"
        )
        await psql.said(reminders)
        await decide(holding, DANA, first[1], "reject", "enough")
        done = await psql.finish()
    assert done.stderr.rstrip().splitlines()[-1].startswith(("DETAIL", "HINT"))
    assert "still held" not in done.stderr.partition("a reviewer rejected")[2]
