import struct
import uuid
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.postgres.answers.types import _numeric_bytes, _numeric_text, typed_mask
from processors.masking.keyed import make_masks
from processors.masking.masks import MASKS

MASKED = make_masks(b"k" * 32)
INT2, INT4, INT8, FLOAT8, NUMERIC, DATE, TIMESTAMP, TIMESTAMPTZ, UUID, BOOL = (
    *(21, 23, 20, 701, 1700, 1082, 1114, 1184, 2950),
    16,
)


def shown(name: str, type_: int, value: bytes, *, binary: bool = False) -> bytes | None:
    mask = typed_mask(name, MASKED[name], type_, binary)
    assert mask is not None
    return mask(value)


@pytest.mark.parametrize(
    ("name", "type_", "text", "masked"),
    [
        ("year", DATE, b"1985-03-14", b"1985-01-01"),
        ("month", DATE, b"1985-03-14", b"1985-03-01"),
        ("month", TIMESTAMP, b"1985-03-14 12:13:14.5", b"1985-03-01 00:00:00"),
        ("year", TIMESTAMPTZ, b"1985-03-14 12:13:14+05:30", b"1985-01-01 00:00:00+05:30"),
        ("year", DATE, b"infinity", None),
        ("year", DATE, b"0044-03-15 BC", None),
        ("year", DATE, b"03/14/1985", None),
        ("noise", NUMERIC, b"NaN", None),
        ("noise", INT2, b"text", None),
    ],
)
def test_in_text(name: str, type_: int, text: bytes, masked: bytes | None) -> None:
    assert shown(name, type_, text) == masked


@pytest.mark.parametrize(
    ("name", "type_"), [("card", INT8), ("year", INT4), ("hash", DATE), ("noise", BOOL), ("tokenise", UUID)]
)
def test_what_has_no_mask_is_left_to_null(name: str, type_: int) -> None:
    assert typed_mask(name, MASKED[name], type_, False) is None


@given(st.dates(min_value=date(1, 1, 1)))
def test_a_binary_date_stays_one(day: date) -> None:
    value = struct.pack("!i", (day - date(2000, 1, 1)).days)
    masked = shown("month", DATE, value, binary=True)
    assert masked is not None
    assert date(2000, 1, 1) + timedelta(days=struct.unpack("!i", masked)[0]) == day.replace(day=1)


@given(st.datetimes())
def test_a_binary_timestamp_stays_one(moment: datetime) -> None:
    zero = datetime(2000, 1, 1)
    value = struct.pack("!q", (moment - zero) // timedelta(microseconds=1))
    masked = shown("year", TIMESTAMP, value, binary=True)
    assert masked is not None
    assert zero + timedelta(microseconds=struct.unpack("!q", masked)[0]) == datetime(moment.year, 1, 1)


@pytest.mark.parametrize(("type_", "form", "bits"), [(INT2, "!h", 16), (INT4, "!i", 32), (INT8, "!q", 64)])
@pytest.mark.parametrize("name", ["hash", "noise"])
def test_an_integer_is_the_same_in_text_and_in_binary(name: str, type_: int, form: str, bits: int) -> None:
    for number in (0, 1, 4711, (1 << (bits - 1)) - 1, -(1 << (bits - 1))):
        binary = shown(name, type_, struct.pack(form, number), binary=True)
        text = shown(name, type_, b"%d" % number)
        assert (binary is None) == (text is None)
        if binary is not None:
            assert b"%d" % struct.unpack(form, binary)[0] == text


@given(st.uuids())
def test_a_uuid_stays_one(value: uuid.UUID) -> None:
    binary, text = shown("hash", UUID, value.bytes, binary=True), shown("hash", UUID, str(value).encode())
    assert binary is not None
    assert text is not None
    assert str(uuid.UUID(bytes=binary)) == text.decode()
    assert uuid.UUID(bytes=binary).version == 8


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=7))
def test_numeric_is_read_and_written_as_the_server_does(number: Decimal) -> None:
    text = f"{number:f}"
    assert Decimal(_numeric_text(_numeric_bytes(text))) == number


def test_known_numerics() -> None:
    """As numeric_send gives them: 12345.6789, -0.0001, 0, 10000."""
    known = {
        "12345.6789": (3, 1, 0, 4, (1, 2345, 6789)),
        "-0.0001": (1, 0xFFFF, 0x4000, 4, (1,)),
        "0": (0, 0, 0, 0, ()),
        "10000": (1, 1, 0, 0, (1,)),
    }
    for text, (count, weight, sign, scale, digits) in known.items():
        value = struct.pack(f"!hHHH{count}H", count, weight, sign, scale, *digits)
        assert _numeric_text(value) == text


@given(st.floats(allow_nan=True))
def test_any_float_stays_one_or_becomes_null(value: float) -> None:
    masked = shown("noise", FLOAT8, struct.pack("!d", value), binary=True)
    assert masked is None or len(masked) == 8


@given(st.sampled_from([INT2, INT4, INT8, FLOAT8, NUMERIC, DATE, TIMESTAMP, UUID]), st.binary(max_size=24))
def test_what_is_not_of_the_type_becomes_null_or_valid(type_: int, value: bytes) -> None:
    for name in MASKS:
        mask = typed_mask(name, MASKED[name], type_, True)
        if mask is not None:
            mask(value)
