"""Values in PostgreSQL's binary format: as its own text output shows them."""

import struct
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cli.postgres_values import as_text

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("type_oid", "value", "text"),
    [
        (16, b"\x01", "t"),
        (16, b"\x00", "f"),
        (20, struct.pack("!q", -(2**63)), "-9223372036854775808"),
        (21, struct.pack("!h", -7), "-7"),
        (23, struct.pack("!i", 42), "42"),
        (25, "Grüße".encode(), "Grüße"),
        (26, b"\xff\xff\xff\xff", "4294967295"),
        (700, struct.pack("!f", 1.5), "1.5"),
        (701, struct.pack("!d", 0.1), "0.1"),
        (1043, b"j***@example.com", "j***@example.com"),
        (3802, b'\x01{"a": 1}', '{"a": 1}'),
        # select numeric_send(x): 0, 1, 12345.678, -0.0001, 10000, 1.10, NaN
        (1700, bytes.fromhex("0000000000000000"), "0"),
        (1700, bytes.fromhex("00010000000000000001"), "1"),
        (1700, bytes.fromhex("0003000100000003000109291a7c"), "12345.678"),
        (1700, bytes.fromhex("0001ffff400000040001"), "-0.0001"),
        (1700, bytes.fromhex("00010001000000000001"), "10000"),
        (1700, bytes.fromhex("000200000000000200010" + "3e8"), "1.10"),
        (1700, bytes.fromhex("00000000c0000000"), "NaN"),
    ],
)
def test_known_values(type_oid: int, value: bytes, text: str) -> None:
    assert as_text(type_oid, value) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers(number: int) -> None:
    assert as_text(20, struct.pack("!q", number)) == str(number)


@given(st.uuids())
def test_uuids(value: uuid.UUID) -> None:
    assert as_text(2950, value.bytes) == str(value)


@given(st.dates())
def test_dates(day: date) -> None:
    assert as_text(1082, struct.pack("!i", (day - date(2000, 1, 1)).days)) == str(day)


@given(st.datetimes(timezones=st.just(UTC)))
def test_timestamps(moment: datetime) -> None:
    value = struct.pack("!q", (moment - EPOCH) // timedelta(microseconds=1))

    assert as_text(1184, value) == str(moment)
    assert as_text(1114, value) == str(moment.replace(tzinfo=None))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=5, min_value=-(10**12), max_value=10**12))
def test_numerics(number: Decimal) -> None:
    assert Decimal(as_text(1700, numeric_send(number, 5))) == number


def numeric_send(number: Decimal, scale: int) -> bytes:
    whole, _, fraction = f"{abs(number):.{scale}f}".partition(".")
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    fraction = fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    text = whole + fraction
    digits = [int(text[i : i + 4]) for i in range(0, len(text), 4)]
    sign = 0x4000 if number < 0 else 0
    header = struct.pack("!hhHh", len(digits), len(whole) // 4 - 1, sign, scale)
    return header + b"".join(struct.pack("!H", digit) for digit in digits)


@given(st.sampled_from([0, 16, 20, 25, 700, 701, 1082, 1114, 1184, 1700, 2950, 3802]), st.binary(max_size=40))
def test_anything_else_is_shown_as_bytes_or_text_and_never_fails(type_oid: int, value: bytes) -> None:
    assert isinstance(as_text(type_oid, value), str)


def test_an_unknown_type_is_bytes() -> None:
    assert as_text(600, b"\x00\xff") == "\\x00ff"
