"""`countersign mask explain` before a real PostgreSQL; nothing else of a gateway needs to run."""

import json
from pathlib import Path

import pytest
from support.builders import configuration, usual_resources, write_configuration
from support.command_line import Ran, run_command
from support.postgres import PASSWORD, Postgres

from infra.keys import secret
from processors.masking.tokens import Tokens, mask_of
from schemas.vocabulary import SensitiveColumn


@pytest.fixture(scope="module")
def folder(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("explained")
    document = configuration(listen={}, resources=usual_resources(postgres))
    write_configuration(made, document, {"app.password": PASSWORD})
    return made


async def explained(folder: Path, sql: str, *options: str, resource: str = "orders") -> Ran:
    return await run_command(folder, "mask", "explain", "--resource", resource, *options, sql)


async def test_each_column_has_its_reason(folder: Path) -> None:
    sql = "select id, email, upper(email) as loud, email = 'x' as guess, now() as at from customers"
    ran = await explained(folder, sql, "--json")
    assert ran.status == 0, ran.err
    found = {column["name"]: (column["mask"], column["why"]) for column in json.loads(ran.out)["columns"]}
    assert found["id"] == ("", "it comes from public.customers.id")
    assert found["email"] == ("email", "it is public.customers.email")
    assert found["loud"] == ("full", "its value comes from public.customers.email")
    assert found["guess"][0] == "full"
    assert found["at"] == ("", "it comes from no column that is sensitive")


async def test_people_get_a_table_and_what_is_not_proven(folder: Path) -> None:
    ran = await explained(folder, "select to_jsonb(c) as whole, $1::int as mine from customers c")
    assert ran.status == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[0].split() == ["column", "|", "mask", "|", "why"]
    assert any("whole" in line and "full" in line and "public.customers.card" in line for line in lines)
    assert lines[-1].startswith("Detectors look at what is shown: card_number")


async def test_nothing_of_it_runs(folder: Path, postgres: Postgres) -> None:
    ran = await explained(folder, "delete from customers returning card")
    assert (ran.status, "public.customers.card" in ran.out) == (0, True)
    ran = await explained(folder, "select count(*) from customers")
    assert ran.status == 0
    ran = await explained(folder, "create table t_explained (x int)")
    assert (ran.status, ran.out) == (0, "It returns no rows.\n")
    ran = await explained(folder, "select x from t_explained")
    assert ran.status == 1
    assert "does not exist" in ran.err


async def test_it_says_which_tokens_stand_for_values(folder: Path) -> None:
    columns = [SensitiveColumn("public.customers.card", "tokenise")]
    tokens = Tokens(secret(folder / "state", "masking"), "tokens", columns)
    masked = mask_of({"tokenise": lambda value: value, **tokens.masks()}, "tokenise", columns[0].pattern)(
        b"4111"
    )
    assert masked is not None
    token = masked.decode()
    where = f"where card = '{token}' or card in ($1, '{token}')"
    ran = await explained(folder, f"select id from customers {where}", resource="tokens")
    assert ran.status == 0, ran.err
    assert f"{token} stands for a value of public.customers.card" in ran.out
    assert "a token that is bound to $1 stands for a value of public.customers.card" in ran.out
    ran = await explained(folder, f"select '{token}', 'tok_AAAA' from customers", resource="tokens")
    assert f"{token} is a text here" in ran.out
    assert "tok_AAAA is no token of this resource" in ran.out


async def test_what_is_not_sensitive_anywhere_is_shown(folder: Path) -> None:
    ran = await explained(folder, "select email from customers", resource="plain")
    assert "no column of this resource is sensitive" in ran.out


async def test_what_cannot_be_explained(folder: Path) -> None:
    assert (await explained(folder, "select 1; select 2")).status == 1
    assert (await explained(folder, "selec")).status == 1
    assert (await explained(folder, "select 1", resource="nowhere")).status == 2
