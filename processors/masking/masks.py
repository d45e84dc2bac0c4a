"""What a mask makes of one value.

A mask is given the value's text as bytes and gives the text that takes its place; None means NULL. A value
that does not look as the mask expects becomes TOKEN. NULL itself is never masked.
"""

from collections.abc import Callable, Mapping

Mask = Callable[[bytes], bytes | None]

TOKEN = b"[masked]"
FULL = "full"  # the mask that is right for any text, also one computed from a sensitive column
NOTHING = "null"  # the mask that is right for any type

_CARD_SEPARATORS = b" -."
_CARD_DIGITS = range(12, 20)  # ISO/IEC 7812-1: at most 19; the shortest in use have 12
_STARS = bytes.maketrans(b"0123456789", b"**********")
_DOMAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"
_PARTIAL_KEPT = 4
_PARTIAL_LONGER_THAN = 8


def email(value: bytes) -> bytes:
    """`john.doe@example.com` -> `j***@example.com`."""
    local, _, domain = value.rpartition(b"@")
    if not local or b"." not in domain or domain.translate(None, _DOMAIN):
        return TOKEN
    return (local[:1] if local[0] < 0x80 else b"*") + b"***@" + domain


def card(value: bytes) -> bytes:
    """`4111-1111-1111-1111` -> `****-****-****-1111`: the last four digits stay, and the separators."""
    if value.isdigit():
        return b"*" * (len(value) - 4) + value[-4:] if len(value) in _CARD_DIGITS else TOKEN
    digits = value.translate(None, _CARD_SEPARATORS)
    if not digits.isdigit() or len(digits) not in _CARD_DIGITS:
        return TOKEN
    kept, start = 4, len(value)
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


MASKS: Mapping[str, Mask] = {"email": email, "card": card, FULL: full, "partial": partial, NOTHING: null}
