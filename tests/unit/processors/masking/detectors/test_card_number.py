from hypothesis import given
from hypothesis import strategies as st

from processors.masking.detectors.card_number import CARD_NUMBER, is_card_number


def luhn(digits: str) -> bool:
    """As ISO/IEC 7812-1 annex B describes it."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


@given(st.from_regex(r"4[0-9]{15}", fullmatch=True))
def test_of_an_issuers_numbers_those_with_a_luhn_digit_are_card_numbers(digits: str) -> None:
    assert is_card_number(digits.encode()) == luhn(digits)


@given(st.from_regex(r"4[0-9]{14}", fullmatch=True), st.sampled_from(["", " ", "-", "."]))
def test_every_card_number_is_found_in_groups_and_without(start: str, separator: str) -> None:
    digits = next(start + last for last in "0123456789" if luhn(start + last))
    text = separator.join(digits[at : at + 4] for at in range(0, 16, 4)).encode()
    redacted, count = CARD_NUMBER.redact(text)
    assert count == 1
    assert redacted.translate(None, b" .-") == b"*" * 12 + digits[-4:].encode()
