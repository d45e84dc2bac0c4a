import re
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.catalogues import PATH, CatalogueBuilder, sample_builder, sample_catalogue
from support.facts import CONTEXT, SENSITIVE, Case, cases, expected_of, found

from ingress.postgres.facts import STATEMENTS, Context, Cursor, Statement, Unparsable, analyse
from schemas.vocabulary import Intent, SensitiveColumn

CATALOGUE = sample_catalogue()
CARD = "4111111111111111"


def one(sql: str, context: Context = CONTEXT) -> Statement:
    (statement,) = analyse(sql, CATALOGUE, context, SENSITIVE)
    return statement


def sources(statement: Statement) -> dict[str, tuple[str, ...]]:
    return {output.name: output.sources for output in statement.facts.outputs}


@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_corpus(case: Case) -> None:
    answer = found(case.sql, CATALOGUE)
    assert answer == expected_of(case, answer)


def test_the_corpus_only_grows() -> None:
    assert len(cases()) >= 430


@pytest.mark.parametrize("case", cases(), ids=str)
def test_an_unproven_statement_is_unknown_and_never_only_read(case: Case) -> None:
    for statement in analyse(case.sql, CATALOGUE, CONTEXT, SENSITIVE):
        assert (Intent.UNKNOWN in statement.facts.intents) == bool(statement.facts.unproven)
        assert statement.facts.intents
        assert set(statement.facts.statements) <= STATEMENTS


@pytest.mark.parametrize("text", ["", "  \n", ";", " ; -- nothing\n;", "/* nothing */"])
def test_an_empty_text_has_no_statements(text: str) -> None:
    assert analyse(text, CATALOGUE, CONTEXT, SENSITIVE) == ()


def test_each_statement_is_its_slice_of_the_text() -> None:
    text = "/* why; */ select 'ü';\n; -- ü;\n delete from orders where id = 1 -- done\n; "
    assert [statement.text for statement in analyse(text, CATALOGUE, CONTEXT, ())] == [
        "/* why; */ select 'ü'",
        "-- ü;\n delete from orders where id = 1 -- done",
    ]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("selec 1", 1),
        ("select 'x", 8),
        ("select 1; drop tabel x", 16),
        ("select 1\0; drop table x", 9),
        ("\ud800", 1),
    ],
)
def test_what_does_not_parse_says_where(text: str, position: int) -> None:
    with pytest.raises(Unparsable) as caught:
        analyse(text, CATALOGUE, CONTEXT, SENSITIVE)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "text",
    [
        "select " + "1 + " * 200_000 + "1",
        "select " + "(" * 100_000 + "1" + ")" * 100_000,
        "select 1 " + "union select 1 " * 100_000,
        "select 1" + "::integer" * 100_000,
        "select a" + " is null" * 100_000,
        "select " + "coalesce(" * 5000 + "1" + ")" * 5000,
        "select * from " + "(select * from " * 3000 + "orders" + ") x" * 3000,
        "select " + ", ".join("c.*" for _ in range(200)) + " from customers c",
    ],
    ids=lambda text: text[:20],
)
def test_a_text_too_large_to_be_read_is_refused(text: str) -> None:
    """And does not end the process, as pglast's own tree does."""
    with pytest.raises(Unparsable, match=r"too deeply|too complex|stack depth|memory exhausted|at most 1664"):
        analyse(text, CATALOGUE, CONTEXT, SENSITIVE)


def test_recursive_queries_within_each_other_do_not_take_for_ever() -> None:
    text = "select 1 as a, card as b from customers"
    for n in range(20):
        text = (
            f"with recursive r{n} (a, b) as "
            f"(select 1, 'a' union all select x.a, r.b from r{n} r, ({text}) x) select * from r{n}"
        )
    with pytest.raises(Unparsable, match=r"too complex|too deeply"):
        analyse(text, CATALOGUE, CONTEXT, SENSITIVE)


def test_a_long_text_without_depth_is_read() -> None:
    numbers = ", ".join(map(str, range(10_000)))
    assert one(f"select id from orders where id in ({numbers})").facts.intents == (Intent.READ,)
    rows = ", ".join(f"({n}, 'x')" for n in range(5_000))
    assert one(f"insert into orders (id, note) values {rows}").facts.intents == (Intent.WRITE,)


