"""Review at COMMIT as a requester with psql, psycopg and asyncpg meets it, and a reviewer with the API."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from support.builders import AGENT, AUDREY, DANA, SENSITIVE, Document, configuration, postgres_resource
from support.deciding import decide
from support.gateway import Gateway, running_gateway
from support.postgres import Postgres
from support.psql import run_psql, running_psql
from support.repository import ROOT
from support.wait import eventually

POLICIES: tuple[Document, ...] = (
    {
        "name": "agents read freely",
        "when": {"groups": ["agents"], "intents": ["read", "session"]},
        "verdict": "allow",
    },
    {
        "name": "notes at once",
        "when": {"groups": ["agents"], "tables": ["public.order_items"], "intents": ["write", "read"]},
        "verdict": "allow",
    },
    {
        "name": "changes at their commit",
        "when": {"tables": ["public.orders", "public.customers"], "intents": ["write", "bulk_write"]},
        "verdict": "review",
        "review": {"at": "commit", "reviewers": ["dba"], "timeout": "60s", "hold_limit": "50s", "sample": 3},
    },
    {
        "name": "soon over",
        "when": {"tables": ["public.customers"], "statements": ["delete"]},
        "verdict": "review",
        "review": {"at": "commit", "reviewers": ["dba"], "timeout": "60s", "hold_limit": "1s"},
    },
)
_HELD = r'held for review by rule "changes at their commit": approval (\S+), http'


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> str:
    name = postgres.copy_sample()
    postgres.execute((ROOT / "tests/leaks/secrets.sql").read_text(), name)
    return name


@pytest.fixture(scope="module")
def held(postgres: Postgres, database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose rules review changes at their COMMIT."""

    def document(listen: Mapping[str, str]) -> Document:
        return configuration(
            listen=listen,
            resources=[postgres_resource("orders", postgres, database, sensitive=SENSITIVE)],
            policies=POLICIES,
            users=(AGENT, DANA, AUDREY),
        )

    folder: Path = tmp_path_factory.mktemp("commit")
    with running_gateway(folder, document) as running:
        yield running


class Notes:
    """What the database has, past the gateway."""

    def __init__(self, postgres: Postgres, database: str) -> None:
        self._postgres, self._database = postgres, database

    def of(self, order: int) -> str:
        return self._postgres.execute(
            f"select coalesce(note, '') from orders where id = {order}", self._database
        )


@pytest.fixture(scope="module")
def notes(postgres: Postgres, database: str) -> Notes:
    return Notes(postgres, database)


async def shown(gateway: Gateway, approval: str) -> dict[str, Any]:
    """The approval as a reviewer gets to see it."""
    async with gateway.api(DANA) as api:

        async def found() -> dict[str, Any]:
            answer = await api.get(f"/api/approvals/{approval}")
            return answer.json() if answer.status_code == 200 else {}

        return await eventually(found, what=f"approval {approval}")


