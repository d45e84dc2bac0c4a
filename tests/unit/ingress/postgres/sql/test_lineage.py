import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.catalogues import CatalogueBuilder, sample_catalogue
from support.facts import CONTEXT

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.facts import analyse
from schemas.vocabulary import Output

CATALOGUE = sample_catalogue()


def outputs(sql: str, catalogue: Catalogue = CATALOGUE) -> tuple[Output, ...]:
    (statement,) = analyse(sql, catalogue, CONTEXT, ())
    assert statement.facts.outputs_known
    return statement.facts.outputs


def columns(sql: str) -> list[str]:
    """The outputs as "name: sources", "public.customers." left out."""
    return [
        f"{o.name}: {' '.join(s.removeprefix('public.customers.') for s in o.sources)}".strip()
        for o in outputs(sql)
    ]


def test_using_joins_two_columns_into_one_that_comes_first() -> None:
    names = [o.name for o in outputs("select * from orders o join customers c using (id)")]
    assert names[:2] == ["id", "customer_id"]
    assert names.count("id") == 1


def test_the_alias_of_a_join_hides_what_it_joins() -> None:
    sql = "select j.note, o.id from (orders o join customers c on true) as j"
    (statement,) = analyse(sql, CATALOGUE, CONTEXT, ())
    assert statement.facts.unproven == ("column o.id is not known",)


def test_a_using_alias_names_the_merged_columns_alone() -> None:
    assert [o.name for o in outputs("select u.* from orders join customers using (id) as u")] == ["id"]


def test_a_with_query_sees_those_before_it_alone() -> None:
    sql = "with a as (select card from customers), customers as (select card from a) select * from customers"
    assert columns(sql) == ["card: card"]


def test_a_recursive_query_carries_sources_through_as_many_rounds_as_it_takes() -> None:
    sql = """
        with recursive r (a, b, c, d) as (
            select 'x', 'x', 'x', card from customers union all select b, c, d, d from r
        ) select * from r
    """
    assert columns(sql) == ["a: card", "b: card", "c: card", "d: card"]


def test_search_and_cycle_add_columns_that_derive_from_what_they_follow() -> None:
    sql = """
        with recursive r (a) as (select card from customers union all select a from r)
            search depth first by a set place cycle a set loops using path
        select * from r
    """
    assert columns(sql) == ["a: card", "place: card", "loops: card", "path: card"]


def test_a_lateral_subquery_sees_what_stands_left_of_it_and_another_does_not() -> None:
    assert columns("select x.y from customers c, lateral (select c.card as y) x") == ["y: card"]
    (statement,) = analyse("select x.y from customers c, (select c.card as y) x", CATALOGUE, CONTEXT, ())
    assert statement.facts.unproven


def test_an_inner_name_hides_an_outer_one() -> None:
    sql = "select (select name from (select card as name) x) from customers"
    assert columns(sql) == ["name: card"]


def test_an_output_name_in_order_by_is_the_output_and_in_group_by_the_column() -> None:
    sql = "select card as name from customers order by name"
    (statement,) = analyse(sql, CATALOGUE, CONTEXT, ())
    assert statement.facts.columns == ("public.customers.card",)
    grouped = "select max(card) as name from customers group by name"
    (statement,) = analyse(grouped, CATALOGUE, CONTEXT, ())
    assert statement.facts.columns == ("public.customers.card", "public.customers.name")


def test_a_row_of_any_kind_leaves_the_columns_open() -> None:
    for sql in (
        "select * from unnest((select array_agg(c) from customers c)) u",
        "select (json_populate).* from (select 1) x",
        "select * from nowhere",
    ):
        (statement,) = analyse(sql, CATALOGUE, CONTEXT, ())
        assert not statement.facts.outputs_known


def test_a_column_of_an_open_row_derives_from_all_of_it() -> None:
    sql = "select u.anything from unnest((select array_agg(c) from customers c)) u"
    (output,) = outputs(sql)
    assert "public.customers.card" in output.sources


