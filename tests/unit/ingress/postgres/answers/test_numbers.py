import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.postgres.answers.numbers import binary_card_check

CARD = 4111111111111111


def numeric(number: int, *, scale: int = 0, sign: int = 0) -> bytes:
    """As numeric_send writes number / 10000**scale: without zeros at either end."""
    digits: list[int] = []
    while number:
        number, digit = divmod(number, 10000)
        digits.insert(0, digit)
    weight = len(digits) - 1 - scale
    while digits and not digits[-1]:
        digits.pop()
    return struct.pack(f"!hhHh{len(digits)}h", len(digits), weight, sign, scale * 4, *digits)


def is_card(type_: int, value: bytes) -> bool:
    check = binary_card_check(type_)
    assert check is not None
    return check(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (numeric(CARD), True),
        (numeric(CARD, sign=0x4000), True),
        (numeric(4000000000000000006), True),
        (numeric(6200000000000005), True),
        (numeric(4012000000000000 + 33330026), True),
        (numeric(CARD * 10000, scale=1), True),
        (numeric(CARD * 10000 + 5, scale=1), False),
        (numeric(CARD + 1), False),
        (numeric(0), False),
        (numeric(CARD * 10000**3), False),
        (struct.pack("!hhHh", 0, 0, 0xC000, 0), False),
    ],
)
def test_numeric(value: bytes, expected: bool) -> None:
    assert is_card(1700, value) == expected


@pytest.mark.parametrize("type_", [20, 701, 1700])
@pytest.mark.parametrize("value", [b"", b"\x00", b"\x00\x09\x00\x03\x00\x00\x00\x00"[:7], b"\x00" * 9][:3])
def test_what_is_not_of_its_type_is_not_shown(type_: int, value: bytes) -> None:
    assert is_card(type_, value)


@given(st.binary(max_size=24), st.sampled_from([20, 701, 1700]))
def test_any_bytes_are_judged(value: bytes, type_: int) -> None:
    assert is_card(type_, value) in (True, False)


def test_other_types_hold_none() -> None:
    assert binary_card_check(25) is None
