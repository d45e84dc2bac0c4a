"""Grants as an agent with psql and a reviewer with the command line and the API meet them."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.builders import (
    AGENT,
    AUDREY,
    DANA,
    ERIN,
    Document,
    Someone,
    configuration,
    postgres_resource,
)
from support.command_line import run_command
from support.deciding import decide
from support.gateway import Gateway, running_gateway
from support.postgres import Postgres
from support.psql import Finished, running_psql
from support.wait import eventually

OTHER = Someone("agent-8", "agent", ("agents",))
PRIYA = Someone("priya", "person", ("privacy",))
_ACTIVE = "select count(*) from pg_stat_activity where query ~ '{}' and state = 'active'"
GRANTS: Document = {"kinds": ["pattern", "session", "window"], "longest": "1h", "most_uses": 20}
POLICIES: tuple[Document, ...] = (
    {"name": "sessions", "when": {"intents": ["session"]}, "verdict": "allow"},
    {
        "name": "reads are looked at",
        "when": {"intents": ["read"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "60s", "grants": GRANTS},
    },
    {
        "name": "changes need a DBA",
        "when": {"intents": ["write"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "60s", "grants": GRANTS},
    },
    {
        "name": "payments need two",
        "when": {"tables": ["public.payments"]},
        "verdict": "review",
        "review": {"reviewers": ["dba", "privacy"], "approvals": 2, "timeout": "60s", "grants": GRANTS},
    },
    {
        "name": "no grants for notes",
        "when": {"command": "ungranted"},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "60s"},
    },
    {
        "name": "nobody deletes customers",
        "when": {"tables": ["public.customers"], "statements": ["delete"]},
        "verdict": "deny",
    },
)


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> str:
    return postgres.copy_sample()


@pytest.fixture(scope="module")
def granting(
    postgres: Postgres, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway whose reviewers may grant."""

    def document(listen: Mapping[str, str]) -> Document:
        found = configuration(
            listen=listen,
            resources=[
                postgres_resource("orders", postgres, database),
                postgres_resource("other", postgres, database),
            ],
            policies=POLICIES,
            users=(AGENT, OTHER, DANA, ERIN, PRIYA, AUDREY),
        )
        found["identity"]["administrators"] = ["reviewers"]  # dana and erin
        return found

    folder: Path = tmp_path_factory.mktemp("grants")
    with running_gateway(folder, document) as running:
        yield running


async def approved(
    gateway: Gateway, sql: str, grant: Document | None, someone: Someone = AGENT, by: Someone = DANA
) -> str:
    """`someone` runs this, and it is approved with a grant; the grant's id."""
    async with running_psql(gateway.conninfo("orders", someone), gateway.psql_environment, "-At") as psql:
        await psql.send(f"{sql};\n")
        held = await psql.said(r"approval (\S+), http")
        await decide(gateway, by, held[1], "approve", "for today", grant=grant)
        await psql.said("approved by")
        done = await psql.finish()
    assert "ERROR" not in done.stderr, done.stderr
    return (await granted(gateway, held[1]))["id"] if grant is not None else ""


async def granted(gateway: Gateway, approval: str) -> dict[str, Any]:
    """The grant that came with an approval, once it is there."""

    async def found() -> dict[str, Any] | None:
        async with gateway.api(DANA) as api:
            grants = (await api.get("/api/grants", params={"state": "all"})).json()
        return next((grant for grant in grants if grant["approval"] == approval), None)

    grant: dict[str, Any] = await eventually(found, what="the grant")
    return grant


async def run(gateway: Gateway, sql: str, someone: Someone = AGENT, resource: str = "orders") -> Finished:
    """Runs it for at most a moment: what is held is withdrawn."""
    async with running_psql(gateway.conninfo(resource, someone), gateway.psql_environment, "-At") as psql:
        await psql.send(f"{sql};\n\\echo done\n")
        await psql.said(r"held for review|ERROR|done")
        if "held for review" in psql.stderr:
            psql.interrupt()
        return await psql.finish()