class TestPsql:
    async def test_what_ran_is_shown_with_its_rows_and_lasts_once_it_is_approved(
        self, held: Gateway, notes: Notes
    ) -> None:
        async with running_psql(held.conninfo("orders"), held.psql_environment, "-At") as psql:
            await psql.send(
                "begin;\n"
                "update orders set note = 'approved' where id in (1, 2) returning id;\n"
                "select count(*) from orders where note = 'approved';\n"
                "update order_items set quantity = quantity where order_id = 1 and line = 1;\n"
                "commit;\n"
                "select 'after';\n"
            )
            approval = (await psql.said(_HELD))[1]
            request = await shown(held, approval)
            assert psql.stdout.splitlines() == ["BEGIN", "1", "2", "UPDATE 2", "2", "UPDATE 1"]
            assert notes.of(1) != "approved", "nothing lasts before"
            ran = request["transaction"]["statements"]
            assert [(one["command"].split()[0], one["rows"]) for one in ran] == [
                ("update", 2),
                ("select", 1),
                ("update", 1),
            ]
            assert {"relation": "public.orders", "mode": "RowExclusiveLock"} in request["transaction"][
                "locks"
            ]
            assert request["does"][0].startswith("makes 3 statements last")
            await decide(held, DANA, approval, "approve", "both are right")
            await psql.said('approved by dana: "both are right"')
            done = await psql.finish()
        assert done.stdout.splitlines()[-2:] == ["COMMIT", "after"]
        assert "its COMMIT will be held for review" in done.stderr
        assert (notes.of(1), notes.of(2)) == ("approved", "approved")

    @pytest.mark.parametrize("end", ["commit", "end work", "commit and chain"])
    async def test_rejected_it_is_rolled_back_and_the_session_goes_on(
        self, held: Gateway, notes: Notes, end: str
    ) -> None:
        before = notes.of(3)
        async with running_psql(held.conninfo("orders"), held.psql_environment, "-At") as psql:
            await psql.send(f"begin;\nupdate orders set note = 'rejected' where id = 3;\n{end};\n")
            await decide(held, DANA, (await psql.said(_HELD))[1], "reject", "not order 3")
            await psql.said('a reviewer rejected this command: "not order 3"')
            await psql.send(
                "savepoint x;\nselect note is distinct from 'rejected' from orders where id = 3;\n"
            )
            done = await psql.finish()
        assert "The transaction was rolled back" in done.stderr
        assert "SAVEPOINT can only be used in transaction blocks" in done.stderr
        assert done.stdout.splitlines()[-1] == "t"
        assert notes.of(3) == before

    async def test_what_a_with_changes_is_counted_too(self, held: Gateway) -> None:
        """Its tag says 1 row."""
        sql = "with c as (update orders set note = 'c' where id in (20, 21, 22) returning id) select 'one'"
        async with running_psql(held.conninfo("orders"), held.psql_environment, "-At") as psql:
            await psql.send(f"begin;\n{sql};\ncommit;\n")
            approval = (await psql.said(_HELD))[1]
            transaction = (await shown(held, approval))["transaction"]
            assert [one["rows"] for one in transaction["statements"]] == [1]
            (changed,) = transaction["changed"]
            assert (changed["relation"], changed["updated"]) == ("public.orders", 3)
            await decide(held, DANA, approval, "reject", "no")
            await psql.said("a reviewer rejected")
            await psql.finish()

    async def test_some_of_the_rows_are_shown_before_and_after_and_masked(
        self, held: Gateway, postgres: Postgres, database: str
    ) -> None:
        secret = postgres.execute("select email from customers where id = 30", database)
        async with running_psql(held.conninfo("orders"), held.psql_environment, "-At") as psql:
            await psql.send(
                "set timezone = 'Asia/Tokyo';\nbegin;\nsavepoint before;\n"
                "update customers set email = 'sampled@example.com', name = 'Sampled' where id = 30;\n"
                "release before;\n"
                "insert into customers (id, name, card) values (900, 'New', '4111111111111111');\n"
                "select id from orders where id = 401 for update;\n"
                "delete from orders where id = 400;\n"
                "commit;\n"
            )
            approval = (await psql.said(_HELD, seconds=120))[1]
            request = await shown(held, approval)
            changed = {one["relation"]: one for one in request["transaction"]["changed"]}
            rows = {name: _rows_of(one) for name, one in changed.items()}
            new, updated = sorted(rows["public.customers"], key=lambda pair: pair[0] is not None)
            assert updated[0]["created_at"] == updated[1]["created_at"], "both as UTC"
            assert [one and (one["id"], one["name"]) for one in updated] == [
                ("30", "Customer 30"),
                ("30", "Sampled"),
            ]
            assert updated[1]["email"] == "s***@example.com"
            assert new[0] is None
            assert (new[1]["name"], new[1]["card"]) == ("New", "************1111")
            ((gone, nothing),) = rows["public.orders"]
            assert (gone["id"], nothing) == ("400", None), "what is only locked is not shown"
            assert sorted((before["line"], after) for before, after in rows["public.order_items"]) == [
                ("1", None),
                ("2", None),
            ]
            raw = json.dumps(request)
            assert secret not in raw
            assert "sampled@example.com" not in raw
            assert "4111111111111111" not in raw
            await decide(held, DANA, approval, "reject", "no")
            await psql.said("a reviewer rejected")
            await psql.send("show timezone;\nselect count(*) from customers where id = 30;\n")
            done = await psql.finish()
        assert done.stdout.splitlines()[-2:] == ["Asia/Tokyo", "1"]

    async def test_a_rollback_needs_nobody(self, held: Gateway, notes: Notes) -> None:
        done = await _run(held, "begin;\nupdate orders set note = 'x' where id = 4;\nrollback;\n")
        assert done.stdout.splitlines() == ["BEGIN", "UPDATE 1", "ROLLBACK"]
        assert notes.of(4) != "x"

    async def test_the_commit_of_a_failed_transaction_needs_nobody(self, held: Gateway, notes: Notes) -> None:
        done = await _run(
            held, "begin;\nupdate orders set note = 'x' where id = 4;\nselect 1/0;\ncommit;\nselect 7;\n"
        )
        assert done.stdout.splitlines() == ["BEGIN", "UPDATE 1", "ROLLBACK", "7"]
        assert notes.of(4) != "x"

    async def test_a_transaction_that_changes_nothing_of_the_rule_commits_at_once(
        self, held: Gateway
    ) -> None:
        done = await _run(
            held,
            "begin;\nupdate order_items set quantity = quantity where order_id = 2 and line = 1;\ncommit;\n",
        )
        assert done.stdout.splitlines() == ["BEGIN", "UPDATE 1", "COMMIT"]

    async def test_a_savepoint_lets_nothing_out(self, held: Gateway) -> None:
        async with running_psql(held.conninfo("orders"), held.psql_environment, "-At") as psql:
            await psql.send(
                "begin;\nsavepoint s;\nupdate orders set note = 'x' where id = 5;\nrollback to s;\ncommit;\n"
            )
            approval = (await psql.said(_HELD))[1]
            ran = (await shown(held, approval))["transaction"]["statements"]
            assert [one["command"] for one in ran] == [
                "savepoint s",
                "update orders set note = 'x' where id = 5",
                "rollback to s",
            ]
            await decide(held, DANA, approval, "approve", "")
            await psql.said("approved by")
            done = await psql.finish()
        assert done.stdout.splitlines()[-1] == "COMMIT"

    @pytest.mark.parametrize(
        ("sql", "why"),
        [
            ("begin;\n{u};\nprepare transaction 'p'", "cannot be prepared"),
            ("begin;\n{u};\ncommit \\; select 1", "send COMMIT by itself"),
            ("begin;\n{u};\nselect 1 \\; commit", "send COMMIT by itself"),
            ("begin;\n{u};\ndo $$ begin commit; end $$", "no rule allows this"),
        ],
    )
    async def test_ways_round_the_review_are_refused(
        self, held: Gateway, notes: Notes, sql: str, why: str
    ) -> None:
        done = await _run(
            held, sql.format(u="update orders set note = 'round' where id = 6") + ";\nrollback;\n"
        )
        assert why in done.stderr, done.stderr
        assert done.stdout.splitlines()[-1] == "ROLLBACK"
        assert notes.of(6) != "round"

    @pytest.mark.parametrize(
        "sql",
        [
            "update orders set note = 'alone' where id = 7",
            "begin \\; update orders set note = 'alone' where id = 7 \\; commit",
            "begin \\; update orders set note = 'alone' where id = 7",
            "select 1 \\; update orders set note = 'alone' where id = 7",
        ],
    )
    async def test_what_cannot_be_held_back_later_is_held_before_it_runs(
        self, held: Gateway, postgres: Postgres, database: str, sql: str
    ) -> None:
        async with running_psql(held.conninfo("orders"), held.psql_environment, "-At") as psql:
            await psql.send(f"{sql};\n")
            approval = (await psql.said(_HELD))[1]
            request = await shown(held, approval)
            assert request["transaction"] is None
            assert request["locks"][0].startswith("ROW EXCLUSIVE")

            async def estimate() -> Any:
                return (await shown(held, approval))["estimate"]

            found = await eventually(estimate, what="the planner's estimate")
            assert found["rows"] == 1
            assert found["cost"] > 0
            locks = (
                "select count(*) from pg_locks join pg_class c on c.oid = relation where relname = 'orders'"
            )
            assert postgres.execute(f"{locks} and mode = 'RowExclusiveLock'", database) == "0"
            await decide(held, DANA, approval, "reject", "no")
            await psql.said("a reviewer rejected")
            await psql.finish()

    async def test_the_time_that_locks_are_held_has_a_limit(self, held: Gateway, notes: Notes) -> None:
        before = notes.of(8)
        sql = (
            "begin;\nupdate orders set note = 'late' where id = 8;\n"
            "delete from customers where id = -1;\ncommit;\nselect 'on';\n"
        )
        done = await _run(held, sql)
        assert re.search("no reviewer decided in time|for longer than", done.stderr), done.stderr
        assert "The transaction was rolled back" in done.stderr
        assert done.stdout.splitlines()[-1] == "on"
        assert notes.of(8) == before

    async def test_who_leaves_leaves_nothing_behind(
        self, held: Gateway, notes: Notes, postgres: Postgres, database: str
    ) -> None:
        async with running_psql(held.conninfo("orders"), held.psql_environment, "-At") as psql:
            await psql.send("begin;\nupdate orders set note = 'left' where id = 10;\ncommit;\n")
            approval = (await psql.said(_HELD))[1]
        async with held.api(DANA) as api:

            async def is_withdrawn() -> bool:
                return bool((await api.get(f"/api/approvals/{approval}")).json()["state"] == "withdrawn")

            await eventually(is_withdrawn, what="the withdrawal")
        assert notes.of(10) != "left"


