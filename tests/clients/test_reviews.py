"""Reviews as a requester with psql and a reviewer with the API meet them, each to its end."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from support.builders import (
    AGENT,
    AUDREY,
    DANA,
    SENSITIVE,
    Document,
    Someone,
    configuration,
    postgres_resource,
)
from support.deciding import decide
from support.gateway import Gateway, running_gateway
from support.postgres import Postgres
from support.psql import run_psql, running_psql
from support.repository import ROOT
from support.wait import eventually
from support.written import all_written

PRIYA = Someone("priya", "person", ("privacy",))
POLICIES: tuple[Document, ...] = (
    {
        "name": "agents read freely",
        "when": {"groups": ["agents"], "intents": ["read", "session"]},
        "verdict": "allow",
    },
    {
        "name": "privacy officers unmask",
        "when": {"groups": ["agents"], "unmask": ["public.customers.email", "public.customers.ssn"]},
        "verdict": "review",
        "review": {"reviewers": ["privacy"], "timeout": "60s", "valid_for": "30s"},
        "require": ["reason"],
    },
    {
        "name": "changes need a DBA",
        "when": {"intents": ["write"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "60s", "valid_for": "30s"},
    },
)
ASKS = "/* unmask: public.customers.email, reason: OPS-12 */ "
LAST = "select 'the last of the reviews'"


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> str:
    """A database whose sensitive values are unmistakable."""
    name = postgres.copy_sample()
    postgres.execute((ROOT / "tests/leaks/secrets.sql").read_text(), name)
    return name


@pytest.fixture(scope="module")
def reviewed(
    postgres: Postgres, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway whose rules ask for reviews of every kind."""

    def document(listen: Mapping[str, str]) -> Document:
        return configuration(
            listen=listen,
            resources=[
                postgres_resource("orders", postgres, database, sensitive=SENSITIVE, recording="full")
            ],
            policies=POLICIES,
            users=(AGENT, DANA, PRIYA, AUDREY),
        )

    folder: Path = tmp_path_factory.mktemp("reviews")
    with running_gateway(folder, document) as running:
        yield running