async def passes(gateway: Gateway, sql: str, someone: Someone = AGENT, resource: str = "orders") -> bool:
    done = await run(gateway, sql, someone, resource)
    return "held" not in done.stderr and "ERROR" not in done.stderr


async def revoke(gateway: Gateway, grant: str, someone: Someone = DANA) -> Any:
    async with gateway.api(someone) as api:
        return await api.delete(f"/api/grants/{grant}", params={"reason": "enough"})


class TestPattern:
    async def test_its_like_passes_so_many_times_and_is_then_held_again(self, granting: Gateway) -> None:
        update = "update orders set customer_id = customer_id + {} where id = {}"
        grant = await approved(granting, update.format(1, 1), {"kind": "pattern", "seconds": 600, "uses": 3})
        assert await eventually(lambda: passes(granting, update.format(2, 2)), what="the grant in force")
        assert await passes(granting, update.format(3, 3) + " /* reason: again */")
        for other in (
            "update orders set customer_id = customer_id + 1 where id > 1",
            "update orders set customer_id = 1 where id = 1",
            "delete from orders where id = 100000",
        ):
            assert not await passes(granting, other), other
        assert not await passes(granting, update.format(4, 4), OTHER), "another agent"
        assert not await passes(granting, update.format(4, 4), resource="other"), "another resource"
        assert await passes(granting, update.format(4, 4))
        assert not await passes(granting, update.format(5, 5)), "used up"

        def counted() -> list[dict[str, Any]]:
            return granting.audit(f"select * from grants where `grant` = '{grant}' and used = 3")

        (row,) = await eventually(counted, seconds=30, what="the uses in the audit log")
        assert (row["state"], row["issued_by"], row["principal"]) == ("used up", "dana", "agent-7")
        assert row["pattern"] == "update orders set customer_id = customer_id + ‹value› where id = ‹value›"
        named = granting.audit(
            f"select text, verdict, rule, decided_by from commands where `grant` = '{grant}'"
        )
        assert len(named) == 3
        assert {(one["verdict"], one["rule"]) for one in named} == {("allow", "changes need a DBA")}
        async with granting.api(DANA) as api:
            shown = (await api.get(f"/api/grants/{grant}")).json()
        assert (shown["state"], shown["used"], shown["uses"]) == ("ended", 3, 3)

    async def test_a_deny_wins(self, granting: Gateway) -> None:
        await approved(granting, "update customers set name = name where id = 1", None)
        done = await run(granting, "delete from customers where id = 1")
        assert "nobody deletes customers" in done.stderr

    async def test_a_quorum_is_needed_for_the_grant_too(self, granting: Gateway) -> None:
        """A grant that one of two reviewers gives alone is none, and the fewest uses of both count."""
        sql = "update payments set customer_id = customer_id where id = {}"
        async with running_psql(granting.conninfo("orders"), granting.psql_environment, "-At") as psql:
            await psql.send(sql.format(1) + ";\n")
            held = await psql.said(r"approval (\S+), http")
            offer = {"kind": "pattern", "seconds": 600, "uses": 5}
            await decide(granting, DANA, held[1], "approve", "", grant=offer)
            await decide(granting, PRIYA, held[1], "approve", "", grant=offer | {"uses": 1})
            await psql.said("approved by dana, priya")
            await psql.finish()
        grant = await granted(granting, held[1])
        assert (grant["uses"], grant["issued_by"]) == (1, "dana, priya")
        async with running_psql(granting.conninfo("orders"), granting.psql_environment, "-At") as psql:
            await psql.send("update payments set customer_id = customer_id where id < 0;\n")
            held = await psql.said(r"approval (\S+), http")
            await decide(granting, DANA, held[1], "approve", "", grant=offer)
            await decide(granting, PRIYA, held[1], "approve", "")
            await psql.said("approved by dana, priya")
            await psql.finish()
        async with granting.api(DANA) as api:
            grants = (await api.get("/api/grants", params={"state": "all"})).json()
        assert held[1] not in [grant["approval"] for grant in grants]

    async def test_what_may_not_be_granted_is_refused_and_nothing_is_decided(self, granting: Gateway) -> None:
        async with running_psql(granting.conninfo("orders"), granting.psql_environment, "-At") as psql:
            await psql.send("update orders set note = 'x' where id = 1;\n")
            held = await psql.said(r"approval (\S+), http")
            for offer, why in (
                ({"kind": "pattern", "seconds": 7200, "uses": 1}, "at most 3600 seconds"),
                ({"kind": "pattern", "seconds": 60}, "at most 20 uses"),
                ({"kind": "session", "seconds": 60, "uses": 1}, "nothing but read"),
            ):
                async with granting.api(DANA) as api:
                    path = f"/api/approvals/{held[1]}/approve"

                    async def answered(path: str = path, offer: Document = offer) -> Any:
                        found = await api.post(path, json={"grant": offer})
                        return found if found.status_code != 404 else None

                    answer = await eventually(answered)
                assert answer.status_code == 403, answer.text
                assert why in answer.json()["detail"]
            await decide(granting, DANA, held[1], "reject", "no")
            await psql.finish()
        async with running_psql(granting.conninfo("orders"), granting.psql_environment, "-At") as psql:
            await psql.send("select 'ungranted' from orders where id = 1;\n")
            held = await psql.said(r"approval (\S+), http")
            with pytest.raises(AssertionError, match="permits no grants"):
                await decide(granting, DANA, held[1], "approve", "", grant={"kind": "pattern", "seconds": 60})
            await decide(granting, DANA, held[1], "reject", "no")
            await psql.finish()


