"""Payment card numbers (ISO/IEC 7812-1): 13 to 19 digits with a known issuer's prefix and a Luhn digit."""

import re

from processors.masking.detectors._core import END, Detector, begins, digits_of

_TO_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))  # digit sum of the double
_TO_STAR = bytes.maketrans(b"0123456789", b"**********")

_ISSUERS = re.compile(
    rb"""
      4 (?: \d{12} | \d{15} | \d{18} )                                                     # Visa
    | (?: 5[1-5]\d\d | 222[1-9] | 22[3-9]\d | 2[3-6]\d\d | 27[01]\d | 2720 ) \d{12}        # Mastercard
    | 3[47] \d{13}                                                                         # American Express
    | (?: 30[0-5] | 309 | 3[689]\d ) \d{11,16}                                             # Diners Club
    | 35 (?: 2[89] | [3-8]\d ) \d{12,15}                                                   # JCB
    | (?: 6011 | 64[4-9]\d | 65\d\d ) \d{12,15}                                            # Discover
    | (?: 62 | 81 ) \d{14,17}                                                              # UnionPay
    | (?: 5018 | 5020 | 5038 | 5612 | 5893 | 6304 | 6759 | 676[123] ) \d{9,15}             # Maestro
    | 220[0-4] \d{12,15}                                                                   # Mir
    """,
    re.VERBOSE,
)


def is_card_number(digits: bytes) -> bool:
    """Whether these ASCII digits are a card number: a known issuer, a length it uses, the Luhn digit."""
    if _ISSUERS.fullmatch(digits) is None:
        return False
    undoubled = digits[::-2]
    total = sum(undoubled) - 48 * len(undoubled) + sum(digits[-2::-2].translate(_TO_DOUBLED))
    return total % 10 == 0


def _mask(value: bytes) -> bytes | None:
    """Stars but for the last four digits; separators stay."""
    if not is_card_number(value if value.isdigit() else digits_of(value)):
        return None
    kept = -4 if value[-4:].isdigit() else -5  # in groups of 4-4-4-4-3 a separator is among the last
    return value[:kept].translate(_TO_STAR) + value[kept:]


CARD_NUMBER = Detector(
    name="card_number",
    triggers=(
        rb"(?:\A|[^0-9]|\x00[0-9]{1,3}|\\u[0-9A-Fa-f]{4})[2-8][0-9]{12,18}(?:[^0-9]|\z)",
        rb"[0-9]{4}[ .-][0-9]{4}[ .-][0-9]{4}[ .-][0-9]{4}",
        rb"[0-9]{4}[ .-][0-9]{6}[ .-][0-9]{4}",
    ),
    # Neither the fraction of a decimal number nor its whole part.
    pattern=re.compile(
        begins(rb"[2-8]")
        + rb"(?:(?<!\d\.\d)\d{12,18}"
        + END
        + rb"(?!\.\d)"
        + rb"|(?<!\d[.-]\d)(?:\d{3}(?P<a>[ .-])\d{4}(?P=a)\d{4}(?P=a)\d{4}(?:(?P=a)\d{1,3})?"
        + rb"|\d{3}(?P<b>[ .-])\d{6}(?P=b)\d{4,5})"
        + END
        + rb"(?![.-]\d))"
    ),
    mask=_mask,
    examples=(b"4111111111111111", b"5500-0000-0000-0004", b"3782 822463 10005"),
    counter_examples=(b"4111111111111112", b"1705312345678", b"0.4111111111111111"),
)
