"""What a statement is and what an auditor may not say; pure. Parsing is the engine's (embedded.Kind,
Session.canonical), so that what is judged here is what the engine will run."""

import re
from dataclasses import dataclass

# Outside the database whatever the grants: `file` is a scalar function too, which the engine lets everybody
# read with when it runs in a process; `python` looks into this process; `eval` and `fuzzQuery` run texts.
_REFUSED_WORDS = frozenset({"file", "python", "eval", "fuzzquery"})

_STRING = re.compile(r"'(?:[^'\\]|\\.)*'", re.DOTALL)
_WORD = re.compile(r"\w+")

# Between INSERT INTO and the data only names and settings stand; names may be quoted.
_QUOTED = r"`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_COMMENT = r"--[^\n]*(?:\n|$)|/\*.*?\*/"
_INSERT = re.compile(rf"\s*(?:(?:{_COMMENT})\s*)*INSERT\s+INTO\b", re.IGNORECASE | re.DOTALL)
_FORMAT = r"\bFORMAT\s+(?P<format>\w+)[ \t]*;?[ \t]*\r?\n?"
_MARK = re.compile(
    rf"{_QUOTED}|{_COMMENT}|(?P<end>{_FORMAT}|\b(?:SELECT|VALUES|WITH|FROM)\b)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class InsertHead:
    """An INSERT before its data: the statement without FORMAT, the format, and where the data begins."""

    statement: str
    format: str
    data_at: int


def refused_word(canonical: str) -> str | None:
    """A word outside strings that no auditor may use, in a statement in canonical form; None: there is none.

    Canonical form has strings in single quotes alone, no comments, and names without needless quotes.
    """
    for word in _WORD.findall(_STRING.sub("''", canonical)):
        if word.lower() in _REFUSED_WORDS:
            return str(word)
    return None


def insert_head(text: str) -> InsertHead | None:
    """The INSERT … FORMAT that begins this text; None for anything else, INSERT … VALUES and … SELECT too."""
    begin = _INSERT.match(text)
    if begin is None:
        return None
    for mark in _MARK.finditer(text, begin.end()):
        if mark["format"] is not None:
            return InsertHead(text[: mark.start()].strip(), mark["format"], mark.end())
        if mark["end"] is not None:
            return None
    return None
