import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.answers import FLOAT8, INT8, JSON, NUMERIC, TEXT, data_row, read_rows

from ingress.errors import TargetError
from ingress.postgres.answers.columns import Column, Kind
from ingress.postgres.answers.detect import card_to_null, detect, detect_in_hex, json_without_stars
from processors.masking.scan import make_scanner

CARD, EMAIL = b"4111111111111111", b"john@example.com"
SCANNER = make_scanner(("card_number", "email", "private_key"))


def detected(
    kind: Kind, *values: bytes | None, binary: bool = False
) -> tuple[tuple[bytes | None, ...], list[int]]:
    counts = [0, 0, 0]
    block = detect(data_row(*values), [Column(kind, binary)] * len(values), SCANNER, counts)
    return read_rows(block)[0], counts


def test_a_block_in_which_nothing_is_found_is_given_back() -> None:
    block = data_row(b"a", None, b"") * 3
    assert detect(block, [Column(Kind.TEXT, False)] * 3, SCANNER, [0] * 3) is block


def test_text_is_overwritten_and_counted() -> None:
    assert detected(Kind.TEXT, b"x " + CARD, None, EMAIL + b" " + EMAIL) == (
        (b"x ************1111", None, b"j***@example.com j***@example.com"),
        [1, 2, 0],
    )


@pytest.mark.parametrize("length", [*range(16, 130), 12336, 12593, 14649])
def test_a_value_is_found_whatever_its_length_word_looks_like(length: int) -> None:
    """The last bytes of a length may be digits or letters that seem to belong to the value."""
    value = CARD.ljust(length, b"-")
    (_, shown, _), counts = detected(Kind.TEXT, b"1", value, b"2")
    assert counts[0] == 1
    assert shown == b"************1111".ljust(length, b"-")


def test_a_value_at_the_very_end_of_a_block_is_found() -> None:
    assert detected(Kind.TEXT, CARD)[1] == [1, 0, 0]


def test_nothing_is_found_across_values() -> None:
    block = data_row(b"41111111", b"11111111") + data_row(b"john@", b"example.com")
    assert detect(block, [Column(Kind.TEXT, False)] * 2, SCANNER, [0] * 3) is block


@pytest.mark.parametrize(
    ("kind", "binary", "value", "shown"),
    [
        (Kind.NUMBER, False, CARD, None),
        (Kind.NUMBER, False, b"{1," + CARD + b"}", None),
        (Kind.NUMBER, True, CARD, CARD),  # not text
        (Kind.FIXED, False, CARD, CARD),
        (Kind.BYTES, True, b"\x00\xff" + CARD + b"\x00", b"\x00\xff************1111\x00"),
        (Kind.BYTES, False, b"\\x" + CARD.hex().encode(), b"\\x" + CARD.hex().encode()),  # detect_in_hex's
        (Kind.OTHER, False, b'{"' + CARD + b'",x}', b'{"************1111",x}'),
        (
            Kind.OTHER,
            True,
            b"\x00\x00\x00\x01\x00\x00\x00\x10" + CARD,
            b"\x00\x00\x00\x01\x00\x00\x00\x10************1111",
        ),
        (
            Kind.OTHER,
            True,
            b"\x00\x00\x001" + CARD.ljust(49, b" "),
            b"\x00\x00\x001" + b"************1111".ljust(49),
        ),
        (Kind.JSON, False, b'{"a":"' + CARD + b'"}', b'{"a":"************1111"}'),
        (Kind.JSON, False, b'{"a":' + CARD + b',"b":1}', b'{"a":null            ,"b":1}'),
        (Kind.JSONB, True, b"\x01[" + CARD + b"]", b"\x01[null            ]"),
        (Kind.JSON, False, b'["\\"", ' + CARD + b', "\\\\"]', b'["\\"", null            , "\\\\"]'),
    ],
)
def test_what_is_found_depends_on_the_type(
    kind: Kind, binary: bool, value: bytes, shown: bytes | None
) -> None:
    (found, after), _ = detected(kind, value, b"after", binary=binary)
    assert (found, after) == (shown, b"after")


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.just(int(CARD))
    | st.just("a\n" + CARD.decode())
    | st.just("é" + EMAIL.decode())
    | st.just("-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4)
    ),
    max_leaves=10,
)