class TestDrivers:
    async def test_psycopg_commits_and_rolls_back(self, held: Gateway, notes: Notes) -> None:
        connection = await psycopg.AsyncConnection.connect(held.conninfo("orders"))
        told: list[str] = []
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        async with connection:
            for number, (answer, lasts) in enumerate((("reject", False), ("approve", True))):
                await connection.execute("update orders set note = %s where id = %s", ["psycopg", 11])
                commit = asyncio.create_task(connection.commit())
                await decide(held, DANA, await _approval(told, number), answer, "so be it")
                if lasts:
                    await commit
                else:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="so be it"):
                        await commit
                assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
                assert (notes.of(11) == "psycopg") is lasts

    async def test_psycopg_in_a_pipeline(self, held: Gateway, notes: Notes) -> None:
        """BEGIN, the statement and COMMIT come before anything is answered."""
        connection = await psycopg.AsyncConnection.connect(held.conninfo("orders"))
        told: list[str] = []
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))

        async def work() -> None:
            async with connection.pipeline():
                await connection.execute("update orders set note = %s where id = %s", ["pipeline", 12])
                await connection.execute("update orders set note = note where id = %s", [13])
                await connection.commit()

        working = asyncio.create_task(work())
        approval = await _approval(told, 0)
        request = await shown(held, approval)
        assert [one["rows"] for one in request["transaction"]["statements"]] == [1, 1]
        assert request["transaction"]["statements"][0]["parameters"] == ["pipeline", "\\x000c"]
        await decide(held, DANA, approval, "approve", "")
        await working
        assert notes.of(12) == "pipeline"
        await connection.close()

    async def test_to_cancel_the_commit_rolls_back(self, held: Gateway, notes: Notes) -> None:
        connection = await psycopg.AsyncConnection.connect(held.conninfo("orders"))
        told: list[str] = []
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        await connection.execute("update orders set note = %s where id = %s", ["cancelled", 9])
        commit = asyncio.create_task(connection.commit())
        await _approval(told, 0)
        await connection.cancel_safe()
        with pytest.raises(psycopg.errors.QueryCanceled) as refused:
            await commit
        assert refused.value.diag.message_hint == "The transaction was rolled back: nothing of it lasts."
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        await connection.close()
        assert notes.of(9) != "cancelled"

    async def test_what_is_read_in_steps_hides_nothing(self, held: Gateway, notes: Notes) -> None:
        """Such a statement has not said how many rows it changed; the target has."""
        connection = await asyncpg.connect(held.conninfo("orders"))
        told: list[str] = []
        connection.add_log_listener(lambda _, notice: told.append(notice.message))
        await connection.execute("begin")
        changing = await connection.prepare("update orders set note = 'hidden' where id < 9 returning id")
        cursor = await changing.cursor()
        assert len(await cursor.fetch(1)) == 1
        commit = asyncio.create_task(connection.execute("commit"))
        approval = await _approval(told, 0)
        transaction = (await shown(held, approval))["transaction"]
        assert [one["outcome"] for one in transaction["statements"]] == ["unknown"]
        assert [one["updated"] for one in transaction["changed"]] == [8]
        await decide(held, DANA, approval, "reject", "eight")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="eight"):
            await commit
        await connection.close()
        assert notes.of(7) != "hidden"

    async def test_asyncpg_commits_and_rolls_back(self, held: Gateway, notes: Notes) -> None:
        connection = await asyncpg.connect(held.conninfo("orders"))
        told: list[str] = []
        connection.add_log_listener(lambda _, notice: told.append(notice.message))
        for number, (answer, lasts) in enumerate((("reject", False), ("approve", True))):
            transaction = connection.transaction()
            await transaction.start()
            changed = "update orders set note = $1 where id = $2 returning id"
            assert await connection.fetchval(changed, "asyncpg", 14) == 14
            commit = asyncio.create_task(transaction.commit())
            await decide(held, DANA, await _approval(told, number), answer, "so be it")
            if lasts:
                await commit
            else:
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match="so be it"):
                    await commit
            assert not connection.is_in_transaction()
            assert (notes.of(14) == "asyncpg") is lasts
        await connection.close()


