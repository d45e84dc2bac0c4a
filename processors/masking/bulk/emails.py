"""The e-mail addresses in many values, as detectors/email.py finds them in one."""

import numpy as np

from processors.masking.bulk.stars import Finds
from processors.masking.bulk.values import Values, class_of, first_from, last_before

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" + bytes(range(0x80, 0x100))
_LABEL = _LETTERS + b"0123456789-"
_LOCAL_CLASS = class_of(_LABEL + b"._%+")
_DOMAIN_CLASS = class_of(_LABEL + b".")
_LETTER_CLASS = class_of(_LETTERS)
_AT, _DOT, _BACKSLASH = b"@.\\"
_LONGEST_TOP = 63


def find_emails(values: Values) -> Finds:
    """Certain is `local@label.label.tld` in letters, with neither an escape nor another @ beside it."""
    at = values.where(_AT)
    number = values.holding(at)
    octets = values.octets
    local = values.of_class(_LOCAL_CLASS)
    domain = values.of_class(_DOMAIN_CLASS)
    inside = (number >= 0) & (at > 0)
    at, number = at[inside], number[inside]
    first, end = values.starts[number], values.ends[number]
    # Neither the first byte of a value nor its last can be the @ of an address.
    inside = (at > first) & (at + 1 < end)
    at, number, first, end = at[inside], number[inside], first[inside], end[inside]
    inside = local[at - 1] & domain[at + 1]
    at, number, first, end = at[inside], number[inside], first[inside], end[inside]
    start = np.maximum(last_before(np.flatnonzero(~local), at) + 1, first)
    stop = np.minimum(first_from(np.flatnonzero(~domain), at + 1, len(octets)), end)
    dots = values.where(_DOT)
    dot = last_before(dots, stop)
    inside = dot > at  # without a dot behind the @ there is no address
    at, number, first, end = at[inside], number[inside], first[inside], end[inside]
    start, stop, dot = start[inside], stop[inside], dot[inside]
    doubled = dots[:-1][np.diff(dots) == 1] if len(dots) else dots
    top = stop - dot - 1
    letters = values.of_class(_LETTER_CLASS)
    certain = (
        ~((start > first) & np.isin(octets[start - 1], (_BACKSLASH, _AT)))
        & ~((stop < end) & (octets[np.minimum(stop, len(octets) - 1)] == _AT))
        & (octets[at + 1] != _DOT)
        & (first_from(doubled, at, len(octets)) >= stop)
        & (top >= 2)
        & (top <= _LONGEST_TOP)
        & (first_from(np.flatnonzero(~letters), dot + 1, len(octets)) >= stop)
    )
    doubtful = number[~certain]
    at, number, start = at[certain], number[certain], start[certain]
    keeps_first = (at - start > 1) & (octets[start] < 0x80)
    return Finds(number, start + keeps_first, at, doubtful)
