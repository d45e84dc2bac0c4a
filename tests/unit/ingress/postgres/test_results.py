import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.answers import (
    BYTEA,
    COPY_HEADER,
    COPY_TRAILER,
    DATE,
    INT4,
    INT8,
    JSONB,
    TEXT,
    Described,
    Value,
    binary_tuple,
    copy_data,
    copy_out,
    data_row,
    error,
    read_copy,
    read_error,
    read_rows,
    row_description,
)
from support.chunking import cut

from ingress.errors import TargetError
from ingress.postgres.answers.copy_options import copy_options
from ingress.postgres.results import ResultMasker
from ingress.postgres.sql.columns import Origin
from processors.masking.plan import make_plan
from schemas.vocabulary import Facts, Intent, MaskedField, MaskingPlan, Output, SensitiveColumn

CUSTOMERS = 16400
COLUMNS = ("id", "email", "card", "note", "born")
SENSITIVE = (
    SensitiveColumn("public.customers.email", "email"),
    SensitiveColumn("public.customers.card", "card"),
)
DETECTORS = ("card_number", "email", "us_ssn")
FIELDS = tuple(
    Described(name, type_, CUSTOMERS, number)
    for number, (name, type_) in enumerate(zip(COLUMNS, (INT4, TEXT, TEXT, TEXT, DATE), strict=True), start=1)
)
CARD, EMAIL, SSN = b"4111111111111111", b"john@example.com", b"078-05-1120"


def origin(table: int, attribute: int) -> Origin | None:
    if table != CUSTOMERS or not 1 <= attribute <= len(COLUMNS):
        return None
    return Origin((f"public.customers.{COLUMNS[attribute - 1]}",), bare=True)


def plan(
    *outputs: Output,
    known: bool = True,
    sensitive: tuple[SensitiveColumn, ...] = SENSITIVE,
    detectors: tuple[str, ...] = DETECTORS,
) -> MaskingPlan:
    facts = Facts(intents=(Intent.READ,), outputs=outputs, outputs_known=known)
    return make_plan(facts, sensitive, detectors)


def masker(masking: MaskingPlan, *fields: Described, copy: str = "", proven: bool = True) -> ResultMasker:
    made = ResultMasker(masking, origin, proven=proven, copy=copy_options(copy) if copy else None)
    if fields:
        made.describe(row_description(*fields))
    return made


def test_without_a_plan_everything_passes_as_it_is() -> None:
    block, copied = data_row(CARD), copy_data(CARD)
    made = masker(MaskingPlan())
    assert made.rows(block) is block
    assert made.copy_data(copied) is copied
    assert made.masked() == ()


def test_columns_have_their_masks_and_the_rest_is_scanned() -> None:
    made = masker(plan(known=False), *FIELDS)
    block = data_row(b"1", EMAIL, CARD, b"ssn " + SSN, b"1990-01-01") + data_row(None, None, None, None, None)
    assert read_rows(made.rows(block)) == [
        (b"1", b"j***@example.com", b"************1111", b"ssn ***-**-****", b"1990-01-01"),
        (None,) * 5,
    ]
    assert made.masked() == (
        MaskedField("detector:us_ssn", "us_ssn", 1),
        MaskedField("public.customers.card", "card", 1),
        MaskedField("public.customers.email", "email", 1),
    )


def test_a_block_in_which_nothing_is_masked_is_given_back() -> None:
    made = masker(plan(sensitive=()), *FIELDS)
    block = data_row(b"1", b"x", b"y", b"z", None) * 10
    assert made.rows(block) is block
    assert made.rows(b"") == b""


def test_what_lineage_proves_clean_is_shown_and_the_rest_is_not() -> None:
    outputs = (
        Output("n", (), proven=True),
        Output("half", ("public.customers.card",), proven=True),
        Output("f", (), proven=False),
        Output("total", ("public.customers.card",), proven=True),
    )
    made = masker(
        plan(*outputs),
        Described("n", INT8),
        Described("half"),
        Described("f", JSONB),
        Described("total", INT8),
    )
    shown = read_rows(made.rows(data_row(b"7", b"41111111", b"{}", b"12")))
    assert shown == [(b"7", b"[masked]", b'"[masked]"', None)]
    assert [field.field for field in made.masked()] == ["output:f", "output:half", "output:total"]


def test_rows_without_a_description_are_null() -> None:
    made = masker(plan(known=False))
    assert read_rows(made.rows(data_row(b"1", None, EMAIL))) == [(None, None, None)]
    assert made.masked() == (MaskedField("output:1", "null", 1), MaskedField("output:3", "null", 1))