def test_names_resolve_along_the_search_path() -> None:
    archived = one("select * from orders", replace(CONTEXT, search_path=("pg_catalog", "archive", "public")))
    assert archived.facts.tables == ("archive.orders",)
    assert one("select * from orders").facts.tables == ("public.orders",)


def test_a_temporary_table_comes_first_and_its_schema_has_an_alias() -> None:
    catalogue = sample_builder().table("pg_temp_3.orders", "id int4", "secret").build()
    context = Context(("pg_temp_3", *PATH), "app")
    for name in ("orders", "pg_temp.orders"):
        (statement,) = analyse(f"select secret from {name}", catalogue, context, ())
        assert statement.facts.outputs[0].sources == ("pg_temp_3.orders.secret",)
    (statement,) = analyse("select secret from pg_temp.orders", catalogue, CONTEXT, ())
    assert statement.facts.unproven  # a session without temporary objects has none of that name


def test_a_temporary_function_is_not_found_without_its_schema() -> None:
    catalogue = sample_builder().function("pg_temp_3.upper", 1).build()
    context = Context(("pg_temp_3", *PATH), "app")
    (plain,) = analyse("select upper(name) from customers", catalogue, context, ())
    (named,) = analyse("select pg_temp.upper(name) from customers", catalogue, context, ())
    assert (plain.facts.unproven, bool(named.facts.unproven)) == ((), True)


def test_a_users_function_of_a_built_in_name_makes_it_ambiguous_where_it_can_take_the_arguments() -> None:
    catalogue = sample_builder().function("public.upper", 2).build()
    (fits,) = analyse("select upper('a', 'b')", catalogue, CONTEXT, ())
    (fits_not,) = analyse("select upper('a')", catalogue, CONTEXT, ())
    assert (bool(fits.facts.unproven), fits_not.facts.unproven) == (True, ())


def test_an_extensions_immutable_function_in_c_is_trusted_and_no_other() -> None:
    builder = CatalogueBuilder()
    builder.function("public.similarity", 2, language="c", volatility="i", extension="pg_trgm")
    builder.function("public.mine", 2, language="c", volatility="i")
    builder.function("public.nosy", 2, language="c", volatility="s", extension="x")
    builder.function("public.xslt_process", 2, language="c", volatility="i", extension="xml2")
    catalogue = builder.build()
    doubted = {
        name: bool(analyse(f"select {name}('a', 'b')", catalogue, CONTEXT, ())[0].facts.unproven)
        for name in ("similarity", "mine", "nosy", "xslt_process")
    }
    assert doubted == {"similarity": False, "mine": True, "nosy": True, "xslt_process": True}


def test_execute_does_what_was_prepared() -> None:
    context = replace(
        CONTEXT,
        prepared={
            "reads": "select id, card from customers where card = $1",
            "deletes": "delete from orders",
            "again": "execute deletes",
            "odd": "select 1; select 2",
            "broken": "selec",
        },
    )
    reads = one(f"execute reads('{CARD}')", context)
    assert reads.facts.intents == (Intent.PROBE, Intent.READ)
    assert sources(reads) == {"id": ("public.customers.id",), "card": ("public.customers.card",)}
    assert reads.redacted == "execute reads('‹sealed›')"
    assert one("execute reads($1)", context).secret_parameters == {1}
    assert one("execute deletes", context).facts.intents == (Intent.BULK_WRITE, Intent.WRITE)
    assert one("execute again", context).facts.intents == (Intent.BULK_WRITE, Intent.WRITE)
    assert one("explain analyze execute deletes", context).facts.intents == (
        Intent.BULK_WRITE,
        Intent.READ,
        Intent.WRITE,
    )
    copied = one("create table t as execute reads('x')", context)
    assert set(copied.facts.intents) >= {Intent.DDL, Intent.WRITE, Intent.EXPORT}
    for name in ("odd", "broken", "missing"):
        assert Intent.UNKNOWN in one(f"execute {name}", context).facts.intents


