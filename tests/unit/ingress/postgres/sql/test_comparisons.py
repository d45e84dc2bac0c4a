from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.catalogues import CatalogueBuilder, sample_builder
from support.facts import CONTEXT, CORPUS

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.facts import Statement, analyse
from ingress.postgres.sql.held import NONE, Held, with_parameters
from ingress.postgres.sql.tree import Node, parse, strings, walk
from processors.masking.masks import MASKS
from processors.masking.tokens import Tokens, mask_of
from schemas.vocabulary import Intent, SensitiveColumn

CARD, PAID = "public.customers.card", "public.payments*.card"
SENSITIVE = (
    *(
        SensitiveColumn(pattern, "tokenise")
        for pattern in (
            CARD,
            PAID,
            "public.profiles.*",
            "public.remote_orders.card",
            "public.t.*",
            "public.v.c",
        )
    ),
    SensitiveColumn("public.customers.email", "email"),
)
TOKENS = Tokens(b"k" * 32, "orders", SENSITIVE)
RAW = "4111111111111111"
CATALOGUE = sample_builder().build()
DOCUMENT = YAML(typ="safe").load(CORPUS / "tokens.yaml")


def token(value: str = RAW, pattern: str = CARD, tokens: Tokens = TOKENS) -> str:
    found = mask_of({**MASKS, **tokens.masks()}, "tokenise", pattern)(value.encode())
    assert found is not None
    return found.decode()


WORDS = {
    "card": token(),
    "other": token("5555555555554444"),
    "paid": token(pattern=PAID),
    "foreign": token(tokens=Tokens(b"o" * 32, "orders", SENSITIVE)),
    "damaged": token()[:-2] + ("B" if token()[-2] == "A" else "A") + token()[-1],
}


Bound = tuple[tuple[int, str], ...]


def read(
    sql: str, catalogue: Catalogue = CATALOGUE, parameters: Bound | None = ((1, CARD),), arrays: Bound = ()
) -> Statement:
    return analyse(sql.format(**WORDS), catalogue, CONTEXT, SENSITIVE, Held(TOKENS, parameters, arrays))[0]


def probes(sql: str, catalogue: Catalogue = CATALOGUE) -> bool:
    statement = read(sql, catalogue)
    assert (statement.revealed == NONE) is (Intent.PROBE in statement.facts.intents), "one or the other"
    return Intent.PROBE in statement.facts.intents


@pytest.mark.parametrize("sql", DOCUMENT["stands"])
def test_it_stands_for_its_value_and_nothing_is_told(sql: str) -> None:
    statement = read(sql)
    assert statement.facts.probed == ()
    assert not {Intent.PROBE, Intent.UNKNOWN} & set(statement.facts.intents)
    literals = sum(sql.count(f"'{{{word}}}'") for word in WORDS)
    assert [one.token in WORDS.values() for one in statement.revealed.literals] == [True] * literals
    assert statement.revealed.parameters == (((1, CARD),) if "$1" in sql else ())
    assert WORDS["card"] in statement.redacted or "{card}" not in sql, "reviewers see the token"
    assert not statement.secret_parameters


@pytest.mark.parametrize("sql", DOCUMENT["probes"])
def test_it_is_a_text_that_a_column_is_compared_with(sql: str) -> None:
    statement = read(sql)
    assert statement.revealed == NONE
    assert {Intent.PROBE, Intent.UNKNOWN} & set(statement.facts.intents)


@pytest.mark.parametrize("sql", DOCUMENT["harmless"])
def test_it_is_a_text(sql: str) -> None:
    statement = read(sql)
    assert statement.revealed == NONE
    assert not {Intent.PROBE, Intent.UNKNOWN} & set(statement.facts.intents)


@pytest.mark.parametrize("sql", DOCUMENT["arrays"])
def test_an_array_of_them_stands_for_an_array_of_values(sql: str) -> None:
    statement = read(sql, parameters=(), arrays=((1, CARD),))
    assert not {Intent.PROBE, Intent.UNKNOWN} & set(statement.facts.intents)
    assert (statement.revealed.parameters, statement.revealed.arrays) == ((), ((1, CARD),))
    assert Intent.PROBE in read(sql, parameters=()).facts.intents, "of other values it is a probe"
    assert Intent.PROBE in read(sql, parameters=(), arrays=((1, PAID),)).facts.intents
    assert Intent.PROBE in read(sql).facts.intents, "a token is no array"


@pytest.mark.parametrize("sql", DOCUMENT["probes in arrays"])
def test_anywhere_else_it_is_an_array_of_texts(sql: str) -> None:
    statement = read(sql, parameters=(), arrays=((1, CARD),))
    assert statement.revealed == NONE
    assert {Intent.PROBE, Intent.UNKNOWN} & set(statement.facts.intents)


def test_before_anything_is_bound_a_parameter_may_be_one() -> None:
    sql = "select id from customers where card = $1"
    assert Intent.PROBE not in read(sql, parameters=None).facts.intents
    assert Intent.PROBE in read(sql, parameters=()).facts.intents
    assert Intent.PROBE in read(sql, parameters=((1, PAID),)).facts.intents
    assert (
        Intent.PROBE in read("select id from customers where upper(card) = $1", parameters=None).facts.intents
    )


