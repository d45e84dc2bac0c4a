import pytest
from support.catalogues import sample_builder
from support.facts import CONTEXT

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.facts import analyse
from schemas.vocabulary import Facts, Intent


def facts(sql: str, catalogue: Catalogue) -> Facts:
    (statement,) = analyse(sql, catalogue, CONTEXT, ())
    return statement.facts


@pytest.mark.parametrize(
    ("moment", "sql", "unknown"),
    [
        ("write", "insert into orders (id) values (1)", True),
        ("write", "update orders set id = 1 where id = 2", True),
        ("write", "delete from orders where id = 1", False),
        ("write", "select * from orders", False),
        ("index", "insert into orders (id) values (1)", True),
        ("index", "analyze orders", True),
        ("read", "select * from orders", True),
        ("read", "select 1 from (select * from orders) x", True),
        ("read", "delete from orders where id = 1", True),
        ("read", "insert into orders (id) values (1)", False),
        ("insert", "insert into orders (id) values (1)", True),
        ("insert", "copy orders from stdin", True),
        ("insert", "update orders set id = 1 where id = 2", False),
        ("update", "insert into orders (id) values (1) on conflict (id) do update set id = 2", True),
        ("delete", "merge into orders using (values (1)) v (n) on id = n when matched then delete", True),
        ("instead_delete", "delete from orders where id = 1", True),
        ("truncate", "truncate orders", True),
        ("truncate", "delete from orders", False),
    ],
)
def test_a_function_counts_at_its_moment(moment: str, sql: str, unknown: bool) -> None:
    catalogue = sample_builder().calls("public.orders", moment, "public.forget").build()
    found = facts(sql, catalogue)
    assert (Intent.UNKNOWN in found.intents) == unknown
    assert ("public.forget" in found.functions) == unknown


def test_cascades_name_what_they_reach_and_set_off_its_triggers() -> None:
    builder = sample_builder().cascade("public.customers", "public.orders")
    found = facts("delete from customers where id = 1", builder.build())
    assert found.tables == ("public.customers", "public.order_items", "public.orders")
    assert not found.unproven
    builder.calls("public.order_items", "delete", "public.forget")
    assert facts("delete from customers where id = 1", builder.build()).unproven
    assert not facts("update customers set name = 'x' where id = 1", builder.build()).unproven


def test_cascades_in_a_circle_end() -> None:
    builder = sample_builder().cascade("public.orders", "public.orders")
    builder.cascade("public.order_items", "public.orders")
    assert "public.order_items" in facts("delete from orders where id = 1", builder.build()).tables


def test_what_inherits_is_touched_through_its_parent_but_for_only() -> None:
    catalogue = sample_builder().build()
    assert facts("select * from people", catalogue).tables == ("public.people", "public.staff")
    assert facts("delete from people where ssn = ''", catalogue).tables == ("public.people", "public.staff")
    assert facts("select * from only people", catalogue).tables == ("public.people",)
    assert facts("select card from payments", catalogue).tables == ("public.payments",)


def test_a_foreign_partition_and_one_elsewhere_are_named() -> None:
    builder = sample_builder()
    builder.table("public.far", "id int4", "card", kind="f", parents=["public.payments"])
    builder.table("vault.near", "id int4", "card", parents=["public.payments"])
    found = facts("select id from payments", builder.build())
    assert found.tables == ("public.far", "public.payments", "vault.near")
    assert Intent.NETWORK in found.intents


def test_a_view_passes_changes_on_to_its_tables() -> None:
    builder = sample_builder().calls("vault.secrets", "insert", "public.forget")
    found = facts("insert into open_secrets values (1, 'x')", builder.build())
    assert found.unproven
    assert "vault.secrets" in found.tables


def test_a_column_of_a_type_that_runs_code_counts_where_it_is_written() -> None:
    builder = sample_builder().table("public.counted", "id int4", "n even")
    assert facts("insert into counted values (1, 2)", builder.build()).unproven
    assert not facts("select n from counted", builder.build()).unproven


def test_a_setting_changed_by_a_default_is_doubt() -> None:
    catalogue = sample_builder().calls("public.orders", "write", "pg_catalog.set_config").build()
    assert facts("insert into orders (id) values (1)", catalogue).unproven
