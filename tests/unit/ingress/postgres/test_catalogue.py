import pytest
from support.catalogues import PATH, CatalogueBuilder, sample_builder

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.sql.columns import Origin

BUILDER = sample_builder()
CATALOGUE = BUILDER.build()


def origin(
    name: str, column: str, builder: CatalogueBuilder = BUILDER, catalogue: Catalogue = CATALOGUE
) -> object:
    relation = catalogue.relation(builder.oid(name))
    assert relation is not None
    (number,) = (number for number, found in relation.numbers.items() if found.name == column)
    found = catalogue.origin(relation.oid, number)
    return None if found is None else found.columns


def test_the_origin_of_a_base_column_is_itself_alone() -> None:
    assert origin("public.customers", "card") == ("public.customers.card",)


def test_the_origin_of_a_views_column_names_its_own_first() -> None:
    assert origin("public.contact_names", "name") == (
        "public.contact_names.name",
        "public.contacts.name",
        "public.customers.name",
    )
    assert origin("public.card_holders", "payment") == (
        "public.card_holders.payment",
        "public.customers.card",
    )


def test_a_partition_has_its_tables_names_and_the_table_has_its_partitions() -> None:
    assert origin("public.payments_2025", "card") == ("public.payments_2025.card", "public.payments.card")
    assert origin("public.payments", "card") == (
        "public.payments.card",
        "public.payments_2025.card",
        "public.payments_2026.card",
    )


@pytest.mark.parametrize(
    ("definition", "bare"),
    [
        ("select id, card from public.customers", True),
        ("select c.id, (c.*).card from public.customers c order by id limit 5", True),
        ("select id, x from (select id, card as x from public.customers) s where id > 1", True),
        ("with t as (select id, card from public.customers) select id, t.card from t", True),
        ("select c.id, h.card from public.customers c left join public.customers h on h.id = c.id", True),
        ("select id, address from public.contacts", True),
        ("select id, card::text from public.customers", False),
        ("select id, card::varchar(4) from public.customers", False),
        ("select id, coalesce(card, '') from public.customers", False),
        ('select id, card collate "C" from public.customers', False),
        ("select id, max(card) from public.customers group by id", False),
        ("select id, (select card) from public.customers", False),
        ("select id, case when id > 1 then card end from public.customers", False),
        ("select id, card from public.customers union all select id, email from public.customers", False),
        ("select id, card from public.customers union all select id, 'x' from public.orders", False),
        ("select id, hint from public.profiles", False),
        ("select id, payment from public.card_holders", False),
        ("select id, address from public.mail_of_all", False),
    ],
)
def test_a_column_is_bare_where_it_is_shown_as_it_is_stored(definition: str, bare: bool) -> None:
    builder = sample_builder().view("public.v", "id value", definition)
    catalogue = builder.build()
    found = catalogue.origin(builder.oid("public.v"), 2)
    assert (found is not None and found.bare) == bare


def test_a_generated_column_derives_from_what_it_is_computed_from() -> None:
    assert origin("public.profiles", "hint") == ("public.profiles.hint", "public.profiles.card")


def test_what_is_not_proven_has_no_origin() -> None:
    assert origin("public.mail_of_all", "address") is None
    assert origin("pg_catalog.pg_stats", "most_common_vals") is None
    assert CATALOGUE.origin(1, 1) is None
    assert CATALOGUE.origin(BUILDER.oid("public.customers"), 99) is None
    assert CATALOGUE.origin(BUILDER.oid("public.customers"), 0) is None  # a whole row


def test_system_columns_have_an_origin() -> None:
    assert CATALOGUE.origin(BUILDER.oid("public.customers"), -1) == Origin(
        ("public.customers.ctid",), bare=True
    )
    assert CATALOGUE.origin(BUILDER.oid("public.customers"), -7) is None
    assert CATALOGUE.origin(BUILDER.oid("public.contacts"), -1) is None


def test_a_generated_column_whose_expression_could_not_be_read_is_not_proven() -> None:
    builder = CatalogueBuilder().table("public.t", "id int4", "twice int4 = id * 2")
    complete = builder.build()
    assert complete.complete
    assert origin("public.t", "twice", builder, complete) == ("public.t.twice", "public.t.id")
    view = CatalogueBuilder().view("public.v", "id", "")
    assert not view.build().complete


def test_a_name_without_a_schema_is_the_first_on_the_path() -> None:
    for path, schema in ((PATH, "public"), (("archive", "public"), "archive"), (("vault",), None)):
        found = CATALOGUE.find_relation("", "orders", path)
        assert (found.schema if found else None) == schema


def test_functions_of_a_name_are_all_that_the_path_reaches() -> None:
    assert {f.qualified for f in CATALOGUE.find_functions("", "initcap", PATH)} == {
        "pg_catalog.initcap",
        "public.initcap",
    }
    assert {f.qualified for f in CATALOGUE.find_functions("pg_catalog", "initcap", PATH)} == {
        "pg_catalog.initcap"
    }


def test_casts_by_a_users_function_make_a_column_unproven() -> None:
    builder = CatalogueBuilder().type("public.odd", casts=True)
    builder.table("public.t", "id int4", "value odd")
    assert origin("public.t", "value", builder, builder.build()) is None