def test_rows_of_another_width_than_described_are_refused() -> None:
    with pytest.raises(TargetError):
        masker(plan(known=False), *FIELDS).rows(data_row(b"1"))


@pytest.mark.parametrize(
    ("codes", "binary"), [((), False), ((0,), False), ((1,), True), ((0, 1), True), ((1, 0), False)]
)
def test_the_formats_of_bind_hold_for_a_described_statement(codes: tuple[int, ...], binary: bool) -> None:
    made = masker(plan(known=False), Described("id", INT4, CUSTOMERS, 1), Described("x", JSONB))
    made.formats(codes)
    ((_, shown),) = read_rows(made.rows(data_row(b"1", b"\x01{}")))
    assert shown == (b'\x01"[masked]"' if binary else b'"[masked]"')


def test_the_formats_of_a_described_portal_hold() -> None:
    made = masker(plan(known=False), Described("x", JSONB, format=1))
    assert read_rows(made.rows(data_row(b"\x01{}"))) == [(b'\x01"[masked]"',)]


def test_formats_that_do_not_fit_the_description_are_refused() -> None:
    made = masker(plan(known=False), *FIELDS)
    made.formats((0, 1))
    with pytest.raises(TargetError):
        made.rows(data_row(b"1", b"2", b"3", b"4", b"5"))


def test_numbers_and_bytes_that_hold_a_card_number_are_not_shown() -> None:
    fields = [
        Described("a", INT8),
        Described("b", INT8, format=1),
        Described("c", BYTEA),
        Described("d", INT4),
    ]
    made = masker(plan(sensitive=()), *fields)
    number, hexed = struct.pack("!q", int(CARD)), b"\\x" + CARD.hex().encode()
    block = data_row(CARD, number, hexed, CARD)
    assert read_rows(made.rows(block)) == [(None, None, b"\\x" + b"************1111".hex().encode(), CARD)]
    assert made.masked() == (MaskedField("detector:card_number", "card_number", 3),)


def test_a_second_description_takes_the_place_of_the_first_and_counts_go_on() -> None:
    made = masker(plan(known=False), Described("email", TEXT, CUSTOMERS, 2))
    made.rows(data_row(EMAIL) * 2)
    made.describe(row_description(Described("x"), Described("email", TEXT, CUSTOMERS, 2)))
    assert read_rows(made.rows(data_row(b"x", EMAIL))) == [(b"[masked]", b"j***@example.com")]
    assert made.masked() == (
        MaskedField("output:x", "full", 1),
        MaskedField("public.customers.email", "email", 3),
    )


def test_a_mask_or_a_detector_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no mask is called blur"):
        masker(MaskingPlan(outputs=("blur",)))
    with pytest.raises(ValueError, match="no detector is called iris"):
        masker(MaskingPlan(detectors=("iris",)))


# COPY

CLEAN_AND_NOT = (
    Output("id", ("public.customers.id",), True),
    Output("card", ("public.customers.card",), True),
)


def test_copied_text_is_masked_by_position_and_scanned() -> None:
    made = masker(plan(*CLEAN_AND_NOT), copy="copy customers (id, card) to stdout")
    made.copy_begins(copy_out(2))
    assert read_copy(made.copy_data(copy_data(b"1\t" + CARD + b"\n", SSN + b"\t\\N\n"))) == [
        b"1\t[masked]\n",
        b"***-**-****\t\\N\n",
    ]
    assert made.masked() == (MaskedField("detector:us_ssn", "us_ssn", 1), MaskedField("output:2", "full", 1))


def test_copied_binary_is_masked_by_position() -> None:
    made = masker(plan(*CLEAN_AND_NOT), copy="copy customers (id, card) to stdout (format binary)")
    made.copy_begins(copy_out(2, binary=True))
    block = copy_data(COPY_HEADER + binary_tuple(b"\0\0\0\1", CARD), COPY_TRAILER)
    assert read_copy(made.copy_data(block)) == [COPY_HEADER + binary_tuple(b"\0\0\0\1", None), COPY_TRAILER]


@pytest.mark.parametrize("copy", ["", "copy customers to stdout (format csv, flavour 'mint')"])
def test_of_a_copy_that_is_not_understood_nothing_is_shown(copy: str) -> None:
    made = masker(plan(*CLEAN_AND_NOT), copy=copy)
    made.copy_begins(copy_out(2))
    assert read_copy(made.copy_data(copy_data(b"1\t" + CARD + b"\n"))) == [b"[masked]\t[masked]\n"]


