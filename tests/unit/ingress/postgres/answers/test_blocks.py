"""What is done to a block of rows is what is done to each row: the functions for one are the reference."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.answers import data_row

from ingress.errors import TargetError
from ingress.postgres.answers.blocks import change_rows, detect_rows, take_apart
from ingress.postgres.answers.columns import Column, Kind
from ingress.postgres.answers.detect import detect
from ingress.postgres.answers.rows import ColumnChange, change_columns
from processors.masking.masks import MASKS, Mask
from processors.masking.scan import Scanner, make_scanner

CARD, EMAIL = b"4111111111111111", b"john@example.com"
# Pieces of which values are made that look like something, or nearly.
PIECES = st.sampled_from(
    [
        *(
            CARD,
            EMAIL,
            b"378282246310005",
            b"4111 1111 1111 1111",
            b"3782-822463-10005",
            b"6304000000000000000",
        ),
        *(b"x@y.io", b"a@b", b"@", b"@@", b".", b"..", b"-", b"+", b"_", b"%", b" ", b",", b"\t", b'"', b"*"),
        *(b"\\", b"\\n", b"\\\\", b"\\u0034", b"\x00\x00\x004", b"\x00", b"\xc3\xa9", b"\xff", b"D"),
        *(b"4", b"1", b"41", b"4111", b"822463", b"john", b"example", b".com", b".c", b".123", b"xn--p1ai"),
        *(b"219-09-9991", b"+1 202 555 0101", b"AKIAIOSFODNN7EXAMPLE", b"0" * 40, b"a" * 60),
    ]
)
VALUES = st.one_of(
    st.none(),
    st.sampled_from([CARD, EMAIL, b"", b"jane.doe@example.co.uk", b"5555555555554444"]),
    st.lists(PIECES, max_size=6).map(b"".join),
    st.binary(max_size=12),
)
ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), min_size=1, max_size=12)
EVERYTHING = make_scanner(
    ("card_number", "iban", "email", "phone", "us_ssn", "aws_key", "private_key", "jwt")
)
TWO = make_scanner(("email", "card_number"))
TEXT, NUMBER, JSON = (Column(kind, False) for kind in (Kind.TEXT, Kind.NUMBER, Kind.JSON))
FIXED, OTHER = Column(Kind.FIXED, False), Column(Kind.OTHER, True)
COLUMNS = st.tuples(*[st.sampled_from([TEXT, NUMBER, JSON, FIXED, OTHER])] * 4)


def block_of(rows: list[tuple[bytes | None, ...]]) -> bytes:
    return b"".join(data_row(*row) for row in rows)


@settings(max_examples=300)
@given(ROWS, st.tuples(*[st.sampled_from([*MASKS.values(), None])] * 4))
def test_columns_are_masked_as_in_single_rows(
    rows: list[tuple[bytes | None, ...]], masks: tuple[Mask | None, ...]
) -> None:
    changes, before = [], -1
    for index, mask in enumerate(masks):
        if mask is not None:
            changes.append(ColumnChange(index - before - 1, mask, index))
            before = index
    block, counts, expected_counts = block_of(rows), [0] * 4, [0] * 4
    expected = change_columns(block, 4, changes, expected_counts)
    assert change_rows(block, 4, changes, counts) == expected
    assert counts == expected_counts


@settings(max_examples=500, deadline=None)  # the first one compiles a scanner
@given(ROWS, COLUMNS, st.sampled_from([EVERYTHING, TWO]))
def test_detectors_find_what_they_find_in_single_rows(
    rows: list[tuple[bytes | None, ...]], columns: tuple[Column, ...], scanner: Scanner
) -> None:
    block = block_of(rows)
    counts, expected_counts = [0] * len(scanner.names), [0] * len(scanner.names)
    expected = detect(block, columns, scanner, expected_counts)
    assert detect_rows(block, columns, scanner, counts) == expected
    assert counts == expected_counts


@pytest.mark.parametrize("length", [*range(16, 130), 12336, 12593, 14649])
def test_a_value_is_found_whatever_its_length_word_looks_like(length: int) -> None:
    """The last bytes of a length may be digits or letters that seem to belong to the value."""
    block = data_row(b"1", CARD.ljust(length, b" "), EMAIL.ljust(length, b" "))
    counts = [0, 0]
    shown = detect_rows(block, [TEXT] * 3, TWO, counts)
    assert counts == [1, 1]
    assert CARD not in shown
    assert EMAIL not in shown


def test_a_block_in_which_nothing_is_found_is_given_back() -> None:
    block = data_row(b"a", None, b"") * 3
    assert detect_rows(block, [TEXT] * 3, EVERYTHING, [0] * 8) is block


@pytest.mark.parametrize(
    "block",
    [
        data_row(b"aaaa", b"bbbb")[:-1],
        data_row(b"aaaa", b"bbbb")[:8],
        data_row(b"a", b"b") + b"C",
        b"C" + data_row(b"a", b"b")[1:],
        data_row(b"a", b"b")[:10] + b"\x7f" + data_row(b"a", b"b")[11:],
        data_row(b"a", b"b") + b"D\x00\x00\x00\x00" + data_row(b"a", b"b")[5:],
        b"D\x00\x00\x00\x0a\x00\x02\x00\x00\x00\x01a",
        data_row(b"a", b"b", b"c"),
        data_row(b"a"),
    ],
)
def test_malformed_rows_are_refused(block: bytes) -> None:
    with pytest.raises(TargetError):
        take_apart(block, 2)