@given(JSON_VALUES, st.booleans())
def test_masked_json_is_json_without_the_values(value: object, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    (shown,), _ = detected(Kind.JSON, text)
    assert shown is not None
    assert len(shown) == len(text)
    json.loads(shown)
    assert CARD not in shown
    assert EMAIL not in shown
    assert b"MC4C" not in shown


def test_json_in_which_no_number_was_masked_stays() -> None:
    value = b'{"a*": "**", "b": [1, -2.5e+10, "\\"*"]}'
    assert json_without_stars(value) == value


@given(st.lists(st.sampled_from([b"x", b"1", CARD, EMAIL, b" ", b""]), max_size=8))
def test_nulls_and_overwritten_values_leave_whole_rows(values: list[bytes]) -> None:
    columns = [Column(Kind.NUMBER if number % 2 else Kind.TEXT, False) for number in range(len(values))]
    counts = [0] * 3
    block = detect(data_row(*values) * 3, columns, SCANNER, counts)
    rows = read_rows(block)
    assert len(rows) == 3
    for row in rows:
        for number, (value, shown) in enumerate(zip(values, row, strict=True)):
            if value not in (CARD, EMAIL):
                assert shown == value
            elif number % 2:
                assert shown is None
            else:
                assert shown != value
    assert sum(counts) == 3 * sum(value in (CARD, EMAIL) for value in values)


def test_hex_is_looked_into() -> None:
    counts = [0] * 3
    raw = b"\x00 " + EMAIL
    shown = detect_in_hex(b"\\x" + raw.hex().encode(), SCANNER, counts)
    assert bytes.fromhex(shown[2:].decode()) == b"\x00 j***@example.com"
    assert counts == [0, 1, 0]
    clean = b"\\xdeadbeef"
    assert detect_in_hex(clean, SCANNER, counts) is clean
    assert detect_in_hex(b"escape " + EMAIL, SCANNER, counts) == b"escape j***@example.com"
    with pytest.raises(TargetError):
        detect_in_hex(b"\\xabc", SCANNER, counts)


@pytest.mark.parametrize(
    ("type_", "value", "is_card"),
    [
        (INT8, struct.pack("!q", int(CARD)), True),
        (INT8, struct.pack("!q", -int(CARD)), True),
        (INT8, struct.pack("!q", int(CARD) + 1), False),
        (INT8, struct.pack("!q", 7), False),
        (FLOAT8, struct.pack("!d", float(int(CARD))), True),
        (FLOAT8, struct.pack("!d", 0.5), False),
        (NUMERIC, struct.pack("!hhHh4h", 4, 3, 0, 0, 4111, 1111, 1111, 1111), True),
    ],
)
def test_a_card_number_in_a_binary_number_becomes_null(type_: int, value: bytes, is_card: bool) -> None:
    counts = [0] * 3
    change = card_to_null(type_, SCANNER, counts)
    assert change is not None
    assert change(value) == (None if is_card else value)
    assert counts == [int(is_card), 0, 0]


def test_only_numbers_are_looked_at_for_cards_and_only_with_that_detector() -> None:
    assert card_to_null(TEXT, SCANNER, [0] * 3) is None
    assert card_to_null(JSON, SCANNER, [0] * 3) is None
    assert card_to_null(INT8, make_scanner(("email",)), [0]) is None


@pytest.mark.parametrize(
    "block",
    [
        data_row(CARD)[:-1],
        data_row(CARD, CARD),
        b"D\x00\x00\x00\x40" + data_row(CARD)[5:],
    ],
)
def test_malformed_rows_are_refused(block: bytes) -> None:
    with pytest.raises(TargetError):
        detect(block, [Column(Kind.TEXT, False)], SCANNER, [0] * 3)
