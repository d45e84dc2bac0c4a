import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.catalogues import sample_catalogue
from support.facts import CONTEXT, SENSITIVE

from ingress.postgres.facts import analyse
from ingress.postgres.sql.literals import PLACEHOLDER, redact

CATALOGUE = sample_catalogue()
CARD = "4111111111111111"


def sealed(sql: str) -> str:
    (statement,) = analyse(sql, CATALOGUE, CONTEXT, SENSITIVE)
    return statement.redacted


def test_a_text_without_sensitive_literals_is_the_same_text() -> None:
    text = "select  1 -- 'x'"
    assert redact(text, set()) is text


@pytest.mark.parametrize(
    "literal",
    [
        "'4111'",
        "'41''11'",
        "E'41\\'11'",
        "U&'\\0034111'",
        "$$4111$$",
        "$tag$41$$11$tag$",
        "'41'\n'11'",
        "4111",
        "4_111",
        "0xFF",
        "-4111",
        "- 4111",
        "4111.5e3",
        "B'0101'",
        "X'1F'",
        "'ü€𝄞'",
    ],
)
def test_every_form_of_literal_is_replaced_whole(literal: str) -> None:
    text = f"select 'ü', {literal} /* ß */ from t"
    assert redact(text, {len("select 'ü', ".encode())}) == f"select 'ü', {PLACEHOLDER} /* ß */ from t"


def test_every_string_can_be_replaced_and_numbers_stay() -> None:
    text = "select 1, 'a', E'b', $$c$$ from \"d\" -- 'e'"
    expected = f"select 1, {PLACEHOLDER}, {PLACEHOLDER}, {PLACEHOLDER} from \"d\" -- 'e'"
    assert redact(text, set(), strings=True) == expected


def test_numbers_too() -> None:
    assert redact("alter role x connection limit 5 password 'a'", (), strings=True, numbers=True) == (
        f"alter role x connection limit {PLACEHOLDER} password {PLACEHOLDER}"
    )


def test_a_word_of_the_grammar_is_no_literal() -> None:
    sql = "select extract(year from card::date), normalize(card, nfc), 'x' from customers where card = '1'"
    assert sealed(sql) == sql.replace("'1'", PLACEHOLDER)


def test_where_there_is_no_literal_at_a_place_every_literal_goes() -> None:
    """Nothing may pass for redacted that is not."""
    assert redact("select 'x', 5, (y)", {15}) == f"select {PLACEHOLDER}, {PLACEHOLDER}, (y)"


@pytest.mark.parametrize(
    "sql",
    [
        f"select * from customers where card = '{CARD}'",
        f"select * from customers where '{CARD}' in (card, name)",
        f"select * from customers where card like concat('%', '{CARD}')",
        f"select * from customers where coalesce(card, '{CARD}') is null",
        f"select * from customers c where exists (select 1 from payments p where p.card = '{CARD}')",
        f"select * from customers where card = (select '{CARD}')",
        f"select * from customers where card in (select x from (values ('{CARD}')) v (x))",
        f"with v as (select '{CARD}' as x) select * from customers, v where card = v.x",
        f"select * from customers join (select '{CARD}' as card) x using (card)",
        f"select * from customers natural join (select '{CARD}' as card) x",
        f"select card from customers except select '{CARD}'",
        f"select case card when '{CARD}' then 1 end from customers",
        f"select name from customers group by name having max(card) = '{CARD}'",
        f"select count(*) filter (where card = '{CARD}') from customers",
        f"select id from customers order by card = '{CARD}'",
        f"select count(*) from customers group by card = '{CARD}'",
        f"select distinct on (card = '{CARD}') id from customers",
        f"select rank() over (order by card = '{CARD}') from customers",
        f"select rank() over w from customers window w as (partition by card = '{CARD}')",
        f"select 1 from customers, lateral (values (card || '{CARD}')) v",
        f"select 1 from customers, concat(card, '{CARD}') x",
        f"select 1 from customers, xmltable('{CARD}' passing (card::xml) columns a text path 'a') x",
        f"select address from contacts where address = '{CARD}'",
        f"select hint from profiles where hint = '{CARD}'",
        f"select card from payments_2025 where card = '{CARD}'",
        f"select ssn from staff where ssn = '{CARD}'",
        f"insert into customers (name, card) values ('x', '{CARD}'), ('y', upper('{CARD}'))",
        f"insert into customers (card) select '{CARD}' union select name from customers",
        f"insert into customers (id) values (1) on conflict (id) do update set card = '{CARD}'",
        f"insert into customers (name) values ('{CARD}') on conflict (id) do update set card = excluded.name",
        f"update customers set card = '{CARD}' where id = 1",
        f"update customers set (name, card) = ('x', '{CARD}') where id = 1",
        f"update customers set (name, card) = (select 'x', '{CARD}') where id = 1",
        f"delete from customers where card = '{CARD}'",
        f"copy (select * from customers where card = '{CARD}') to stdout",
        f"explain select * from customers where card = '{CARD}'",
        f"prepare p as select * from customers where card = '{CARD}'",
        f"declare c cursor for select * from customers where card = '{CARD}'",
        f"create view v as select * from customers where card = '{CARD}'",
        f"create table t as select * from customers where card = '{CARD}'",
        f"create index on customers (id) where card = '{CARD}'",
        f"alter table customers alter card set default '{CARD}'",
        f"create role x password '{CARD}'",
        f"select nothing_like_it('{CARD}')",
        f"do $$ begin perform '{CARD}'; end $$",
        f"call ship('{CARD}')",
        f"select email_of(1), '{CARD}'",
    ],
)
def test_a_literal_beside_a_sensitive_column_is_sealed(sql: str) -> None:
    assert CARD in sql
    assert CARD not in sealed(sql)
    assert PLACEHOLDER in sealed(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from orders where note = 'x'",
        "select 'x', name from customers where id = 7",
        "select * from customers where name = 'x' and card is not null",
        "update customers set name = 'x' where id = 7",
        "insert into customers (id, name) values (1, 'x')",
    ],
)
def test_a_literal_that_meets_no_sensitive_column_stays(sql: str) -> None:
    assert sealed(sql) == sql


def test_nothing_is_sealed_on_a_resource_without_sensitive_columns() -> None:
    sql = "select * from customers where card = '4111' and email_of(1) = 'x'"
    assert analyse(sql, CATALOGUE, CONTEXT, ())[0].redacted == sql


def test_the_second_statement_of_a_text_is_sealed_in_its_own_slice() -> None:
    text = f"select 'ü' from orders;\n/* ü */ select id from customers where card = '{CARD}' and name = 'ö'"
    _, second = analyse(text, CATALOGUE, CONTEXT, SENSITIVE)
    assert second.redacted == f"/* ü */ select id from customers where card = {PLACEHOLDER} and name = 'ö'"


@given(st.text(alphabet="aü€'\\$ -/*;\n", max_size=30), st.text(alphabet="4é'\\", max_size=10))
def test_the_rest_of_the_text_stays_byte_for_byte(around: str, value: str) -> None:
    name, written = around.replace("'", "''"), value.replace("'", "''")
    sql = f"select '{name}' as a, id from customers where card = '{written}' and name = '{name}'"
    expected = f"select '{name}' as a, id from customers where card = {PLACEHOLDER} and name = '{name}'"
    assert sealed(sql) == expected
