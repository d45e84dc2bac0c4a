"""Sensitive literals in a text, replaced by a placeholder; the rest of the text stays byte for byte."""

from collections.abc import Collection

from pglast import parser

PLACEHOLDER = "'‹sealed›'"

_STRINGS = frozenset({"SCONST", "USCONST", "BCONST", "XCONST"})
_NUMBERS = frozenset({"ICONST", "FCONST"})
_LITERALS = _STRINGS | _NUMBERS


def redact(text: str, places: Collection[int], *, strings: bool = False, numbers: bool = False) -> str:
    """The text without the literals that start at these places (offsets in bytes), or without any of a kind.

    A negative number starts at its sign. Where there is no literal at a place, every literal is taken out:
    nothing may pass for redacted that is not.
    """
    if not places and not strings and not numbers:
        return text
    missing = set(places) if text.isascii() else _characters(text, places)
    kinds = (_STRINGS if strings else frozenset()) | (_NUMBERS if numbers else frozenset())
    pieces, end = [], 0
    sign: int | None = None  # where a sign stands that belongs to the number after it
    for token in parser.scan(text):
        start = token.start if sign is None else sign
        if start in missing and token.name == "ASCII_45":
            sign = token.start
            continue
        if token.name in kinds or (token.name in _LITERALS and start in missing):
            missing.discard(start)
            pieces += [text[end:start], PLACEHOLDER]
            end = token.end + 1
        elif token.name == "IDENT" or token.kind != "NO_KEYWORD":
            missing.discard(start)  # a word that the grammar takes for a constant, as in extract(year from x)
        sign = None
    if missing:
        return redact(text, (), strings=True, numbers=True)
    return "".join((*pieces, text[end:]))


def _characters(text: str, places: Collection[int]) -> set[int]:
    """Offsets in bytes as offsets in characters."""
    data = text.encode()
    return {len(data[:place].decode()) for place in places}
