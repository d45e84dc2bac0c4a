"""Tokens that a statement holds in the place of values, and which of them stand for these.
(docs/decisions/0048-what-a-token-stands-for.md)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pglast import parser

from processors.masking.tokens import Tokens


class Place(NamedTuple):
    """Where a text literal or a parameter stands: its offset in bytes, and the parameter's number or the
    literal's value. `is_array`: it stands for an array of texts."""

    location: int
    number: int = 0
    token: str = ""
    is_array: bool = False


class Literal(NamedTuple):
    """A token in a text that stands for a value. `start`: of its literal, in characters; `pattern`: that of
    the columns it was made for."""

    start: int
    token: str
    pattern: str

    @property
    def written(self) -> str:
        """As it stands in the text."""
        return f"'{self.token}'"


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of tokens when a statement is read. `parameters`: the bound ones that are tokens, each
    by its number with the pattern of the columns it was made for; None before anything is bound, when any
    may be one. `arrays`: the bound ones that are arrays of tokens for the same columns."""

    tokens: Tokens
    parameters: tuple[tuple[int, str], ...] | None = ()
    arrays: tuple[tuple[int, str], ...] = ()

    def made_for(self, place: Place, pattern: str) -> bool:
        """Whether what stands there is a token for these columns, or, before it is bound, may be one."""
        if not place.number:
            return self.tokens.made_for(place.token) == pattern
        if self.parameters is None:
            return True
        return (place.number, pattern) in (self.arrays if place.is_array else self.parameters)


@dataclass(frozen=True, slots=True)
class Revealed:
    """The tokens of a statement that stand for their values. `parameters`: those that are bound, by number
    with their columns' pattern; `arrays`: those that are bound as arrays. `highest`: the highest number of
    its parameters."""

    literals: tuple[Literal, ...] = ()
    parameters: tuple[tuple[int, str], ...] = ()
    arrays: tuple[tuple[int, str], ...] = ()
    highest: int = 0


NONE = Revealed()


def literals(text: str, places: Mapping[Place, str]) -> Iterator[Literal]:
    """Those of these literals of a text, each with its pattern, that are plain: no E'…', U&'…' or $$…$$, and
    in one piece."""
    if not places:
        return
    data = text.encode()
    starts = {len(data[: place.location].decode()): (place, pattern) for place, pattern in places.items()}
    for token in parser.scan(text):
        if token.start in starts:
            place, pattern = starts[token.start]
            literal = Literal(token.start, place.token, pattern)
            if text[token.start : token.end + 1] == literal.written:
                yield literal


def with_parameters(text: str, tokens: Sequence[Literal], highest: int) -> str:
    """The text with parameters in the place of these tokens, numbered from behind the highest it has.

    It is as long as before, so that the positions in the server's errors fit the client's text. A parameter
    is shorter than a token, and has a space on each side, lest it becomes a part of what stands there.
    """
    pieces, end = [], 0
    for number, token in enumerate(tokens, start=highest + 1):
        pieces += [text[end : token.start], f" ${number}".ljust(len(token.written))]
        end = token.start + len(token.written)
    return "".join((*pieces, text[end:]))