def test_a_plan_that_would_show_a_sensitive_literal_derives_from_its_column() -> None:
    for literal in (f"'{CARD}'", "$1"):
        shown = one(f"explain select id from customers where card = {literal}")
        assert sources(shown) == {"QUERY PLAN": ("public.customers.card",)}
    assert sources(one("explain select card from customers where id = 7")) == {"QUERY PLAN": ()}


def test_prepared_statements_that_execute_each_other_are_refused() -> None:
    context = replace(CONTEXT, prepared={"a": "execute b", "b": "execute a"})
    with pytest.raises(Unparsable, match=r"too deeply"):
        one("execute a", context)


def test_prepare_and_declare_give_the_text_they_hold() -> None:
    prepared = one("prepare p (text) /* AS */ as select card from customers where card = $1")
    assert prepared.prepares == ("p", "select card from customers where card = $1")
    assert prepared.facts.outputs == ()
    declared = one("declare c scroll cursor with hold for select card from customers")
    assert declared.declares == ("c", Cursor("select card from customers", PATH))
    assert one("explain declare c cursor for select 1").declares is None


def test_fetch_gives_what_the_cursor_was_declared_for_under_the_path_of_then() -> None:
    cursors = {"c": Cursor("select upper(note) from orders", PATH)}
    context = Context(("pg_catalog", "archive"), "app", cursors=cursors)
    assert sources(one("fetch all from c", context)) == {"upper": ("public.orders.note",)}
    assert one("move 5 from c", context).facts.outputs == ()
    assert Intent.UNKNOWN in one("fetch from d", context).facts.intents


def test_without_standard_conforming_strings_a_backslash_is_doubt() -> None:
    context = replace(CONTEXT, standard_conforming_strings=False)
    assert one("select 'a' from orders", context).facts.unproven == ()
    doubted = one(r"select 'a\' from orders where note = ' or 1=1; --'", context)
    assert Intent.UNKNOWN in doubted.facts.intents
    assert not any(output.proven for output in doubted.facts.outputs)
    assert not doubted.facts.outputs_known


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("select json_scalar(1)", 17),
        ("select json_exists('{}', '$')", 17),
        ("select json_array(1, 2)", 16),
        ("select '{}' is json", 16),
        ("select * from json_table('{}', '$' columns (a integer path '$.a')) t", 17),
        ("select 0x10 from orders", 16),
        ("select 1_000 from orders", 16),
        ("merge into orders o using (values (1)) v (id) on o.id = v.id when matched then delete", 15),
        ("delete from orders where id = 1 returning with (old as o) o.id", 18),
    ],
)
def test_what_an_older_server_reads_otherwise_is_doubt(text: str, since: int) -> None:
    (older,) = analyse(text, sample_catalogue(since - 1), CONTEXT, ())
    (newer,) = analyse(text, sample_catalogue(since), CONTEXT, ())
    assert (bool(older.facts.unproven), newer.facts.unproven) == (True, ())


def test_a_server_newer_than_the_grammar_is_doubt() -> None:
    (statement,) = analyse("select 1", sample_catalogue(19), CONTEXT, ())
    assert "newer than the grammar" in statement.facts.unproven[0]


def test_returning_tells_old_from_new_from_version_18_on() -> None:
    text = "update orders set note = 'x' where id = 1 returning old.note, new.id"
    (newer,) = analyse(text, sample_catalogue(18), CONTEXT, ())
    (older,) = analyse(text, sample_catalogue(17), CONTEXT, ())
    assert [output.proven for output in newer.facts.outputs] == [True, True]
    assert older.facts.unproven


def test_a_reason_holds_no_literal() -> None:
    for case in cases():
        for statement in analyse(case.sql, CATALOGUE, CONTEXT, SENSITIVE):
            for reason in statement.facts.unproven:
                assert CARD not in reason
                assert "correct horse" not in reason


def test_columns_are_those_touched_anywhere() -> None:
    statement = one(
        "select name from customers c join orders o on o.customer_id = c.id where card = '4' order by ssn"
    )
    assert statement.facts.columns == (
        "public.customers.card",
        "public.customers.id",
        "public.customers.name",
        "public.customers.ssn",
        "public.orders.customer_id",
    )


