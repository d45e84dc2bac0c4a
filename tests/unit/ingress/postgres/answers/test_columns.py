import pytest
from support.answers import (
    BYTEA,
    DATE,
    INT4,
    JSON,
    JSONB,
    NAME,
    TEXT,
    TEXT_ARRAY,
    USER_TYPE,
    UUID,
    VARCHAR,
    XML,
    Described,
    row_description,
)

from ingress.errors import TargetError
from ingress.postgres.answers.columns import Column, decide, decide_copy, parse_fields, undescribed
from ingress.postgres.sql.columns import Origin
from processors.masking.masks import MASKS, TOKEN
from processors.masking.plan import UNPROVEN
from schemas.vocabulary import MaskingPlan, SensitiveColumn

CUSTOMERS, VIEW, BARE_VIEW, UNKNOWN = 16400, 16500, 16501, 16600
ORIGINS = {  # the last view shows a column, and one of a partition, as it is
    (CUSTOMERS, 1): ("public.customers.id",),
    (CUSTOMERS, 2): ("public.customers.email",),
    (CUSTOMERS, 3): ("public.customers.card",),
    (VIEW, 1): ("public.contacts.address", "public.customers.email"),
    (VIEW, 2): ("public.contacts.id", "public.customers.id"),
    (VIEW, 3): ("public.contacts.card", "public.customers.id"),
}
BARE = {
    (BARE_VIEW, 1): ("public.contacts.address", "public.customers.email"),
    (BARE_VIEW, 2): ("public.payments.card", "public.payments_2025.card", "public.payments_2026.card"),
    (BARE_VIEW, 3): ("public.cards.card", "public.customers.email"),
}
SENSITIVE = (
    SensitiveColumn("public.customers.email", "email"),
    SensitiveColumn("*.*.card", "card"),
)


def origin(table: int, attribute: int) -> Origin | None:
    if (bare := BARE.get((table, attribute))) is not None:
        return Origin(bare, bare=True)
    names = ORIGINS.get((table, attribute))
    return None if names is None else Origin(names, bare=table == CUSTOMERS)


def decided(
    field: Described,
    by_lineage: str | None = "full",
    source: str = UNPROVEN,
    *,
    writes: bool = False,
    unmasked: frozenset[str] = frozenset(),
) -> Column:
    """What happens to the only column; None: lineage does not know the outputs."""
    outputs = () if by_lineage is None else (by_lineage,)
    sources = () if by_lineage is None else ("" if by_lineage == "" else source,)
    plan = MaskingPlan(columns=SENSITIVE, outputs=outputs, sources=sources, writes=writes, unproven="full")
    fields = parse_fields(row_description(field))
    return decide(fields, (bool(field.format),), plan, origin, unmasked=unmasked)[0]


EMAIL, NOTE = Described("email", TEXT, CUSTOMERS, 2), Described("id", INT4, CUSTOMERS, 1)


@pytest.mark.parametrize(
    ("field", "source", "mask"),
    [
        (EMAIL, "public.customers.email", "email"),
        (EMAIL, "public.customers.card", "full"),  # set email = card … returning email
        (EMAIL, "", "full"),  # from several
        (EMAIL, UNPROVEN, "full"),
        (NOTE, "public.customers.card", "full"),  # set note = card … returning note
        (NOTE, UNPROVEN, "full"),
    ],
)
def test_what_a_command_wrote_is_not_judged_by_the_column_it_wrote_it_into(
    field: Described, source: str, mask: str
) -> None:
    assert decided(field, "full", source, writes=True).mask_name == mask


@pytest.mark.parametrize(
    ("field", "source", "shown"),
    [
        (EMAIL, "public.customers.email", True),
        (Described("address", TEXT, BARE_VIEW, 1), "public.customers.email", True),
        (Described("address", TEXT, VIEW, 1), "public.customers.email", False),  # it may be computed
        (EMAIL, UNPROVEN, False),  # only the target says so
        (EMAIL, "", False),  # from several
        (EMAIL, "public.customers.card", False),  # the target and lineage disagree
        (Described("email", TEXT), "public.customers.email", False),  # only lineage says so
        (Described("card", TEXT, CUSTOMERS, 3), "public.customers.card", False),  # not asked for
        (Described("card", TEXT, CUSTOMERS, 3), "public.customers.email", False),
    ],
)
def test_a_column_is_unmasked_only_where_the_target_and_lineage_name_it(
    field: Described, source: str, shown: bool
) -> None:
    column = decided(field, "full", source, unmasked=frozenset({"public.customers.email"}))
    assert (column.mask is None) == column.is_unmasked == shown


def test_what_is_read_from_another_column_under_its_name_is_masked() -> None:
    assert decided(NOTE, "full", "public.customers.card").mask_name == "full"