async def test_the_digest_covers_what_ran(held: Gateway) -> None:
    """The same COMMIT after another statement is another command."""
    digests = []
    for number in (15, 15, 16):
        async with running_psql(held.conninfo("orders"), held.psql_environment, "-At") as psql:
            await psql.send(f"begin;\nupdate orders set note = 'd' where id = {number};\ncommit;\n")
            approval = (await psql.said(_HELD))[1]
            digests.append((await shown(held, approval))["digest"])
            await decide(held, DANA, approval, "reject", "no")
            await psql.said("a reviewer rejected")
            await psql.finish()
    assert digests[0] == digests[1] != digests[2]


def _rows_of(changed: Mapping[str, Any]) -> list[list[Any]]:
    """Each row of the sample before and after, by column."""
    return [
        [
            dict(zip(changed["columns"], values, strict=True)) if values is not None else None
            for values in (row["before"], row["after"])
        ]
        for row in changed["sample"]
    ]


async def _run(gateway: Gateway, sql: str) -> Any:
    return await run_psql(gateway.conninfo("orders"), gateway.psql_environment, sql, "-At")


async def _approval(told: list[str], number: int) -> str:
    """The approval of the n-th COMMIT that was held."""

    def found() -> list[str]:
        all_of_them = [match[1] for text in told if (match := re.search(_HELD, text))]
        return all_of_them[number : number + 1]

    return (await eventually(found, what="the notice of the review"))[0]