class TestUnmaskedAnswers:
    async def test_psql_sees_the_values_once_they_are_approved(
        self, reviewed: Gateway, postgres: Postgres, database: str
    ) -> None:
        raw = postgres.execute("select email from customers where id = 1", database)
        async with running_psql(reviewed.conninfo("orders"), reviewed.psql_environment, "-At") as psql:
            await psql.send(f"{ASKS} select email, card from customers where id = 1;\n")
            held = await psql.said(r'held for review by rule "privacy officers unmask": approval (\S+),')
            async with reviewed.api(PRIYA) as api:
                shown = (await api.get(f"/api/approvals/{held[1]}")).json()
            assert shown["unmask"] == ["public.customers.email"]
            await decide(reviewed, PRIYA, held[1], "approve", "for OPS-12")
            await psql.send("select email from customers where id = 1;\n")
            done = await psql.finish()
        first, second = done.stdout.splitlines()
        email, card = first.split("|")
        assert email == raw
        assert card.startswith("****"), "what was not asked for stays masked"
        assert second != raw, "the next command is masked again"
        assert "***@" in second

    async def test_binary_values_in_steps_are_unmasked_too(
        self, reviewed: Gateway, postgres: Postgres, database: str
    ) -> None:
        """asyncpg: prepared, described, values in binary, a portal read in steps."""
        raw = postgres.execute("select email from customers where id < 4 order by id", database).split("\n")
        approvals: list[str] = []
        connection = await asyncpg.connect(reviewed.conninfo("orders"))
        connection.add_log_listener(lambda _, notice: approvals.append(notice.detail))
        async with connection.transaction():
            statement = await connection.prepare(
                f"{ASKS} select email, ssn from customers where id < $1 order by id"
            )
            reading = asyncio.create_task(_in_steps(statement))
            await eventually(lambda: approvals, what="the notice of the review")
            await decide(reviewed, PRIYA, json.loads(approvals[0])["approval"], "approve", "")
            rows = await reading
        await connection.close()
        assert [row["email"] for row in rows] == raw
        assert {row["ssn"] for row in rows} == {"[masked]"}

    @pytest.mark.parametrize(
        ("sql", "why"),
        [
            ("/* unmask: public.customers.email */ select email from customers", "this needs a reason"),
            (
                "/* unmask: public.customers.card, reason: x */ select card from customers",
                "no rule lets you ask for unmasked values of public.customers.card",
            ),
            (
                "/* unmask: public.customers.email, public.customers.card, reason: x */ "
                "select email, card from customers",
                "no rule lets you ask",
            ),
            (
                "/* unmask: public.customers.card, reason: x */ select email from customers",
                "the answer has no such masked column: public.customers.card",
            ),
            (f"{ASKS} select upper(email) from customers", "no such masked column"),
            (f"{ASKS} select id from customers", "no such masked column"),
            (
                f"{ASKS} select email from customers union select card from customers",
                "no rule allows finding out",
            ),
            (f"{ASKS} select string_agg(email, ',') from customers", "no such masked column"),
            ("/* unmask: *.*.*, reason: x */ select email from customers", "no such masked column"),
            (f"{ASKS} copy customers (email) to stdout", "to a SELECT by itself"),
            (f"{ASKS} explain analyze select email from customers", "to a SELECT by itself"),
            (f"{ASKS} declare c cursor for select email from customers", "to a SELECT by itself"),
            (f"prepare p as {ASKS} select email from customers", "to a SELECT by itself"),
            (f"{ASKS} update customers set name = name where id = 1 returning email", "nothing but read"),
            (f"{ASKS} delete from pg_authid returning rolname", "nothing but read"),
        ],
    )
    async def test_what_is_not_given_is_refused_and_says_why(
        self, reviewed: Gateway, sql: str, why: str
    ) -> None:
        done = await run_psql(
            reviewed.conninfo("orders"), reviewed.psql_environment, f"{sql};\nselect 'still here';\n", "-At"
        )
        assert re.search(why, done.stderr), done.stderr
        assert done.stdout == "still here\n"

    async def test_a_dba_does_not_unmask(self, reviewed: Gateway) -> None:
        async with running_psql(reviewed.conninfo("orders"), reviewed.psql_environment, "-At") as psql:
            await psql.send(f"{ASKS} select email from customers where id = 1;\n")
            held = await psql.said(r"approval (\S+), http")
            async with reviewed.api(DANA) as api:
                answer = await api.post(f"/api/approvals/{held[1]}/approve", json={})
            assert answer.status_code == 403
            await decide(reviewed, PRIYA, held[1], "reject", "ask support")
            await psql.said("ask support")
            done = await psql.finish()
        assert done.stdout == ""

    async def test_no_value_is_written_down(
        self, reviewed: Gateway, postgres: Postgres, database: str
    ) -> None:
        """The recording of an unmasked answer is masked, and so is all else."""
        values = postgres.execute("select email from customers where email is not null", database).split("\n")
        async with running_psql(reviewed.conninfo("orders"), reviewed.psql_environment, "-At") as psql:
            await psql.send(f"{ASKS} select email from customers order by id;\n")
            held = await psql.said(r"approval (\S+), http")
            await decide(reviewed, PRIYA, held[1], "approve", "for OPS-12")
            await psql.send(f"{LAST};\n")
            done = await psql.finish()
        assert set(values) <= set(done.stdout.splitlines())
        await eventually(
            lambda: reviewed.audit(
                f"select 1 from commands where text = {_quoted(LAST)} and outcome = 'succeeded'"
            ),
            seconds=60,
            what="the last command in the audit log",
        )
        written = await all_written(reviewed)
        assert b"***@example.com" in written["countersign.recordings"]
        names = [value.partition("@")[0].encode() for value in values]
        assert {place: name for place, data in written.items() for name in names if name in data} == {}


async def _in_steps(statement: Any) -> list[Any]:
    return [row async for row in statement.cursor(4, prefetch=2)]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"
