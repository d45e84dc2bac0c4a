"""Reviews as a requester with psql and a reviewer with the API meet them, each to its end."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx
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
from support.psql import Finished, run_psql, running_psql
from support.repository import ROOT
from support.wait import eventually
from support.written import all_written

OLAF = Someone("olaf", "person", ("on-call",))
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
        "name": "items at once",
        "when": {"tables": ["public.order_items"], "intents": ["write"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "60s", "valid_for": "30s", "hold": False},
    },
    {
        "name": "two groups",
        "when": {"command": "two groups", "intents": ["write"]},
        "verdict": "review",
        "review": {"all_of": ["dba", "privacy"], "timeout": "60s", "valid_for": "30s"},
    },
    {
        "name": "emergencies",
        "when": {"command": "emergency", "intents": ["read"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "60s", "break_glass": ["on-call", "agents"]},
    },
    {
        "name": "tiresome",
        "when": {"command": "tiresome", "intents": ["read"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "60s"},
        "limits": {"rejections": "2/h"},
    },
    {
        "name": "soon over",
        "when": {"command": "soon over", "intents": ["read"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "2s"},
    },
    {
        "name": "two stages",
        "when": {"command": "two stages", "intents": ["read"]},
        "verdict": "review",
        "review": {"owners": True, "then": [{"reviewers": ["privacy"]}], "timeout": "60s"},
    },
    {
        "name": "escalates",
        "when": {"command": "escalates", "intents": ["read"]},
        "verdict": "review",
        "review": {
            "reviewers": ["privacy"],
            "escalation": {"after": "2s", "to": ["dba"]},
            "timeout": "60s",
        },
    },
    {
        "name": "changes need a DBA",
        "when": {"intents": ["write"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "60s", "valid_for": "30s"},
    },
)
ASKS = "/* unmask: public.customers.email, reason: OPS-12 */ "
_ACTIVE = "select count(*) from pg_stat_activity where query ~ '{}' and state = 'active'"
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
                postgres_resource(
                    "orders", postgres, database, sensitive=SENSITIVE, recording="full", owners=["dba"]
                )
            ],
            policies=POLICIES,
            users=(AGENT, DANA, OLAF, PRIYA, AUDREY),
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


class TestApproveThenRetry:
    """A command of a rule that does not hold: refused at once, and run when it is asked for again."""

    async def run(self, gateway: Gateway, sql: str) -> Finished:
        return await run_psql(gateway.conninfo("orders"), gateway.psql_environment, f"{sql};\n", "-At")

    async def asked(self, gateway: Gateway, sql: str) -> str:
        """The approval that a command is told to wait for."""
        done = await self.run(gateway, sql)
        detail = re.search(r"DETAIL:  (.*)", done.stderr)
        assert detail is not None, done.stderr
        told = json.loads(detail[1])
        assert (told["verdict"], told["state"]) == ("review", "pending"), done.stderr
        assert told["link"] == f"{gateway.api_url}/approvals/{told['approval']}"
        assert told["link"] in done.stderr.splitlines()[0]
        assert "Run the very same command again" in done.stderr
        assert done.stdout == ""
        return str(told["approval"])

    async def is_run(self, gateway: Gateway, sql: str) -> bool:
        return "UPDATE 1" in (await self.run(gateway, sql)).stdout

    async def test_one_of_those_who_ask_again_runs_it(
        self, reviewed: Gateway, postgres: Postgres, database: str
    ) -> None:
        sql = "update order_items set quantity = quantity + 10 where order_id = 1 and line = 1"
        count = "select quantity from order_items where order_id = 1 and line = 1"
        before = int(postgres.execute(count, database))
        approval = await self.asked(reviewed, sql)
        assert await self.asked(reviewed, sql) == approval, "the same one is joined"
        await decide(reviewed, DANA, approval, "approve", "once")

        async def is_used() -> bool:
            return any(await asyncio.gather(*(self.is_run(reviewed, sql) for _ in range(4))))

        await eventually(is_used, what="one of four runs it")
        assert int(postgres.execute(count, database)) == before + 10
        again = await self.asked(reviewed, sql)
        assert again != approval, "a new decision is needed"
        assert int(postgres.execute(count, database)) == before + 10

    async def test_an_approval_is_for_the_very_command(self, reviewed: Gateway) -> None:
        sql = "update order_items set quantity = 3 where order_id = 2 and line = 1"
        approval = await self.asked(reviewed, sql)
        await decide(reviewed, DANA, approval, "approve", "")
        others = [
            "update order_items set quantity = 3 where order_id = 2 and line = 2",
            f"{sql} or true",
            f"begin;\n{sql}",
            f"set search_path = public, pg_catalog;\n{sql}",
        ]
        for other in others:
            done = await self.run(reviewed, other)
            assert "not run yet" in done.stderr, other
            assert approval not in done.stderr, other

        async def is_run() -> bool:
            return await self.is_run(reviewed, sql)

        await eventually(is_run)

    async def test_a_rejected_one_is_not_asked_for_again(self, reviewed: Gateway) -> None:
        sql = "update order_items set quantity = 4 where order_id = 3 and line = 1"
        approval = await self.asked(reviewed, sql)
        await decide(reviewed, DANA, approval, "reject", "not in the week of the audit")

        async def refused() -> str:
            told = (await self.run(reviewed, sql)).stderr
            return told if "not run yet" not in told else ""

        told = await eventually(refused)
        assert 'a reviewer rejected this command: "not in the week of the audit"' in told
        assert "to run it again will not help" in told
        assert approval in told


async def _in_steps(statement: Any) -> list[Any]:
    return [row async for row in statement.cursor(4, prefetch=2)]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"


class TestQuorum:
    async def test_each_of_the_groups_must_approve(self, reviewed: Gateway) -> None:
        async with running_psql(reviewed.conninfo("orders"), reviewed.psql_environment, "-At") as psql:
            await psql.send("/* two groups */ update orders set note = 'both' where id = 11;\n")
            held = await psql.said(r'by rule "two groups": approval (\S+), http')
            await decide(reviewed, DANA, held[1], "approve", "as a DBA")
            async with reviewed.api(PRIYA) as api:
                found = (await api.get(f"/api/approvals/{held[1]}")).json()
            assert (found["state"], found["all_of"]) == ("pending", ["dba", "privacy"])
            assert psql.stdout == ""
            await decide(reviewed, PRIYA, held[1], "approve", "as a privacy officer")
            await psql.said(r'approved by dana, priya: "as a DBA; as a privacy officer"')
            done = await psql.finish()
        assert done.stdout == "UPDATE 1\n"


class TestStages:
    async def answer(self, gateway: Gateway, someone: Someone, approval: str) -> int:
        async with gateway.api(someone) as api:
            answer = await api.post(f"/api/approvals/{approval}/approve", json={})
        return answer.status_code

    async def test_the_owners_of_the_resource_come_first(self, reviewed: Gateway) -> None:
        async with running_psql(reviewed.conninfo("orders"), reviewed.psql_environment, "-At") as psql:
            await psql.send("select 'two stages' from orders where id = 1;\n")
            held = await psql.said(r"approval (\S+), http")
            async with reviewed.api(PRIYA) as api:
                path = f"/api/approvals/{held[1]}"
                await eventually(lambda: _is_there(api, path))
                found = (await api.get(path)).json()
            assert (found["stage"], found["deciders"], found["can_decide"]) == (1, ["dba"], False)
            assert await self.answer(reviewed, PRIYA, held[1]) == 403
            assert await self.answer(reviewed, DANA, held[1]) == 200
            assert await self.answer(reviewed, DANA, held[1]) in (403, 409)
            assert await self.answer(reviewed, PRIYA, held[1]) == 200
            await psql.said("approved by dana, priya")
            done = await psql.finish()
        assert done.stdout == "two stages\n"

    async def test_others_decide_once_it_has_waited_too_long(self, reviewed: Gateway) -> None:
        async with running_psql(reviewed.conninfo("orders"), reviewed.psql_environment, "-At") as psql:
            await psql.send("select 'escalates' from orders where id = 1;\n")
            held = await psql.said(r"approval (\S+), http")
            async with reviewed.api(DANA) as api:
                path = f"/api/approvals/{held[1]}"
                await eventually(lambda: _is_there(api, path))
                assert (await api.get(path)).json()["can_decide"] is False

                async def may_decide() -> bool:
                    return bool((await api.get(path)).json()["can_decide"])

                await eventually(may_decide, what="the escalation")
            assert await self.answer(reviewed, DANA, held[1]) == 200
            await psql.said("approved by dana")
            done = await psql.finish()
        assert done.stdout == "escalates\n"


class TestDeadline:
    async def test_what_nobody_decides_ends_by_itself_and_leaves_the_inbox(self, reviewed: Gateway) -> None:
        async with running_psql(reviewed.conninfo("orders"), reviewed.psql_environment, "-At") as psql:
            await psql.send("select 'soon over' from orders where id = 1;\nselect 'the session goes on';\n")
            held = await psql.said(r"approval (\S+), http")
            await psql.said("no reviewer decided in time")
            done = await psql.finish()
        assert done.stdout == "the session goes on\n"
        async with reviewed.api(DANA) as api:

            async def has_left() -> bool:
                waiting = {one["id"] for one in (await api.get("/api/approvals")).json()}
                return held[1] not in waiting

            await eventually(has_left, what="the end in the inbox")
            assert (await api.get(f"/api/approvals/{held[1]}")).json()["state"] == "timed_out"
            late = await api.post(f"/api/approvals/{held[1]}/approve", json={})
        assert late.status_code == 409


class TestBreakGlass:
    GLASS = "/* reason: break-glass: the shop is down */ "

    async def reviewed_afterwards(self, gateway: Gateway, text: str) -> str:
        async def found() -> str:
            async with gateway.api(DANA) as api:
                waiting = (await api.get("/api/approvals")).json()
            return next((one["id"] for one in waiting if text in one["command"] and one["afterwards"]), "")

        approval: str = await eventually(found, what="the request for review")
        return approval

    async def test_it_runs_at_once_and_is_reviewed_afterwards(self, reviewed: Gateway) -> None:
        sql = f"{self.GLASS} select 'emergency 1' from orders where id = 1"
        done = await run_psql(
            reviewed.conninfo("orders", OLAF), reviewed.psql_environment, f"{sql};\n", "-At"
        )
        assert done.stdout == "emergency 1\n", done.stderr
        approval = await self.reviewed_afterwards(reviewed, "emergency 1")
        await decide(reviewed, DANA, approval, "approve", "well done")

        def on_record() -> list[dict[str, Any]]:
            return reviewed.audit(
                f"select * from approvals where approval = '{approval}' and outcome != '' "
                "and state = 'approved'"
            )

        (row,) = await eventually(on_record, seconds=30)
        assert (row["afterwards"], row["is_overdue"], row["outcome"]) == (1, 0, "succeeded")
        (command,) = reviewed.audit(f"select * from commands where break_glass = '{approval}'")
        assert (command["principal"], command["reason"]) == ("olaf", "break-glass: the shop is down")
        assert "glass_broken" in (reviewed.folder / "state" / "log" / "processors.log").read_text()

    async def test_a_rejection_stops_what_still_runs(
        self, reviewed: Gateway, postgres: Postgres, database: str
    ) -> None:
        running = _ACTIVE.format("^/. reason: break-glass.*emergency 2")
        sql = f"{self.GLASS} select 'emergency 2', pg_sleep(60) from orders where id = 1"
        async with running_psql(reviewed.conninfo("orders", OLAF), reviewed.psql_environment) as psql:
            await psql.send(f"{sql};\n")
            await eventually(lambda: postgres.execute(running, database) == "1", what=psql.stderr)
            approval = await self.reviewed_afterwards(reviewed, "emergency 2")
            await decide(reviewed, DANA, approval, "reject", "not this way")
            await psql.said("stopped: dana revoked approval .*not this way")
            await psql.finish()

    async def test_an_agent_never_breaks_the_glass(self, reviewed: Gateway) -> None:
        async with running_psql(reviewed.conninfo("orders"), reviewed.psql_environment) as psql:
            await psql.send(f"{self.GLASS} select 'emergency 3' from orders where id = 1;\n")
            await psql.said("held for review")
            psql.interrupt()
            await psql.finish()


class TestFatigue:
    async def test_an_agent_that_is_rejected_again_and_again_is_paused_and_told_so(
        self, reviewed: Gateway
    ) -> None:
        async with running_psql(reviewed.conninfo("orders"), reviewed.psql_environment, "-At") as psql:
            for number in (1, 2):
                await psql.send(f"select 'tiresome {number}' from orders where id = 1;\n")

                async def held(number: int = number) -> list[str]:
                    found = re.findall(r"approval (\S+), http", psql.stderr)
                    return found if len(found) == number else []

                approval = (await eventually(held))[-1]
                await decide(reviewed, DANA, approval, "reject", f"no {number}")
                await psql.said(f"no {number}")
            done = await psql.finish()
        assert "paused" not in done.stderr

        async def paused() -> str:
            async with running_psql(reviewed.conninfo("orders"), reviewed.psql_environment, "-At") as psql:
                await psql.send("select 'tiresome 3' from orders where id = 1;\n")
                await psql.said(r"held for review|ERROR")
                psql.interrupt()
                said = (await psql.finish()).stderr
            return said if "held" not in said else ""

        told = await eventually(paused)
        assert "paused: reviewers rejected 2 of its commands in 1 hour" in told
        assert "retry_at" in told
        async with reviewed.api(AUDREY) as api:
            assert (await api.post("/api/agents/agent-7/resume", json={"comment": "x"})).status_code == 403
        async with reviewed.api(DANA) as api:
            assert (await api.post("/api/agents/nobody/resume", json={"comment": "x"})).status_code == 404
            lifted = await api.post("/api/agents/agent-7/resume", json={"comment": "the prompt is fixed"})
        assert lifted.status_code == 202
        assert "tiresome" in lifted.json()["rules"]

        async def heard_again() -> bool:
            async with running_psql(reviewed.conninfo("orders"), reviewed.psql_environment, "-At") as psql:
                await psql.send("select 'tiresome 4' from orders where id = 1;\n")
                await psql.said(r"held for review|ERROR")
                psql.interrupt()
                return "held" in (await psql.finish()).stderr

        await eventually(heard_again, what="the pause lifted")


async def _is_there(api: httpx.AsyncClient, path: str) -> bool:
    return (await api.get(path)).status_code == 200


class TestRevocation:
    async def revoke(self, gateway: Gateway, approval: str, comment: str) -> dict[str, Any]:
        async with gateway.api(DANA) as api:
            answer = await api.post(f"/api/approvals/{approval}/revoke", json={"comment": comment})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def test_a_running_command_is_cancelled_within_a_second(
        self, reviewed: Gateway, postgres: Postgres, database: str
    ) -> None:
        async with running_psql(reviewed.conninfo("orders"), reviewed.psql_environment, "-At") as psql:
            await psql.send("update orders set note = 'gone' where id = 9 and pg_sleep(60) is not null;\n")
            held = await psql.said(r"approval (\S+), http")
            await decide(reviewed, DANA, held[1], "approve", "")
            running = _ACTIVE.format("^update orders.*pg_sleep")
            await eventually(lambda: postgres.execute(running, database) == "1", what="the update running")
            began = asyncio.get_running_loop().time()
            settled = await self.revoke(reviewed, held[1], "wrong table")
            await eventually(lambda: postgres.execute(running, database) == "0", what="the update cancelled")
            took = asyncio.get_running_loop().time() - began
            await psql.said(f'stopped: dana revoked approval {held[1]}: "wrong table"')
            await psql.send("select coalesce(note, 'untouched') from orders where id = 9;\n")
            done = await psql.finish()
        assert settled["state"] == "revoked"
        assert took < 1
        assert done.stdout.splitlines() == ["untouched"]

    async def test_one_that_was_not_used_lets_nothing_through(self, reviewed: Gateway) -> None:
        retry = TestApproveThenRetry()
        sql = "update order_items set quantity = 5 where order_id = 4 and line = 1"
        approval = await retry.asked(reviewed, sql)
        await decide(reviewed, DANA, approval, "approve", "")
        await self.revoke(reviewed, approval, "on second thought")

        async def asked_anew() -> bool:
            return await retry.asked(reviewed, sql) != approval

        await eventually(asked_anew)

    async def test_one_used_by_a_retry_is_cancelled(
        self, reviewed: Gateway, postgres: Postgres, database: str
    ) -> None:
        retry = TestApproveThenRetry()
        sql = "update order_items set quantity = 6 where order_id = 5 and pg_sleep(60) is not null"
        approval = await retry.asked(reviewed, sql)
        await decide(reviewed, DANA, approval, "approve", "")
        running = _ACTIVE.format("^update order_items.*pg_sleep")
        task = asyncio.create_task(retry.run(reviewed, sql))
        await eventually(lambda: task.done() or postgres.execute(running, database) == "1")
        if task.done():  # it came before the processors had read the approval
            task = asyncio.create_task(retry.run(reviewed, sql))
            await eventually(lambda: postgres.execute(running, database) == "1")
        await self.revoke(reviewed, approval, "too long")
        done = await asyncio.wait_for(task, 10)
        assert f'stopped: dana revoked approval {approval}: "too long"' in done.stderr

    async def test_what_was_not_approved_is_not_revoked(self, reviewed: Gateway) -> None:
        approval = await TestApproveThenRetry().asked(
            reviewed, "update order_items set quantity = 7 where order_id = 6 and line = 1"
        )
        async with reviewed.api(DANA) as api:
            answer = await api.post(f"/api/approvals/{approval}/revoke", json={"comment": "x"})
            missing = await api.post(f"/api/approvals/{approval}/revoke", json={})
        assert answer.status_code == 409
        assert missing.status_code == 422
