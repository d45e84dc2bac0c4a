from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.masking.keyed import make_masks
from processors.masking.masks import MASKS, TOKEN

KEY, OTHER = b"k" * 32, b"o" * 32
KEYED = make_masks(KEY)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=2)


def test_it_has_all_masks() -> None:
    assert set(KEYED) == set(MASKS)


@pytest.mark.parametrize("name", ["hash", "tokenise", "noise"])
def test_without_the_key_nothing_is_shown(name: str) -> None:
    assert MASKS[name](b"12345") == TOKEN


@given(st.binary(), st.binary())
def test_a_hash_is_the_same_for_the_same_value_alone(one: bytes, other: bytes) -> None:
    same = one.rstrip(b" ") == other.rstrip(b" ")
    assert (KEYED["hash"](one) == KEYED["hash"](other)) is same
    assert KEYED["hash"](one) != make_masks(OTHER)["hash"](one)


@given(st.binary())
def test_a_token_that_no_column_is_named_for_is_the_same_for_the_same_value(value: bytes) -> None:
    token = KEYED["tokenise"](value)
    assert token is not None
    assert token.startswith(b"tok_")
    assert KEYED["tokenise"](value) == token != make_masks(OTHER)["tokenise"](value)


@given(NUMBERS)
def test_noise_is_small_the_same_each_time_and_keeps_the_scale(number: Decimal) -> None:
    shown = KEYED["noise"](str(number).encode())
    assert shown is not None
    noisy = Decimal(shown.decode())
    assert KEYED["noise"](str(number).encode()) == shown
    assert noisy.as_tuple().exponent == number.as_tuple().exponent
    assert abs(noisy - number) <= max(abs(number) / 10, Decimal("0.05")) + Decimal("0.01")


def test_noise_changes_most_numbers() -> None:
    changed = sum(KEYED["noise"](b"%d" % number) != b"%d" % number for number in range(1000))
    assert changed > 850


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"1e5", b"", b"twelve", b"$1.00", b"1,000"])
def test_what_is_no_number_is_hidden(value: bytes) -> None:
    assert KEYED["noise"](value) == TOKEN
