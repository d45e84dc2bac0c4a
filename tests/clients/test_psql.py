"""psql, as a person uses it, through the whole product."""

import json
import re

import pytest
from support.builders import AGENT, DANA
from support.deciding import decide
from support.gateway import Gateway
from support.postgres import Postgres
from support.psql import run_psql, running_psql
from support.wait import eventually


async def test_a_read_is_masked_and_the_rest_is_as_it_is(gateway: Gateway) -> None:
    done = await run_psql(
        gateway.conninfo("orders"),
        gateway.psql_environment,
        "select id, name, email, card, ssn from customers order by id limit 1;",
        "-At",
    )
    assert done.stdout == "1|Jane Doe|j***@example.com|************1111|[masked]\n"
    assert done.stderr == ""


async def test_a_rule_that_denies_says_so_and_the_session_goes_on(gateway: Gateway) -> None:
    done = await run_psql(
        gateway.conninfo("orders"),
        gateway.psql_environment,
        "\\set VERBOSITY verbose\nbegin;\ndrop table orders;\nselect count(*) from orders;\ncommit;\n",
        "-At",
    )
    assert re.search(
        r'ERROR:  42501: refused by rule "nobody drops production data": Dropping production data',
        done.stderr,
    )
    detail = re.search(r"DETAIL:  ({.*})", done.stderr)
    assert detail is not None
    assert json.loads(detail[1])["rule"] == "nobody drops production data"
    assert "HINT:  Nothing was executed" in done.stderr
    assert done.stdout.splitlines() == ["BEGIN", "500", "COMMIT"], "the transaction must not have failed"


async def test_a_probe_of_a_masked_column_is_refused_and_says_of_which(gateway: Gateway) -> None:
    done = await run_psql(
        gateway.conninfo("orders"),
        gateway.psql_environment,
        "select id from customers where card like '41%';\n"
        "select id, card from customers where card is not null order by id limit 1;\n",
        "-At",
    )
    assert "no rule allows finding out about masked values of public.customers.card" in done.stderr
    assert "can be selected" in done.stderr
    assert done.stdout == "1|************1111\n"


async def test_a_held_write_runs_once_it_is_approved(gateway: Gateway) -> None:
    async with running_psql(gateway.conninfo("orders"), gateway.psql_environment, "-At") as psql:
        await psql.send("update orders set note = 'seen' where id = 1;\n")
        held = await psql.said(
            r"held for review by rule \"changes need a DBA\": approval (\S+), (\S+), up to"
        )
        assert held[2] == f"{gateway.api_url}/approvals/{held[1]}"
        await decide(gateway, DANA, held[1], "approve", "OPS-12, fine")
        await psql.said(r'approved by dana: "OPS-12, fine"')
        await psql.said(r"UPDATE 1")
        await psql.send("select note from orders where id = 1;\n")
        done = await psql.finish()
    assert done.stdout.splitlines()[-1] == "seen"


async def test_a_rejected_write_does_not_run_and_the_comment_arrives(gateway: Gateway) -> None:
    async with running_psql(gateway.conninfo("orders"), gateway.psql_environment, "-At") as psql:
        await psql.send("update orders set note = 'never' where id = 2;\n")
        held = await psql.said(r"approval (\S+), http")
        await decide(gateway, DANA, held[1], "reject", "not without a ticket")
        await psql.said(r"not without a ticket")
        await psql.send("select coalesce(note, 'untouched') from orders where id = 2;\n")
        done = await psql.finish()
    assert done.stdout.splitlines()[-1] == "untouched"


async def test_control_c_withdraws_a_held_command(gateway: Gateway) -> None:
    async with running_psql(gateway.conninfo("orders"), gateway.psql_environment, "-At") as psql:
        await psql.send("update orders set note = 'never' where id = 3;\n")
        held = await psql.said(r"approval (\S+), http")
        psql.interrupt()
        await psql.said(r"canceling statement due to user request")
    async with gateway.api(DANA) as api:

        async def is_withdrawn() -> bool:
            return bool((await api.get(f"/api/approvals/{held[1]}")).json()["state"] == "withdrawn")

        await eventually(is_withdrawn, what="the approval withdrawn")