class TestSession:
    async def test_it_reads_freely_in_this_session_and_in_no_other(self, granting: Gateway) -> None:
        async with running_psql(granting.conninfo("orders"), granting.psql_environment, "-At") as psql:
            await psql.send("select count(*) from orders where id = 1;\n")
            held = await psql.said(r"approval (\S+), http")
            offer = {"kind": "session", "seconds": 600, "uses": 20}
            await decide(granting, DANA, held[1], "approve", "look around", grant=offer)
            await granted(granting, held[1])
            await psql.send("select 'first', name from customers where id = 1;\n")
            await psql.said("first")
            await psql.send("select 'second', name from customers where id = 2;\n")
            await psql.said("second")
            assert not await passes(granting, "select name from customers where id = 2"), "another session"
            await psql.send("update orders set note = 'y' where id = 2;\n")
            await psql.said(r"held for review by rule \"changes need a DBA\"")
            psql.interrupt()
            await psql.finish()


class TestWindow:
    async def ask(self, gateway: Gateway, someone: Someone = AGENT, **more: Any) -> Any:
        body = {"resource": "orders", "intents": ["write"], "seconds": 600, "reason": "OPS-12", **more}
        async with gateway.api(someone) as api:
            return await api.post("/api/access", json=body)

    async def test_access_is_asked_for_beforehand_and_used(self, granting: Gateway) -> None:
        asked = await self.ask(granting, OTHER)
        assert asked.status_code == 201, asked.text
        request = asked.json()
        assert request["command"] == "access to orders for 10 minutes: write"
        assert (request["state"], request["reason"], request["rule"]) == (
            "pending",
            "OPS-12",
            "changes need a DBA",
        )
        assert not await passes(granting, "update orders set note = 'z' where id = 3", OTHER)
        await decide(granting, DANA, request["id"], "approve", "until noon")
        grant = await granted(granting, request["id"])
        assert (grant["kind"], grant["intents"], grant["principal"]) == ("window", ["write"], "agent-8")
        update = "update orders set note = 'z' where id = {}"
        assert await eventually(lambda: passes(granting, update.format(3), OTHER))
        assert await passes(granting, "insert into orders (id, customer_id) values (90001, 1)", OTHER)
        assert not await passes(
            granting, "update payments set customer_id = customer_id where id = 3", OTHER
        ), "another rule asks for more"
        assert not await passes(granting, "select note from orders where id = 3", OTHER), "not asked for"
        assert not await passes(granting, update.format(3), AGENT), "another agent"
        assert (await revoke(granting, grant["id"], OTHER)).status_code == 200, "whoever has it gives it up"

        async def is_held() -> bool:
            return not await passes(granting, update.format(3), OTHER)

        await eventually(is_held)

    async def test_asked_again_by_the_same_key_it_is_the_same_request(self, granting: Gateway) -> None:
        body = {"resource": "orders", "intents": ["write"], "seconds": 300, "reason": "OPS-13"}
        key = {"Idempotency-Key": "once"}
        async with granting.api(OTHER) as api:
            first, again = [await api.post("/api/access", json=body, headers=key) for _ in range(2)]
            another = await api.post("/api/access", json={**body, "seconds": 301}, headers=key)
        assert first.status_code == again.status_code == 201
        assert first.json()["id"] == again.json()["id"]
        assert (another.status_code, another.json()["title"]) == (422, "Key used")
        await decide(granting, DANA, first.json()["id"], "reject", "no")

    async def test_nobody_grants_themselves_access_and_administrators_neither(
        self, granting: Gateway
    ) -> None:
        asked = (await self.ask(granting, DANA)).json()
        assert asked["can_decide"] is False
        async with granting.api(DANA) as api:
            answer = await api.post(f"/api/approvals/{asked['id']}/approve", json={})
        assert answer.status_code == 403
        await decide(granting, ERIN, asked["id"], "reject", "no")

    async def test_only_so_many_requests_of_one_wait(self, granting: Gateway) -> None:
        asked = [await self.ask(granting, DANA) for _ in range(6)]
        assert [answer.status_code for answer in asked] == [201] * 5 + [429]
        assert "Nothing was asked" in asked[-1].json()["action"]
        for answer in asked[:-1]:
            await decide(granting, ERIN, answer.json()["id"], "reject", "one is enough")
        again = await self.ask(granting, DANA)
        assert again.status_code == 201
        await decide(granting, ERIN, again.json()["id"], "reject", "no")

    @pytest.mark.parametrize(
        ("more", "why"),
        [
            ({"seconds": 7200}, "at most 3600 seconds"),
            ({"intents": ["ddl"]}, "no rule allows this"),
            ({"intents": ["session"]}, "without a review"),
            ({"resource": "nowhere"}, "no such resource"),
            ({"starts_at": "2020-01-01T00:00:00Z"}, "this window is over"),
        ],
    )
    async def test_what_no_reviewer_can_grant_is_refused_at_once(
        self, granting: Gateway, more: Document, why: str
    ) -> None:
        answer = await self.ask(granting, **more)
        assert answer.status_code == 403, answer.text
        assert why in answer.json()["detail"]