@pytest.mark.parametrize(
    ("field", "by_lineage", "mask", "named"),
    [
        # The target says that it is the column itself: its own mask, whatever lineage could prove.
        (Described("email", TEXT, CUSTOMERS, 2), "full", "email", "public.customers.email"),
        # Lineage says clean and the target says sensitive: masked, as what is computed is.
        (Described("alias", TEXT, CUSTOMERS, 3), "", "full", "public.customers.card"),
        (Described("email", TEXT, CUSTOMERS, 2), None, "email", "public.customers.email"),
        (Described("id", INT4, CUSTOMERS, 1), "full", "", ""),
        (Described("id", INT4, CUSTOMERS, 1), None, "", ""),
        # Through a view the value may be computed.
        (Described("address", TEXT, VIEW, 1), "", "full", "public.customers.email"),
        (Described("card", TEXT, VIEW, 3), "", "full", "public.contacts.card"),
        (Described("id", INT4, VIEW, 2), "", "", ""),
        (Described("id", INT4, VIEW, 2), "full", "full", "output:id"),
        (Described("id", INT4, VIEW, 2), None, "full", "output:id"),
        # Through a view that shows it as it is, or from a table of partitions: its own mask.
        (Described("address", TEXT, BARE_VIEW, 1), "full", "email", "public.customers.email"),
        (Described("address", TEXT, BARE_VIEW, 1), None, "email", "public.customers.email"),
        (Described("address", TEXT, BARE_VIEW, 1), "", "full", "public.customers.email"),
        (Described("card", TEXT, BARE_VIEW, 2), "full", "card", "public.payments.card"),
        (Described("card", TEXT, BARE_VIEW, 3), "full", "full", "public.cards.card"),
        # Not a column: lineage says.
        (Described("x", TEXT), "", "", ""),
        (Described("x", TEXT), "full", "full", "output:x"),
        (Described("x", TEXT), None, "full", "output:x"),
        # A whole row, and a table that the catalogue does not know.
        (Described("c", 2249, CUSTOMERS, 0), "full", "full", "output:c"),
        (Described("x", TEXT, UNKNOWN, 1), None, "full", "output:x"),
        (Described("x", TEXT, UNKNOWN, 1), "", "", ""),
    ],
)
def test_a_column_is_masked_unless_proven_clean(
    field: Described, by_lineage: str | None, mask: str, named: str
) -> None:
    column = decided(field, by_lineage)
    assert (column.mask_name, column.field) == (mask, named)
    assert (column.mask is None) == (mask == "")


def test_without_sensitive_columns_nothing_is_masked_and_origin_is_not_asked() -> None:
    def never(table: int, attribute: int) -> Origin | None:
        raise AssertionError("asked")

    fields = parse_fields(row_description(Described("x", TEXT, CUSTOMERS, 2)))
    assert decide(fields, (False,), MaskingPlan(), never)[0].mask is None


@pytest.mark.parametrize(
    ("type_", "binary", "shown"),
    [
        (TEXT, 0, TOKEN),
        (VARCHAR, 1, TOKEN),
        (NAME, 0, TOKEN),
        (XML, 0, TOKEN),
        (JSON, 0, b'"[masked]"'),
        (JSON, 1, b'"[masked]"'),
        (JSONB, 0, b'"[masked]"'),
        (JSONB, 1, b'\x01"[masked]"'),
        (INT4, 0, None),
        (INT4, 1, None),
        (DATE, 0, None),
        (UUID, 1, None),
        (BYTEA, 0, None),
        (TEXT_ARRAY, 0, None),
        (USER_TYPE, 0, None),
    ],
)
def test_a_masked_value_is_a_value_of_its_type_or_null(type_: int, binary: int, shown: bytes | None) -> None:
    column = decided(Described("x", type_, format=binary))
    assert column.mask is not None
    assert column.mask(b"anything") == shown


def test_the_mask_of_an_email_is_not_used_on_json() -> None:
    column = decided(Described("email", JSON, CUSTOMERS, 2))
    assert column.mask is not None
    assert column.mask(b'"john@example.com"') == b'"[masked]"'


def test_outputs_of_another_number_than_the_fields_prove_nothing() -> None:
    plan = MaskingPlan(columns=SENSITIVE, outputs=("",), sources=("",), unproven="full")
    fields = parse_fields(row_description(Described("a"), Described("b")))
    assert [column.mask_name for column in decide(fields, (False, False), plan, origin)] == ["full", "full"]


def test_copied_columns_are_masked_by_position_and_null_in_binary() -> None:
    plan = MaskingPlan(columns=SENSITIVE, outputs=("", "full"), sources=("", "?"), unproven="full")
    text, binary = decide_copy(2, False, plan), decide_copy(2, True, plan)
    assert [column.mask for column in text] == [None, MASKS["full"]]
    assert [column.mask for column in binary] == [None, MASKS["null"]]
    assert [column.mask_name for column in decide_copy(3, False, plan)] == ["full"] * 3
    assert text[1].field == "output:2"


def test_what_nothing_is_known_about_is_null() -> None:
    columns = undescribed(2)
    assert all(column.mask is MASKS["null"] for column in columns)


def test_fields_are_read() -> None:
    fields = parse_fields(row_description(Described("né", JSONB, CUSTOMERS, 7, 1), Described("")))
    assert [(field.name, field.table, field.attribute, field.type, field.binary) for field in fields] == [
        ("né", CUSTOMERS, 7, JSONB, True),
        ("", 0, 0, TEXT, False),
    ]


def test_a_malformed_description_is_refused() -> None:
    body = row_description(Described("email"), Described("card"))
    for cut in [*range(len(body)), None]:
        with pytest.raises(TargetError):
            parse_fields(body[:cut] if cut is not None else body + b"\0")