def test_a_set_operation_of_different_widths_is_open() -> None:
    (statement,) = analyse("select 1, 2 union select 3", CATALOGUE, CONTEXT, ())
    assert not statement.facts.outputs_known


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("select 1", ["?column?"]),
        ("select null::text, 'a'::varchar(3), now()::date", ["text", "varchar", "now"]),
        ("select name::text, (tags)[1], (c).card from customers c", ["name", "tags", "card"]),
        (
            "select case when true then name end, case when true then 1 else name end from customers",
            ["case", "name"],
        ),
        (
            "select coalesce(1), greatest(1), least(1), nullif(1, 2)",
            ["coalesce", "greatest", "least", "nullif"],
        ),
        ("select array[1], row(1), exists (select 1), array(select 1)", ["array", "row", "exists", "array"]),
        (
            "select (select name from customers), (values (1)), 1 in (select 1)",
            ["name", "column1", "?column?"],
        ),
        (
            "select current_date, current_user, user, localtime(0)",
            ["current_date", "current_user", "user", "localtime"],
        ),
        ('select -id, not true, id is null, name collate "C" from customers', ["?column?"] * 3 + ["name"]),
        (
            "select extract(year from now()), trim('x'), now() at time zone 'UTC'",
            ["extract", "btrim", "timezone"],
        ),
        ("select xmlelement(name a), xmlconcat('<a/>')", ["xmlelement", "xmlconcat"]),
    ],
)
def test_columns_are_called_as_the_server_calls_them(sql: str, names: list[str]) -> None:
    assert [output.name for output in outputs(sql)] == names


_QUERIES = st.recursive(
    st.sampled_from(
        [
            "select card as x, id as y from customers",
            "select name as x, 1 as y from customers",
            "select note as x, customer_id as y from orders",
            "select * from (values ('a', 1)) v (x, y)",
            "select payment as x, id as y from card_holders",
        ]
    ),
    lambda inner: st.one_of(
        st.builds("select x, y from ({}) q".format, inner),
        st.builds("select q.* from ({}) q order by y".format, inner),
        st.builds("with w as ({}) select * from w where y > 0".format, inner),
        st.builds("({}) union all ({})".format, inner, inner),
        st.builds("select max(x) as x, y from ({}) q group by y".format, inner),
        st.builds("select a.x, b.y from ({}) a join ({}) b using (y)".format, inner, inner),
        st.builds("select x || '' as x, (select max(y) from ({}) i) as y from ({}) q".format, inner, inner),
        st.builds("select l.x, q.y from ({}) q, lateral (select q.x) l".format, inner),
    ),
    max_leaves=6,
)


@given(_QUERIES)
def test_a_source_is_never_lost_on_the_way_up(sql: str) -> None:
    """Every query passes `x` of what it reads on as its own `x`, so each leaf's source has to arrive."""
    if "(select max(y)" in sql or " b using" in sql:  # there the other side's x stays behind
        return
    (x, _) = outputs(sql)
    assert x.proven
    for words, source in (
        ("select card as x", "public.customers.card"),
        ("payment as x", "public.customers.card"),
    ):
        if words in sql:
            assert source in x.sources
    if "note as x" in sql:
        assert "public.orders.note" in x.sources


def test_views_over_views_over_views() -> None:
    builder = CatalogueBuilder().table("public.base", "id int4", "secret")
    below = "public.base"
    for number in range(50):
        builder.view(f"public.v{number}", "id secret", f"select id, secret from {below}")
        below = f"public.v{number}"
    catalogue = builder.build()
    assert "public.base.secret" in outputs("select secret from v49", catalogue)[0].sources


def test_a_view_that_is_not_understood_is_not_proven() -> None:
    builder = CatalogueBuilder().table("public.base", "id int4")
    builder.view("public.broken", "id", "select id frm base where")
    builder.view("public.narrow", "id other", "select id from public.base")
    builder.view("public.unread", "id", "")
    catalogue = builder.build()
    for name in ("broken", "narrow", "unread"):
        (statement,) = analyse(f"select id from {name}", catalogue, CONTEXT, ())
        assert statement.facts.unproven
        assert not statement.facts.outputs[0].proven