@pytest.mark.parametrize(
    ("column", "stands"),
    [
        ("c", True),
        ("c varchar", True),
        ("c bpchar", False),
        ("c name", False),
        ("c short", False),
        ("c _text", False),
    ],
)
def test_of_which_types(column: str, stands: bool) -> None:
    catalogue = CatalogueBuilder().type("public.short").table("public.t", "id int4", column).build()
    assert probes(f"select id from t where c = '{token(pattern='public.t.*')}'", catalogue) is not stands


def test_not_where_equal_values_may_differ_in_their_bytes() -> None:
    builder = CatalogueBuilder().table("public.t", "id int4", "c")
    sql = f"select id from t where c = '{token(pattern='public.t.*')}'"
    assert not probes(sql, builder.build())
    relation = builder._relations["public.t"]
    numbers = {number: replace(column, is_exact=False) for number, column in relation.numbers.items()}
    builder._relations["public.t"] = replace(relation, columns=tuple(numbers.values()), numbers=numbers)
    assert probes(sql, builder.build())


@pytest.mark.parametrize(
    ("takes_text", "schema", "stands"),
    [(True, "public", False), (False, "public", True), (True, "vault", True)],
)
@pytest.mark.parametrize("written", ["c = '{}'", "c in ('{}')", "c operator(pg_catalog.=) '{}'"])
def test_not_where_an_operator_of_a_users_may_be_meant(
    written: str, takes_text: bool, schema: str, stands: bool
) -> None:
    builder = CatalogueBuilder().table("public.t", "id int4", "c").function("public.same", 2, volatility="i")
    builder.operator(f"{schema}.=", "public.same", takes_text=takes_text)
    sql = "select id from t where " + written.format(token(pattern="public.t.*"))
    statement = read(sql, builder.build())
    assert (statement.revealed != NONE) is (stands or "pg_catalog" in written)


@pytest.mark.parametrize(
    ("path", "stands"),
    [
        (("pg_catalog", "public"), True),
        (("pg_temp_3", "pg_catalog", "public"), True),
        (("public", "pg_catalog"), False),
        (("public",), False),
    ],
)
def test_not_where_an_operator_could_come_before_postgresqls_own(path: tuple[str, ...], stands: bool) -> None:
    sql = f"select id from public.customers where card = '{WORDS['card']}'"
    [statement] = analyse(sql, CATALOGUE, replace(CONTEXT, search_path=path), SENSITIVE, Held(TOKENS))
    assert (statement.revealed != NONE) is stands


def test_a_column_that_two_entries_cover_has_no_token() -> None:
    builder = CatalogueBuilder().table("public.t", "id int4", "c")
    builder.view("public.v", "id c", "select id, c from public.t").view(
        "public.w", "id c", "select id, c from public.t"
    )
    catalogue = builder.build()
    sql = "select id from {} where c = '{}'"
    of_table = token(pattern="public.t.*")
    assert not probes(sql.format("w", of_table), catalogue)
    assert probes(sql.format("v", of_table), catalogue)
    assert probes(sql.format("v", token(pattern="public.v.c")), catalogue)


OPERANDS = st.sampled_from(
    [
        "card",
        "c.card",
        "'{card}'",
        "'{other}'",
        "$1",
        "$2",
        "'4'",
        "upper(card)",
        "'{card}'::text",
        "name",
        "null",
        "E'{card}'",
    ]
)
ATOMS = st.one_of(
    st.tuples(OPERANDS, st.sampled_from(["=", "<>", "<", "||", "is distinct from"]), OPERANDS).map(" ".join),
    st.builds("{} in ({}, {})".format, OPERANDS, OPERANDS, OPERANDS),
    st.builds("{} = any (array[{}])".format, OPERANDS, OPERANDS),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
    max_leaves=4,
)


@given(CONDITIONS, OPERANDS)
def test_only_the_column_itself_is_ever_compared_with_a_value(condition: str, shown: str) -> None:
    """By another way than the reader's: each of them stands beside the column in the tree of the text."""
    statement = read(f"select {shown} from customers c where {condition}")
    (source,) = parse(statement.text)
    nodes = list(walk(source.node))
    beside = {place for kind, node in nodes if kind == "A_Expr" for place in _beside_card(node)}
    assert {literal.start for literal in statement.revealed.literals} <= beside
    for number, _ in statement.revealed.parameters:
        assert {
            node["location"] for kind, node in nodes if kind == "ParamRef" and node["number"] == number
        } <= beside


def _beside_card(node: Node) -> set[int]:
    """Where the constants stand that an operation of equality has beside the column."""
    sides = [node["lexpr"], node["rexpr"]]
    columns = [strings(one["ColumnRef"]["fields"])[-1] for one in sides if "ColumnRef" in one]
    if columns != ["card"] or strings(node["name"]) not in (["="], ["<>"]):
        return set()
    return {inner["location"] for kind, inner in walk(sides) if kind in ("A_Const", "ParamRef")}


def test_it_is_a_parameter_of_the_same_length_in_the_text() -> None:
    statement = read("select 'ü', $2::int from customers where(card='{card}')or card in('{other}',$1)")
    sent = with_parameters(statement.text, statement.revealed.literals, statement.revealed.highest)
    assert len(sent) == len(statement.text)
    assert " ".join(sent.split()) == "select 'ü', $2::int from customers where(card= $3 )or card in( $4 ,$1)"
