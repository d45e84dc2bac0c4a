"""A command's text in colours: text -> spans with a class each. Pure; the template escapes every span.

Colours can mislead: what looks like a comment is not read. So they come from the very scanners whose facts
the policy saw, PostgreSQL's own and the shell grammar, and never from an approximation. A text that is long,
or that they do not take as a whole, has none; of a request it is the method that has one. The spans together
are the text, character by character.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import dropwhile

import tree_sitter_bash
from pglast.parser import ParseError, scan
from tree_sitter import Language, Node, Parser

_LONGEST = 6_000  # characters; an unended comment costs the scanner their square
_DEEPEST = 200  # nodes inside nodes

COMMENT, KEYWORD, CHANGING, STRING, NUMBER, VARIABLE = "c", "k", "w", "s", "n", "v"

_CHANGING = frozenset(
    {
        *("alter", "call", "copy", "create", "delete", "do", "drop"),
        *("grant", "insert", "merge", "revoke", "truncate", "update"),
    }
)
_SAFE = ("GET", "HEAD", "OPTIONS")  # RFC 9110, section 9.2.1
_OF_TOKENS = {
    "SQL_COMMENT": COMMENT,
    "C_COMMENT": COMMENT,
    "SCONST": STRING,
    "USCONST": STRING,
    "BCONST": STRING,
    "XCONST": STRING,
    "ICONST": NUMBER,
    "FCONST": NUMBER,
    "PARAM": VARIABLE,
}
_OF_NODES = {
    "comment": COMMENT,
    "raw_string": STRING,
    "ansi_c_string": STRING,
    "string_content": STRING,
    '"': STRING,
    "heredoc_body": STRING,
    "simple_expansion": VARIABLE,
    "expansion": VARIABLE,
    "command_name": KEYWORD,
    "file_descriptor": NUMBER,
}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text; `kind` is one of the classes above, or empty."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class _Mark:
    start: int
    end: int  # exclusive
    kind: str


@lru_cache(maxsize=512)
def spans(text: str, protocol: str) -> tuple[Span, ...]:
    """The text in order."""
    marker = _MARKERS.get(protocol)
    if marker is None or len(text) > _LONGEST:
        return (Span(text),)
    found = tuple(_spans(text, marker(text)))
    return found if "".join(span.text for span in found) == text else (Span(text),)


def after_comments(text: str, protocol: str) -> str:
    """The text from where it begins to do something: a list has little room, and tells the reason apart.
    What is nothing but comments stays whole."""
    found = dropwhile(lambda span: span.kind == COMMENT or not span.text.strip(), spans(text, protocol))
    return "".join(span.text for span in found) or text


def _spans(text: str, marks: Iterator[_Mark]) -> Iterator[Span]:
    position = 0
    for mark in marks:
        if mark.start > position:
            yield Span(text[position : mark.start])
        yield Span(text[mark.start : mark.end], mark.kind)
        position = mark.end
    if position < len(text):
        yield Span(text[position:])


def _sql(text: str) -> Iterator[_Mark]:
    try:
        tokens = scan(text)
    except ParseError:
        return
    for token in tokens:
        start, end = token.start, token.end + 1
        kind = _OF_TOKENS.get(token.name, "")
        if not kind and token.kind != "NO_KEYWORD":
            word = text[start:end].lower()
            kind = CHANGING if word in _CHANGING else KEYWORD if token.kind != "UNRESERVED_KEYWORD" else ""
        if kind:
            yield _Mark(start, end, kind)


def _shell(text: str) -> Iterator[_Mark]:
    source = text.encode("utf-8", "surrogateescape")
    root = Parser(Language(tree_sitter_bash.language())).parse(source).root_node
    if root.has_error or "\x00" in text:
        return
    at = _character_offsets(source)
    for node, kind in _marked(root, 0):
        yield _Mark(at[node.start_byte], at[node.end_byte], kind)


def _marked(node: Node, depth: int) -> Iterator[tuple[Node, str]]:
    kind = _OF_NODES.get(node.type)
    if kind is not None:
        yield node, kind
    elif depth < _DEEPEST:
        for child in node.children:
            yield from _marked(child, depth + 1)


def _character_offsets(source: bytes) -> list[int]:
    """Byte offset -> character offset."""
    found, characters = [], -1
    for byte in source:
        characters += (byte & 0xC0) != 0x80
        found.append(characters)
    return [*found, characters + 1]


def _request(text: str) -> Iterator[_Mark]:
    """A request's method, with which its text begins."""
    method = text.partition(" ")[0]
    if method.isascii() and method.isalpha() and method.isupper():
        yield _Mark(0, len(method), KEYWORD if method in _SAFE else CHANGING)


_MARKERS: dict[str, Callable[[str], Iterator[_Mark]]] = {
    "postgres": _sql,
    "ssh": _shell,
    "http": _request,
    "kubernetes": _request,
}