async def test_control_c_cancels_a_running_command(gateway: Gateway, postgres: Postgres) -> None:
    async with running_psql(gateway.conninfo("plain"), gateway.psql_environment, "-At") as psql:
        await psql.send("select 'started';\nselect pg_sleep(60);\n")
        await psql.said("started")
        await eventually(
            lambda: postgres.execute("select 1 from pg_stat_activity where query ~ '^select pg_sleep'") == "1"
        )
        psql.interrupt()
        await psql.said(r"canceling statement due to user request")


async def test_several_statements_in_one_query_are_one_decision(gateway: Gateway) -> None:
    environment = gateway.psql_environment
    allowed = await run_psql(gateway.conninfo("orders"), environment, "", "-At", "-c", "select 1; select 2")
    assert allowed.stdout.split() == ["1", "2"]
    refused = await run_psql(
        gateway.conninfo("orders"), environment, "", "-At", "-c", "select 1; drop table orders; select 2"
    )
    assert refused.stdout == ""
    assert "nobody drops production data" in refused.stderr


async def test_copy_in_both_directions(gateway: Gateway) -> None:
    script = (
        "create table if not exists copied (id int, note text);\n"
        "\\copy copied from stdin\n1\tone\n2\ttwo\n\\.\n"
        "\\copy (select * from copied order by id) to stdout csv\n"
        "copy copied from stdin;\nnot a number\tx\n\\.\n"
        "select count(*) from copied;\ndrop table copied;\n"
    )
    done = await run_psql(gateway.conninfo("plain"), gateway.psql_environment, script, "-Atq")
    assert done.stdout.split() == ["1,one", "2,two", "2"]
    assert "invalid input syntax for type integer" in done.stderr


async def test_copy_out_is_masked(gateway: Gateway) -> None:
    async with running_psql(gateway.conninfo("orders"), gateway.psql_environment, "-At") as psql:
        await psql.send("copy (select id, email, card from customers where id = 1) to stdout;\n")
        held = await psql.said(r"approval (\S+), http")
        await decide(gateway, DANA, held[1], "approve", "")
        await psql.said(r"1\t\S*\t\S*")
        done = await psql.finish()
    assert "4111" not in done.stdout
    assert "jane@" not in done.stdout


async def test_psqls_own_commands_work(gateway: Gateway) -> None:
    script = "\\d orders\n\\dt\n\\df\n\\l\n\\du\n\\dn\n\\conninfo\n"
    done = await run_psql(gateway.conninfo("plain"), gateway.psql_environment, script)
    assert done.stderr == ""
    assert "orders_pkey" in done.stdout


@pytest.mark.parametrize(
    ("someone", "token", "resource", "message"),
    [
        ("agent-7", "wrong", "orders", 'the token of user "agent-7" is not right'),
        ("nobody", "token-of-agent-7", "orders", 'the token of user "nobody" is not right'),
        ("agent-7", "token-of-agent-7", "nothere", 'database "nothere" is not a resource of this gateway'),
    ],
)
async def test_who_is_not_let_in_is_told_why(
    gateway: Gateway, someone: str, token: str, resource: str, message: str
) -> None:
    conninfo = gateway.conninfo(resource).replace(f"{AGENT.name}:{AGENT.token}", f"{someone}:{token}")
    done = await run_psql(conninfo, gateway.psql_environment, "select 1;")
    assert done.code == 2
    assert f"FATAL:  {message}" in done.stderr


async def test_a_client_without_tls_is_told_to_use_it(gateway: Gateway) -> None:
    conninfo = gateway.conninfo("orders").replace("sslmode=verify-full", "sslmode=disable")
    done = await run_psql(conninfo, gateway.psql_environment, "select 1;")
    assert "the gateway takes encrypted connections only" in done.stderr
    assert "sslmode=require" in done.stderr
