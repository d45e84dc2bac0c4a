import pytest
from support.catalogues import sample_catalogue
from support.facts import CONTEXT

from ingress.postgres.facts import analyse

CATALOGUE = sample_catalogue()


def needs(sql: str) -> list[str]:
    """As "update orders.status"; a whole relation without a dot."""
    (statement,) = analyse(sql, CATALOGUE, CONTEXT, ())
    found = []
    for need in statement.needs:
        relation = CATALOGUE.relation(need.relation)
        assert relation is not None
        found.append(f"{need.privilege} {relation.name}{'.' + need.column if need.column else ''}")
    return sorted(found)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select note from orders where id = 1", ["select orders.id", "select orders.note"]),
        ("select count(*) from orders", ["select orders.id"]),
        ("select ctid from orders", ["select orders"]),
        ("select id from orders for update", ["select orders.id", "update orders.id"]),
        ("update orders set note = 'x' where id = 1", ["select orders.id", "update orders.note"]),
        ("update orders set note = note || 'x'", ["select orders.note", "update orders.note"]),
        ("delete from orders where id = 1", ["delete orders", "select orders.id"]),
        ("delete from orders", ["delete orders"]),
        ("insert into orders (id, note) values (1, 'x')", ["insert orders.id", "insert orders.note"]),
        ("insert into orders default values", ["insert orders"]),
        (
            "insert into orders (id, note) values (1, 'x') "
            "on conflict (id) do update set note = excluded.note",
            [
                "insert orders.id",
                "insert orders.note",
                "select orders.id",
                "select orders.note",
                "update orders.note",
            ],
        ),
        (
            "insert into orders (id) values (1) returning note",
            ["insert orders.id", "select orders.note"],
        ),
        (
            "with gone as (delete from payments where id = 1 returning customer_id) "
            "update orders set note = 'x' from gone where orders.id = gone.customer_id",
            [
                "delete payments",
                "select orders.id",
                "select payments.id",
                "select payments.customer_id",
                "update orders.note",
            ],
        ),
        ("truncate orders", ["truncate orders"]),
        ("copy orders (id, note) from stdin", ["insert orders.id", "insert orders.note"]),
        ("copy orders (id) to stdout", ["select orders.id"]),
        (
            "merge into orders o using payments p on o.id = p.customer_id "
            "when matched then update set note = 'x' "
            "when not matched then insert (id) values (p.customer_id)",
            ["insert orders.id", "select orders.id", "select payments.customer_id", "update orders.note"],
        ),
        ("select 1", []),
    ],
)
def test_what_a_statement_needs(sql: str, expected: list[str]) -> None:
    assert needs(sql) == sorted(expected)


def test_beneath_a_view_its_owners_count() -> None:
    assert {need.split()[1].partition(".")[0] for need in needs("select * from contacts")} == {"contacts"}


def test_what_code_does_is_told_from_what_the_text_does() -> None:
    (of_code,) = analyse("select forget(1)", CATALOGUE, CONTEXT, ())
    (of_text,) = analyse("select nothing from nowhere", CATALOGUE, CONTEXT, ())
    assert of_code.facts.unproven
    assert of_code.of_code == set(of_code.facts.unproven)
    assert of_text.facts.unproven
    assert not of_text.of_code
