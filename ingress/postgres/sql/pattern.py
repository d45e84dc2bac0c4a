"""The pattern of a statement: its text without comments, and without literals where they change nothing of
what it does."""

from dataclasses import dataclass
from functools import lru_cache

from pglast import parser

VALUE = "‹value›"
LONGEST = 8 * 1024  # characters: nobody grants more at a glance

_COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
_LITERALS = frozenset({"SCONST", "USCONST", "BCONST", "XCONST", "ICONST", "FCONST"})


@dataclass(frozen=True, slots=True)
class Shape:
    """`whole`: the text without its comments, other space as one blank. `shown` and `exact`: without literals
    as well, as people read it, and with a zero character in each place."""

    whole: str
    shown: str
    exact: str


@lru_cache(maxsize=512)
def shape_of(text: str) -> Shape | None:
    """The shape of a text that the grammar takes; None for one that is too long."""
    if len(text) > LONGEST:
        return None
    whole: list[str] = []
    exact: list[str] = []
    end = 0
    gap = False
    for token in parser.scan(text):
        gap = gap or token.start > end
        end = token.end + 1
        if token.name in _COMMENTS:
            gap = True
            continue
        if gap and whole:
            whole.append(" ")
            exact.append(" ")
        gap = False
        word = text[token.start : end]
        whole.append(word)
        exact.append("\0" if token.name in _LITERALS else word)
    joined = "".join(exact)
    return Shape("".join(whole), joined.replace("\0", VALUE), joined)
