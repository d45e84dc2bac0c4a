"""What a mask makes of one value.

A mask is given the value's text as bytes and gives the text that takes its place; None means NULL. A value
that does not look as the mask expects becomes TOKEN. NULL itself is never masked.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

Mask = Callable[[bytes], bytes | None]

TOKEN = b"[masked]"
FULL = "full"  # the mask that is right for any text, also one computed from a sensitive column
NOTHING = "null"  # the mask that is right for any type

_CARD_SEPARATORS = b" -."
# ISO/IEC 7812-1: at most 19 digits; the shortest in use have 12.
SHORTEST_CARD, LONGEST_CARD, CARD_KEPT = 12, 19, 4
_HIDDEN_DIGITS = {n: b"*" * (n - CARD_KEPT) for n in range(SHORTEST_CARD, LONGEST_CARD + 1)}
_STARS = bytes.maketrans(b"0123456789", b"**********")
LONGEST_DOMAIN = 256  # RFC 1035, 2.3.4: 255, and the @ before it
DOMAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"
# ISO 8601 as PostgreSQL prints it: a date, or a timestamp with or without an offset.
_DATE = re.compile(rb"(\d{4,6})-(\d\d)-\d\d(?:( )\d\d:\d\d:\d\d(?:\.\d+)?([+-]\d\d(?::\d\d){0,2})?)?")
_PARTIAL_KEPT = 4
_PARTIAL_LONGER_THAN = 8


def email(value: bytes) -> bytes:
    """`john.doe@example.com` -> `j***@example.com`."""
    at = value.rfind(b"@")
    if at < 1 or len(value) - at > LONGEST_DOMAIN:
        return TOKEN
    shown = _shown_after_first_letter(value[at:])
    if shown is None:
        return TOKEN
    first = value[:1]
    return (first if first < b"\x80" else b"*") + shown


@lru_cache(maxsize=1024)
def _shown_after_first_letter(domain: bytes) -> bytes | None:
    """`@example.com` -> `***@example.com`; None for what is no domain. A result has few of them."""
    return None if b"." not in domain or domain[1:].translate(None, DOMAIN) else b"***" + domain


def card(value: bytes) -> bytes:
    """`4111-1111-1111-1111` -> `****-****-****-1111`: the last four digits stay, and the separators."""
    length = len(value)
    if value.isdigit():
        return _HIDDEN_DIGITS[length] + value[-4:] if length in _HIDDEN_DIGITS else TOKEN
    digits = value.translate(None, _CARD_SEPARATORS)
    if not digits.isdigit() or len(digits) not in _HIDDEN_DIGITS:
        return TOKEN
    kept, start = 4, length
    while kept:
        start -= 1
        kept -= value[start] not in _CARD_SEPARATORS
    return value[:start].translate(_STARS) + value[start:]


def full(value: bytes) -> bytes:
    """Nothing of the value, not even its length."""
    return TOKEN


def partial(value: bytes) -> bytes:
    """`AB-1234567` -> `****4567`: the last four characters of anything longer than eight."""
    if len(value) <= _PARTIAL_LONGER_THAN or not value.isascii():
        return TOKEN
    return b"****" + value[-_PARTIAL_KEPT:]


def null(value: bytes) -> None:
    """As if there were no value."""


def year(value: bytes) -> bytes:
    """`1985-03-14` -> `1985-01-01`; the time of a timestamp becomes midnight."""
    found = _DATE.fullmatch(value)
    return TOKEN if found is None else found[1] + b"-01-01" + _midnight(found)


def month(value: bytes) -> bytes:
    """`1985-03-14` -> `1985-03-01`; the time of a timestamp becomes midnight."""
    found = _DATE.fullmatch(value)
    return TOKEN if found is None else found[1] + b"-" + found[2] + b"-01" + _midnight(found)


def _midnight(found: re.Match[bytes]) -> bytes:
    return b"" if found[3] is None else b" 00:00:00" + (found[4] or b"")


MASKS: Mapping[str, Mask] = {
    "email": email,
    "card": card,
    FULL: full,
    "partial": partial,
    NOTHING: null,
    "year": year,
    "month": month,
    # These need the gateway's key (keyed.py); without it nothing of a value is shown.
    "hash": full,
    "tokenise": full,
    "noise": full,
}
