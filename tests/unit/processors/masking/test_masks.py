import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.masking.masks import MASKS, TOKEN


@pytest.mark.parametrize(
    ("mask", "value", "shown"),
    [
        ("email", b"john.doe@example.com", b"j***@example.com"),
        ("email", b"j@x.example.org", b"j***@x.example.org"),
        ("email", "éric@example.com".encode(), b"****@example.com"),
        ("email", b"a@b@example.com", b"a***@example.com"),
        ("email", b"no at sign", TOKEN),
        ("email", b"@example.com", TOKEN),
        ("email", b"john@localhost", TOKEN),
        ("email", b"john@example.com is my address", TOKEN),
        ("email", b"John <john@example.com>", TOKEN),
        ("email", b"", TOKEN),
        ("card", b"4111111111111111", b"************1111"),
        ("card", b"378282246310005", b"***********0005"),
        ("card", b"4111-1111-1111-1111", b"****-****-****-1111"),
        ("card", b"4111 1111 1111 1111", b"**** **** **** 1111"),
        ("card", b"4000 0000 0000 0000 006", b"**** **** **** ***0 006"),
        ("card", b"4111111111111111    ", b"************1111    "),
        ("card", b"12345678", TOKEN),
        ("card", b"41111111111111111111", TOKEN),
        ("card", b"4111-1111-1111-11xx", TOKEN),
        ("card", b"", TOKEN),
        ("full", b"anything", TOKEN),
        ("full", b"", TOKEN),
        ("partial", b"AB-1234567", b"****4567"),
        ("partial", b"12345678", TOKEN),
        ("partial", "Straße 12345".encode(), TOKEN),
        ("null", b"anything", None),
    ],
)
def test_a_value_becomes(mask: str, value: bytes, shown: bytes | None) -> None:
    assert MASKS[mask](value) == shown


@given(st.sampled_from(["card", "partial"]), st.from_regex(rb"[0-9]{12,19}", fullmatch=True))
def test_of_a_number_no_more_than_four_digits_stay(mask: str, value: bytes) -> None:
    shown = MASKS[mask](value)
    assert shown is not None
    assert shown.translate(None, b"*") in (value[-4:], TOKEN)


@given(st.sampled_from(sorted(MASKS)), st.binary(max_size=64))
def test_a_mask_takes_any_bytes(mask: str, value: bytes) -> None:
    shown = MASKS[mask](value)
    assert shown is None or shown == TOKEN or shown != value


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="@"), min_size=2, max_size=30))
def test_of_an_address_the_local_part_does_not_stay(local: str) -> None:
    first = local[0].encode() if local[0].isascii() else b"*"
    assert MASKS["email"](local.encode() + b"@example.com") == first + b"***@example.com"