def test_a_hundred_partitions_do_not_swell_the_facts_but_a_sensitive_one_shows() -> None:
    builder = CatalogueBuilder().table("public.log", "id int4", "note", kind="p")
    for number in range(100):
        builder.table(f"public.log_{number}", "id int4", "note", parents=["public.log"])
    catalogue = builder.build()
    (plain,) = analyse("select note from log", catalogue, CONTEXT, ())
    assert plain.facts.outputs[0].sources == ("public.log.note",)
    pattern = replace(SENSITIVE[0], pattern="public.log_7.note")
    (shown,) = analyse("select note from log", catalogue, CONTEXT, (pattern,))
    assert shown.facts.outputs[0].sources == ("public.log.note", "public.log_7.note")


_NAMES = st.sampled_from(["id", "card", "email", "name", "c", "c.card", "c.id", "c.*", "nothing", "(c).card"])
_EXPRESSIONS = st.recursive(
    _NAMES | st.sampled_from(["1", "'x'", "null", "$1", "now()"]),
    lambda inner: st.one_of(
        st.builds("({} || {})".format, inner, inner),
        st.builds("upper({})".format, inner),
        st.builds("coalesce({}, {})".format, inner, inner),
        st.builds("(case when {} is null then {} end)".format, inner, inner),
        st.builds("array[{}]".format, inner),
        st.builds("(select {} from orders o limit 1)".format, inner),
        st.builds("count({}) over (order by {})".format, inner, inner),
        st.builds("email_of({})".format, inner),
        st.builds("row({}, {})".format, inner, inner),
    ),
    max_leaves=8,
)


@given(_EXPRESSIONS)
def test_whatever_mentions_a_column_derives_from_it_or_is_not_proven(expression: str) -> None:
    (statement,) = analyse(f"select {expression} as x from customers c", CATALOGUE, CONTEXT, SENSITIVE)
    words = set(re.findall(r"[a-z.*]+", expression.replace("(c).card", "c.card").replace("c.*", "c")))
    if expression == "c.*" or not statement.facts.outputs[0].proven:
        return
    (output,) = statement.facts.outputs
    for column in ("card", "email"):
        if words & {column, f"c.{column}", "c"}:
            assert f"public.customers.{column}" in output.sources


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Unparsable):
        analyse(text, CATALOGUE, CONTEXT, SENSITIVE)


@pytest.mark.parametrize(
    ("sql", "exports"),
    [
        ("update customers set card = reverse(card) where id = 1", True),
        ("update customers set card = substr(card, 5) || substr(card, 1, 4) where id = 1", True),
        ("update customers set card = email where id = 1", True),
        ("insert into customers (id, name, card) select id + 1, name, reverse(card) from customers", True),
        ("create table payments_y as select reverse(card) as card from payments", True),
        ("update customers set card = '4111111111111111' where id = 1", False),
        ("update customers set card = c.card from customers c where c.id = customers.id", False),
        ("insert into customers (id, name, card) select id + 1, name, card from customers", False),
        ("create table payments_y as select card from payments", False),
        ("update people set ssn = reverse(ssn) where name = 'x'", False),  # nothing of it is shown
    ],
)
def test_what_a_mask_would_show_a_part_of_is_an_export_where_it_is_written(sql: str, exports: bool) -> None:
    masks = {"customers.email": "email", "customers.card": "card", "payments*.card": "card", "*.ssn": "full"}
    sensitive = tuple(SensitiveColumn(f"public.{name}", mask) for name, mask in masks.items())
    (statement,) = analyse(sql, CATALOGUE, CONTEXT, sensitive)
    assert (Intent.EXPORT in statement.facts.intents) == exports


def test_what_is_returned_of_a_change_is_bare_where_it_was_not_computed() -> None:
    def bare(sql: str) -> list[bool]:
        return [output.bare for output in one(sql).facts.outputs]

    assert bare("update customers set name = 'x' where id = 1 returning card, email") == [True, True]
    assert bare("update customers set card = '4111' where id = 1 returning card, email") == [True, True]
    assert bare("update customers set card = reverse(card) where id = 1 returning card, email") == [
        False,
        True,
    ]
