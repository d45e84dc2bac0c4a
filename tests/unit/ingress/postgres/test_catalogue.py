from support.catalogues import PATH, CatalogueBuilder, sample_builder

from ingress.postgres.catalogue import Catalogue

BUILDER = sample_builder()
CATALOGUE = BUILDER.build()


def origin(
    name: str, column: str, builder: CatalogueBuilder = BUILDER, catalogue: Catalogue = CATALOGUE
) -> object:
    relation = catalogue.relation(builder.oid(name))
    assert relation is not None
    (number,) = (number for number, found in relation.numbers.items() if found.name == column)
    return catalogue.origin(relation.oid, number)


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


def test_a_generated_column_derives_from_what_it_is_computed_from() -> None:
    assert origin("public.profiles", "hint") == ("public.profiles.hint", "public.profiles.card")


def test_what_is_not_proven_has_no_origin() -> None:
    assert origin("public.mail_of_all", "address") is None
    assert origin("pg_catalog.pg_stats", "most_common_vals") is None
    assert CATALOGUE.origin(1, 1) is None
    assert CATALOGUE.origin(BUILDER.oid("public.customers"), 99) is None
    assert CATALOGUE.origin(BUILDER.oid("public.customers"), 0) is None  # a whole row


def test_system_columns_have_an_origin() -> None:
    assert CATALOGUE.origin(BUILDER.oid("public.customers"), -1) == ("public.customers.ctid",)
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
