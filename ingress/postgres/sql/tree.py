"""PostgreSQL's own parse tree of a text, as libpg_query's JSON gives it.

The JSON form is used, and not pglast's classes, for three reasons: it is ten times as fast, it says where
a constant stands, and the server's check of the stack depth holds while it is made (with the classes,
200,000 nested operators end the process).

A node is a dict. Where the grammar lets several kinds of node stand, it is wrapped: {"ColumnRef": {…}};
`kind_of` opens it. Fields with a zero value are absent. Locations are offsets in bytes of UTF-8.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from pglast import parser

Node = dict[str, Any]

# The major version of the grammar.
GRAMMAR = 18


class Unparsable(Exception):
    """The text is no SQL of this grammar."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position  # 1-based, in characters


@dataclass(frozen=True, slots=True)
class Source:
    """One statement of a text."""

    text: str  # with the comments before and after it, without the semicolon and the whitespace around
    kind: str  # "SelectStmt"
    node: Node
    offset: int  # where `text` starts in the whole text, in bytes: locations count from there


def parse(text: str) -> list[Source]:
    """The statements of a text in order. Raises Unparsable."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise Unparsable("the text is not valid Unicode", error.start + 1) from error
    if b"\0" in data:
        raise Unparsable("the text holds a zero byte", text.index("\0") + 1)
    try:
        tree = msgspec.json.decode(parser.parse_sql_json(text))
    except parser.ParseError as error:
        message, position = error.args[0], error.args[1] if len(error.args) > 1 else None
        raise Unparsable(str(message).split(", at index ")[0], (position or 0) + 1) from error
    except (RecursionError, msgspec.DecodeError) as error:
        raise Unparsable("the text is nested too deeply", 1) from error
    sources = []
    before = 0  # where the statement before ended
    for statement in tree.get("stmts", ()):
        start = statement.get("stmt_location", 0)
        end = start + statement["stmt_len"] if statement.get("stmt_len") else len(data)
        start = before + _comments(data[before:start])
        before = end
        piece = data[start:end]
        stripped = piece.lstrip(_SPACE)
        kind, node = kind_of(statement["stmt"])
        offset = start + len(piece) - len(stripped)
        sources.append(Source(stripped.rstrip(_SPACE).decode(), kind, node, offset))
    return sources


def _comments(gap: bytes) -> int:
    """Where the comments before a statement start, in what stands between it and the one before."""
    if b"--" not in gap and b"/*" not in gap:
        return len(gap)
    text = gap.decode()
    ends = [token.end for token in parser.scan(text) if token.name == "ASCII_59"]
    return len(text[: ends[-1] + 1].encode()) if ends else 0


# What the server's scanner takes for whitespace (scan.l, "space").
_SPACE = b" \t\n\r\f\v"


def kind_of(wrapped: Node) -> tuple[str, Node]:
    """A wrapped node's kind and the node. Raises Unparsable for one that libpg_query left empty."""
    for kind, node in wrapped.items():
        return kind, node
    raise Unparsable("a part of the statement is not understood", 1)


def strings(names: list[Node] | None) -> list[str]:
    """The texts of a list of String nodes, such as a qualified name; other nodes are passed over."""
    return [name["String"].get("sval", "") for name in names or () if "String" in name]


def walk(node: Any) -> Iterator[tuple[str, Node]]:
    """Every node of a tree with its kind, where it is wrapped, from the top down."""
    if isinstance(node, list):
        for item in node:
            yield from walk(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if isinstance(value, dict) and key[:1].isupper():
                yield key, value
            yield from walk(value)