class TestEnd:
    SLOW = "update order_items set quantity = quantity where order_id = {} and pg_sleep({}) is not null"

    async def start(self, psql: Any, postgres: Postgres, database: str, order: int) -> None:
        """Has a slow command run at the target, under a grant that is in force within moments."""
        running = _ACTIVE.format(f"^update.*order_id = {order} and pg_sleep")

        async def runs() -> bool:
            await psql.send(self.SLOW.format(order, 60) + ";\n")
            await eventually(lambda: "held" in psql.stderr or postgres.execute(running, database) == "1")
            return "held" not in psql.stderr

        assert await runs(), psql.stderr

    async def test_revocation_cuts_what_runs_under_it_within_a_second(
        self, granting: Gateway, postgres: Postgres, database: str
    ) -> None:
        grant = await approved(
            granting, self.SLOW.format(4, 0), {"kind": "pattern", "seconds": 600, "uses": 5}
        )
        assert await eventually(lambda: passes(granting, self.SLOW.format(4, 0)))
        async with running_psql(granting.conninfo("orders"), granting.psql_environment, "-At") as psql:
            await self.start(psql, postgres, database, 5)
            began = time.monotonic()
            assert (await revoke(granting, grant)).status_code == 200
            running = _ACTIVE.format("^update.*order_id = 5 and pg_sleep")
            await eventually(lambda: postgres.execute(running, database) == "0", what="the end")
            assert time.monotonic() - began < 1
            await psql.said(rf'stopped: dana revoked grant {grant}: "enough"')
            await psql.finish()
        assert not await passes(granting, self.SLOW.format(6, 0))
        assert (await revoke(granting, grant)).status_code == 409
        assert (await revoke(granting, grant, OTHER)).status_code == 404

    async def test_a_session_opened_late_under_a_grant_ends_when_the_grant_ends(
        self, granting: Gateway, postgres: Postgres, database: str
    ) -> None:
        """It never gets the full time again."""
        grant = await approved(granting, self.SLOW.format(1, 0), {"kind": "pattern", "seconds": 6, "uses": 5})
        until = time.monotonic() + 6
        assert await eventually(lambda: passes(granting, self.SLOW.format(1, 0)))
        async with running_psql(granting.conninfo("orders"), granting.psql_environment, "-At") as psql:
            await self.start(psql, postgres, database, 2)
            await psql.said(rf"stopped: grant {grant} has ended: its time is over")
            assert until - 2 < time.monotonic() < until + 2
            await psql.finish()
        assert not await passes(granting, self.SLOW.format(2, 0))
        async with granting.api(DANA) as api:
            shown = (await api.get(f"/api/grants/{grant}")).json()
        assert shown["state"] == "ended"
        lasted = datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(shown["starts_at"])
        assert lasted == timedelta(seconds=6)

    async def test_an_approval_that_is_revoked_takes_its_grant_along(self, granting: Gateway) -> None:
        sql = "update orders set customer_id = customer_id where id = {} and id < 99"
        grant = await approved(granting, sql.format(1), {"kind": "pattern", "seconds": 600, "uses": 5})
        assert await eventually(lambda: passes(granting, sql.format(2)))
        async with granting.api(DANA) as api:
            approval = (await api.get(f"/api/grants/{grant}")).json()["approval"]
            answer = await api.post(f"/api/approvals/{approval}/revoke", json={"comment": "no"})
            assert answer.status_code == 200

            async def is_revoked() -> bool:
                return bool((await api.get(f"/api/grants/{grant}")).json()["state"] == "revoked")

            await eventually(is_revoked)
        assert not await passes(granting, sql.format(3))


