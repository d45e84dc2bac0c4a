"""Sensitive literals in a text, replaced by a placeholder; the rest of the text stays byte for byte."""

from collections.abc import Collection

from pglast import parser

PLACEHOLDER = "'‹sealed›'"

_STRINGS = frozenset({"SCONST", "USCONST", "BCONST", "XCONST"})
_NUMBERS = frozenset({"ICONST", "FCONST"})


def redact(text: str, locations: Collection[int], *, every_string: bool = False) -> str:
    """The text without the literals that start at these places (offsets in bytes), or without any string.

    A negative number starts at its sign. Raises ValueError where there is no literal at a place: nothing may
    pass for redacted that is not.
    """
    if not locations and not every_string:
        return text
    offsets = set(locations) if text.isascii() else _characters(text, locations)
    pieces, end = [], 0
    sign: int | None = None  # where a sign stands that belongs to the number after it
    for token in parser.scan(text):
        start = token.start if sign is None else sign
        is_literal = token.name in _STRINGS or token.name in _NUMBERS
        if start in offsets and token.name == "ASCII_45":
            sign = token.start
            continue
        if is_literal and (start in offsets or (every_string and token.name in _STRINGS)):
            offsets.discard(start)
            pieces += [text[end:start], PLACEHOLDER]
            end = token.end + 1
        sign = None
    if offsets:
        raise ValueError("a sensitive literal was not found where the parser put it")
    return "".join((*pieces, text[end:]))


def _characters(text: str, locations: Collection[int]) -> set[int]:
    """Offsets in bytes as offsets in characters."""
    data = text.encode()
    return {len(data[:location].decode()) for location in locations}
