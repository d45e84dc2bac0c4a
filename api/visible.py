"""Foreign text made safe to look at. Pure.

A command comes from an agent. Terminal escapes, direction overrides and characters without a shape could
make a reviewer read something else than what will run ("Trojan Source", CVE-2021-42574), so each of them
is replaced by its code point, and the text around it stays as it is.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

# Unicode general categories: control, format, surrogate, private use, unassigned, line and paragraph
# separators.
_ODD_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters, marks and symbols that draw nothing: combining grapheme joiner, Hangul fillers, Khmer inherent
# vowels, Mongolian and other variation selectors, the blank Braille pattern.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_LAYOUT = frozenset("\n\t")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text; `name` is set where it stands for one odd character, and says which."""

    text: str
    name: str = ""


def is_odd(character: str) -> bool:
    """Whether the character does not look like what it is."""
    if character == " " or "!" <= character <= "~":
        return False
    if character in _BLANK or "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return True
    category = unicodedata.category(character)
    return category in _ODD_CATEGORIES or category == "Zs"  # a space that is not the space


def pieces(text: str) -> Iterator[Piece]:
    """The text in order, odd characters apart from the rest. Line breaks and tabs are not odd."""
    for odd, run in groupby(text.replace("\r\n", "\n"), lambda c: c not in _LAYOUT and is_odd(c)):
        if odd:
            for character in run:
                yield Piece(f"U+{ord(character):04X}", unicodedata.name(character, "CONTROL CHARACTER"))
        else:
            yield Piece("".join(run))


def visible(text: str) -> str:
    """The text for a terminal: each odd character as <U+001B>."""
    return "".join(f"<{piece.text}>" if piece.name else piece.text for piece in pieces(text))


def on_one_line(text: str, most: int) -> str:
    """A preview: whitespace drawn together, at most `most` characters, and an ellipsis where more follows."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= most else line[: most - 1] + "…"