class TestCommandLine:
    async def test_a_grant_is_asked_for_listed_shown_and_revoked(
        self, granting: Gateway, tmp_path: Path
    ) -> None:
        async def countersign(someone: Someone, *arguments: str) -> str:
            ran = await run_command(
                tmp_path, *arguments, COUNTERSIGN_URL=granting.api_url, COUNTERSIGN_TOKEN=someone.token
            )
            assert ran.status == 0, ran.err
            return ran.out

        wanted = ("request", "other", "--intents", "write", "--for", "10m", "--reason", "OPS-9")
        request = json.loads(await countersign(AGENT, *wanted, "--json"))
        await decide(granting, DANA, request["id"], "approve", "go on")
        grant = (await granted(granting, request["id"]))["id"]
        listed = await countersign(DANA, "grants", "list")
        assert re.search(
            rf"^{grant[:8]}  agent-7 → other  write  0 of any uses  .* left, by dana$", listed, re.M
        )
        assert "reason:      OPS-9" in await countersign(DANA, "grants", "show", grant[:8])
        revoked = await countersign(DANA, "grants", "revoke", grant, "--reason", "done")
        assert "revoked by dana" in revoked
        assert grant[:8] not in await countersign(DANA, "grants", "list")
        assert grant[:8] in await countersign(DANA, "grants", "list", "--all")
