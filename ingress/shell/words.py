"""A word's node -> what the shell will make of it (POSIX, Shell Command Language, 2.2 and 2.6)."""

import re
from collections.abc import Callable

from tree_sitter import Node

from ingress.shell.script import COMPUTED, Word

_HOME = re.compile(rb"\$(?:HOME|\{HOME\})")
_PLAIN_VARIABLE = re.compile(rb"\$(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\}|[0-9?#@*$!-])")
_NUMBERS = re.compile(rb"\$\(\([\d\s+*/%()-]*\)\)")
_WILDCARDS = frozenset("*?[")
_NOT_PLAIN = frozenset("{}()`$<>|&;")

EXPANSIONS = frozenset(
    {
        "simple_expansion",
        "expansion",
        "command_substitution",
        "process_substitution",
        "arithmetic_expansion",
    }
)


class Words:
    """Reads words of one text. `walk(node)`: for commands inside a word; `doubt(why)`: what is in doubt."""

    def __init__(self, source: bytes, walk: Callable[[Node], None], doubt: Callable[[str], None]) -> None:
        self._source = source
        self._walk = walk
        self._doubt = doubt

    def read(self, node: Node) -> Word:
        """The word at this node."""
        pieces = node.children if node.type == "concatenation" else [node]
        value: str | None = ""
        has_glob, unquoted, position = False, "", node.start_byte
        for piece in pieces:
            if piece.start_byte != position:
                self._doubt("a word has a gap in it")
            position = piece.end_byte
            word, bare = self._piece(piece, first=piece.start_byte == node.start_byte)
            unquoted += bare
            has_glob = has_glob or word.has_glob
            value = None if value is None or word.value is None else value + word.value
        if unquoted != "{}" and not _NOT_PLAIN.isdisjoint(unquoted):
            self._doubt("a word is expanded in a way that is not proven")
            value = None
        return Word(value, has_glob and value is not None)

    def _piece(self, node: Node, *, first: bool) -> tuple[Word, str]:
        """A part of a word, and what of it stands outside quotes."""
        text = self._source[node.start_byte : node.end_byte]
        match node.type:
            case "word" | "number" | "variable_name" | "test_operator":
                return self._bare(text, first=first)
            case "raw_string":
                return Word(_text(text[1:-1])), ""
            case "ansi_c_string" if b"\\" not in text:
                return Word(_text(text[2:-1])), ""
            case "string":
                return self._quoted(node, first=first), ""
            case kind if kind in EXPANSIONS:
                return self._expansion(node, text, first=first), ""
            case _:
                self._doubt(f"a word has {node.type.replace('_', ' ')} in it")
                self._walk(node)
                return COMPUTED, ""

    def _bare(self, text: bytes, *, first: bool) -> tuple[Word, str]:
        made, bare, has_glob, escaped = [], [], False, False
        for character in _text(text):
            if escaped:
                made.append(character)
                escaped = False
            elif character == "\\":
                escaped = True
            else:
                made.append(character)
                bare.append(character)
                has_glob = has_glob or character in _WILDCARDS
        if escaped:
            self._doubt("a word ends in a backslash")
        value = "".join(made)
        if value.startswith("~") and not (first and text.startswith(b"~")):
            value = "./" + value if first else value  # a quoted tilde is a file's name
        return Word(value, has_glob), "".join(bare)

    def _quoted(self, node: Node, *, first: bool) -> Word:
        value: str | None = ""
        position = node.start_byte + 1
        for child in node.children:
            if child.type in EXPANSIONS:
                text = self._source[child.start_byte : child.end_byte]
                before = _unescaped(self._source[position : child.start_byte])
                word = self._expansion(child, text, first=first and child.start_byte == node.start_byte + 1)
                value = None if value is None or word.value is None else value + before + word.value
                position = child.end_byte
            elif child.type not in ('"', "string_content"):
                self._doubt(f"a string has {child.type.replace('_', ' ')} in it")
                self._walk(child)
        if value is not None:
            value += _unescaped(self._source[position : node.end_byte - 1])
        return Word(value)

    def _expansion(self, node: Node, text: bytes, *, first: bool) -> Word:
        if first and _HOME.fullmatch(text):
            return Word("~")
        if node.type in ("command_substitution", "process_substitution"):
            self._walk(node)
        elif not _PLAIN_VARIABLE.fullmatch(text) and not _NUMBERS.fullmatch(text):
            self._doubt("an expansion can do more than give a variable's value")
            self._walk(node)
        return COMPUTED


def _unescaped(text: bytes) -> str:
    """In double quotes a backslash escapes only these (POSIX, 2.2.3)."""
    return re.sub(r'\\([$`"\\])', r"\1", _text(text)).replace("\\\n", "")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
