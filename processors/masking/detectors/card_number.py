"""Payment card numbers (ISO/IEC 7812-1): 13 to 19 digits with a known issuer's prefix and a Luhn digit."""

import re
from collections.abc import Iterable

from processors.masking.detectors._core import END, Detector, begins, digits_of

_TO_DOUBLED = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))  # digit sum of the double
_TO_STAR = bytes.maketrans(b"0123456789", b"**********")

# First and last prefix of an issuer's numbers, and the lengths in use.
_ISSUERS: tuple[tuple[str, str, Iterable[int]], ...] = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", range(14, 20)),  # Diners Club
    ("309", "309", range(14, 20)),
    ("36", "36", range(14, 20)),
    ("38", "39", range(14, 20)),
    ("3528", "3589", range(16, 20)),  # JCB
    ("6011", "6011", range(16, 20)),  # Discover
    ("644", "659", range(16, 20)),
    ("62", "62", range(16, 20)),  # UnionPay
    ("81", "81", range(16, 20)),
    ("2200", "2204", range(16, 20)),  # Mir
    *(
        (prefix, prefix, range(13, 20))  # Maestro
        for prefix in ("5018", "5020", "5038", "5612", "5893", "6304", "6759", "6761", "6762", "6763")
    ),
)
_PREFIX = 4


def lengths_by_prefix() -> dict[bytes, frozenset[int]]:
    """The first four digits -> the lengths that a number which begins so can have."""
    lengths: dict[bytes, frozenset[int]] = {}
    for first, last, allowed in _ISSUERS:
        for prefix in range(int(first.ljust(_PREFIX, "0")), int(last.ljust(_PREFIX, "9")) + 1):
            key = b"%d" % prefix
            lengths[key] = lengths.get(key, frozenset()) | frozenset(allowed)
    return lengths


_LENGTHS = lengths_by_prefix()


def is_card_number(digits: bytes) -> bool:
    """Whether these ASCII digits are a card number: a known issuer, a length it uses, the Luhn digit."""
    lengths = _LENGTHS.get(digits[:_PREFIX])
    if lengths is None or len(digits) not in lengths:
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
