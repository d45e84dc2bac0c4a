import pytest
from support.catalogues import sample_catalogue
from support.facts import CONTEXT, SENSITIVE

from ingress.postgres.facts import analyse
from schemas.vocabulary import Intent

CATALOGUE = sample_catalogue()


def intents(sql: str) -> set[Intent]:
    (statement,) = analyse(sql, CATALOGUE, CONTEXT, SENSITIVE)
    return set(statement.facts.intents) & {Intent.EXPORT, Intent.PROBE}


@pytest.mark.parametrize(
    "sql",
    [
        "alter table customers rename column card to harmless",
        "alter table customers rename to clients",
        "alter table payments rename to paid",
        "alter table customers set schema archive",
        "alter schema public rename to old",
        "alter table payments detach partition payments_2025",
        "alter table payments_2025 no inherit payments",
        "alter table profiles alter column hint drop expression",
        "alter table people rename column ssn to number",
        "create trigger t before update on customers for each row execute function note_change()",
        "create trigger t before update on nowhere for each row execute function note_change()",
        "create rule r as on update to customers do also nothing",
        "create publication p for table orders",
    ],
)
def test_what_lets_sensitive_values_out_is_an_export(sql: str) -> None:
    assert intents(sql) == {Intent.EXPORT}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("alter table customers alter column phone type text using card", {Intent.EXPORT, Intent.PROBE}),
        ("alter table customers alter column phone type text using customers::text", None),
        ("alter table customers alter column card type text using reverse(card)", None),
        ("alter table customers add check (card not like '41%')", {Intent.PROBE}),
        ("alter table customers add unique (card)", {Intent.PROBE}),
        ("create unique index on customers (card)", {Intent.PROBE}),
        ("create index on customers (id) where card like '41%'", {Intent.PROBE}),
        ("create index on customers (left(card, 1))", {Intent.PROBE}),
        ("create policy p on customers using (card like '41%')", {Intent.PROBE}),
        ("create policy p on customers for insert with check (card like '41%')", {Intent.PROBE}),
    ],
)
def test_what_checks_every_row_is_a_probe(sql: str, expected: set[Intent] | None) -> None:
    assert intents(sql) == (expected or {Intent.EXPORT, Intent.PROBE})


@pytest.mark.parametrize(
    "sql",
    [
        "alter table customers rename column phone to telephone",
        "alter table people rename to persons",
        "alter table staff no inherit people",
        "alter table orders rename to purchases",
        "alter table orders set schema archive",
        "alter view contacts rename to people_to_call",
        "alter table customers alter column name type varchar(80) using trim(name)",
        "alter table customers add check (id > 0), add column more text",
        "create index on customers (card)",
        "create unique index on customers (name) where id > 5",
        "create trigger t before update on orders for each row execute function note_change()",
        "create policy p on customers using (name = 'x')",
    ],
)
def test_other_definitions_are_neither(sql: str) -> None:
    assert intents(sql) == set()


def test_without_sensitive_columns_nothing_is_an_outlet() -> None:
    (statement,) = analyse("alter table customers rename to clients", CATALOGUE, CONTEXT, ())
    assert statement.facts.intents == (Intent.DDL,)
