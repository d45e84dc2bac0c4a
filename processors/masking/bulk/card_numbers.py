"""The card numbers in many values, as detectors/card_number.py finds them in one."""

import numpy as np

from processors.masking.bulk.stars import Finds
from processors.masking.bulk.values import Class, Flags, Positions, Values, class_of
from processors.masking.detectors.card_number import lengths_by_prefix

_DIGITS = class_of(b"0123456789")
_ZERO = ord("0")
_SHORTEST, _LONGEST = 13, 19
_FIRST_DIGITS = (2, 8)
_KEPT = 4
_ALNUM = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# ASCII that is no part of a word, a decimal number, an address, a group of digits, an escape or a length.
_BESIDE: Class = bytes(byte < 0x80 and byte not in _ALNUM + b"._%+-@\\\0" for byte in range(256))
_SEPARATOR = class_of(b" .-")
_GROUP, _MIDDLE = 4, (4, 6)
_DOUBLED_SUM = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9])  # digit sum of the double
_ALLOWED = np.zeros((10_000, _LONGEST + 1), np.bool_)  # first four digits, length
for _prefix, _lengths in lengths_by_prefix().items():
    _ALLOWED[int(_prefix), list(_lengths)] = True


def find_card_numbers(values: Values) -> Finds:
    """Certain is a run of digits between characters that cannot belong to it. Groups are doubtful."""
    digits = np.zeros(len(values.data) + 2, np.int8)
    digits[1:-1] = values.of_class(_DIGITS)
    digits[values.starts] = 0  # the byte before a value is framing, and may look like a digit
    edges = np.flatnonzero(np.diff(digits))
    start, end = edges[0::2], edges[1::2]
    length = end - start
    grouped = _grouped(values, start, end, length)
    long = length >= _SHORTEST
    start, end, length = start[long], end[long], length[long]
    number = values.holding(start)
    inside = number >= 0
    start, end, length, number = start[inside], end[inside], length[inside], number[inside]
    beside = values.of_class(_BESIDE)
    clear = ((start == values.starts[number]) | beside[start - 1]) & (
        (end == values.ends[number]) | beside[np.minimum(end, len(beside) - 1)]
    )
    doubtful = np.concatenate([number[~clear], grouped])
    possible = clear & (length <= _LONGEST)
    start, end, length, number = start[possible], end[possible], length[possible], number[possible]
    found = np.zeros(len(start), np.bool_)
    for digits_in_all in np.unique(length):
        of_length = np.flatnonzero(length == digits_in_all)
        found[of_length] = _are_card_numbers(values, start[of_length], int(digits_in_all))
    return Finds(number[found], start[found], end[found] - _KEPT, doubtful)


def _are_card_numbers(values: Values, start: Positions, length: int) -> Flags:
    """Which of these runs of `length` digits are: first digit, issuer, and Luhn digit (ISO/IEC 7812-1)."""
    digits = values.octets[start[:, None] + np.arange(length)].astype(np.intp) - _ZERO
    first = digits[:, 0]
    prefix = digits[:, :4] @ np.array([1000, 100, 10, 1])
    total = digits[:, ::-2].sum(axis=1) + _DOUBLED_SUM[digits[:, -2::-2]].sum(axis=1)
    least, most = _FIRST_DIGITS
    found: Flags = (first >= least) & (first <= most) & _ALLOWED[prefix, length] & (total % 10 == 0)
    return found


def _grouped(values: Values, start: Positions, end: Positions, length: Positions) -> Positions:
    """The numbers of values in which four digits, four or six, and more stand with separators between."""
    if len(start) < 3:
        return np.empty(0, np.intp)
    candidate = np.flatnonzero(
        (length[:-2] >= _GROUP)
        & (length[2:] >= _GROUP)
        & np.isin(length[1:-1], _MIDDLE)
        & (start[1:-1] - end[:-2] == 1)
        & (start[2:] - end[1:-1] == 1)
    )
    between = np.frombuffer(_SEPARATOR, np.bool_)[values.octets[end[candidate]]]
    number = values.holding(start[candidate[between]])
    return number[number >= 0]