def test_a_copy_of_another_width_than_planned_is_masked_throughout() -> None:
    made = masker(plan(*CLEAN_AND_NOT), copy="copy customers to stdout")
    made.copy_begins(copy_out(3))
    assert read_copy(made.copy_data(copy_data(b"1\t2\t3\n"))) == [b"[masked]\t[masked]\t[masked]\n"]


def test_a_copy_in_which_nothing_is_masked_is_given_back() -> None:
    made = masker(plan(sensitive=()), copy="copy customers to stdout")
    made.copy_begins(copy_out(2))
    block = copy_data(b"1\t2\n") * 3
    assert made.copy_data(block) is block


def test_copy_data_that_was_not_announced_is_refused() -> None:
    with pytest.raises(TargetError):
        masker(plan(known=False)).copy_data(copy_data(b"1\n"))


@pytest.mark.parametrize("body", [b"", b"\0", b"\0\0\2\0\0", b"\0\xff\xff"])
def test_a_malformed_copy_response_is_refused(body: bytes) -> None:
    with pytest.raises(TargetError):
        masker(plan(known=False)).copy_begins(body)


# Texts


def test_texts_are_scrubbed_and_what_detectors_find_is_counted() -> None:
    made = masker(plan(sensitive=()))
    shown = read_error(made.text(error(S="NOTICE", M="for john@example.com")))
    assert shown["M"] == "for j***@example.com"
    assert made.notification(b"\0\0\0\1c\0" + CARD + b"\0") == b"\0\0\0\1c\0************1111\0"
    assert made.parameter(b"application_name\0" + CARD + b"\0") == b"application_name\0************1111\0"
    assert made.masked() == (
        MaskedField("detector:card_number", "card_number", 2),
        MaskedField("detector:email", "email", 1),
    )


def test_on_a_sensitive_resource_values_in_texts_are_replaced() -> None:
    made = masker(plan(known=False))
    shown = read_error(
        made.text(error(S="ERROR", C="22P02", M='invalid input syntax for type integer: "s3cret"'))
    )
    assert shown["M"] == 'invalid input syntax for type integer: "[masked]"'


# Any way the rows can arrive

SECRETS = st.sampled_from([CARD, EMAIL, SSN])
VALUES = st.one_of(
    st.none(),
    st.binary(max_size=12),
    SECRETS,
    st.tuples(
        st.sampled_from([b"", b"x ", b'"', b"\\n"]), SECRETS, st.sampled_from([b"", b" x", b",", b"\n"])
    ).map(b"".join),
)
ROWS = st.lists(st.tuples(*[VALUES] * len(FIELDS)), min_size=1, max_size=8)


@given(ROWS, st.lists(st.integers(1, 8), max_size=4), st.booleans(), st.sampled_from([(), (0,), (1,)]))
def test_any_split_into_blocks_gives_the_same_bytes(
    rows: list[tuple[Value, ...]], places: list[int], known: bool, formats: tuple[int, ...]
) -> None:
    outputs = tuple(Output(name, (), True) for name in COLUMNS)
    masking = plan(*outputs, known=known)
    messages = [data_row(*row) for row in rows]
    whole = masker(masking, *FIELDS)
    whole.formats(formats)
    at_once = whole.rows(b"".join(messages))
    parted = masker(masking, *FIELDS)
    parted.formats(formats)
    numbers = cut(bytes(range(len(messages))), places)
    in_parts = b"".join(parted.rows(b"".join(messages[number] for number in part)) for part in numbers)
    assert in_parts == at_once
    assert parted.masked() == whole.masked()
    shown = read_rows(at_once)
    assert len(shown) == len(rows)
    for row, seen in zip(rows, shown, strict=True):
        for value, masked in zip(row[1:3], seen[1:3], strict=True):
            assert (value is None) == (masked is None)
            assert value is None or value != masked
        for secret in (CARD, EMAIL, SSN):  # the first and the last column hold no text
            assert secret not in b" ".join(value or b"" for value in seen[1:4])


@given(
    st.lists(
        st.tuples(*[st.one_of(st.none(), st.from_regex(rb"[a-z0-9@. ]{0,20}", fullmatch=True))] * 2),
        min_size=1,
    )
)
def test_any_split_of_a_copy_gives_the_same_bytes(rows: list[tuple[Value, ...]]) -> None:
    lines = [b"\t".join(b"\\N" if value is None else value for value in row) + b"\n" for row in rows]
    whole, parted = (masker(plan(*CLEAN_AND_NOT), copy="copy t to stdout") for _ in range(2))
    for made in (whole, parted):
        made.copy_begins(copy_out(2))
    at_once = whole.copy_data(copy_data(*lines))
    assert b"".join(parted.copy_data(copy_data(line)) for line in lines) == at_once
    assert len(read_copy(at_once)) == len(rows)
