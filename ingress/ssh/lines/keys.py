"""What a terminal sends -> the keys that were pressed (ECMA-48, 5.4, and xterm's control sequences)."""

import codecs
import re
from collections.abc import Iterator
from enum import Enum, auto


class Key(Enum):
    """Keys that are not characters."""

    ENTER = auto()
    BACKSPACE = auto()
    DELETE = auto()
    LEFT = auto()
    RIGHT = auto()
    UP = auto()
    DOWN = auto()
    HOME = auto()
    END = auto()
    WORD_LEFT = auto()
    WORD_RIGHT = auto()
    KILL_LINE = auto()
    KILL_REST = auto()
    KILL_WORD = auto()
    YANK = auto()
    SEARCH = auto()
    CLEAR = auto()
    INTERRUPT = auto()
    END_OF_INPUT = auto()
    UNKNOWN = auto()


Stroke = Key | str

_CONTROLS = {
    "\r": Key.ENTER,
    "\n": Key.ENTER,
    "\x7f": Key.BACKSPACE,
    "\x08": Key.BACKSPACE,
    "\x01": Key.HOME,
    "\x02": Key.LEFT,
    "\x03": Key.INTERRUPT,
    "\x04": Key.END_OF_INPUT,
    "\x05": Key.END,
    "\x06": Key.RIGHT,
    "\x0b": Key.KILL_REST,
    "\x0c": Key.CLEAR,
    "\x0e": Key.DOWN,
    "\x10": Key.UP,
    "\x12": Key.SEARCH,
    "\x15": Key.KILL_LINE,
    "\x17": Key.KILL_WORD,
    "\x19": Key.YANK,
}
_SEQUENCES = {
    "A": Key.UP,
    "B": Key.DOWN,
    "C": Key.RIGHT,
    "D": Key.LEFT,
    "H": Key.HOME,
    "F": Key.END,
    "1~": Key.HOME,
    "7~": Key.HOME,
    "4~": Key.END,
    "8~": Key.END,
    "3~": Key.DELETE,
    "1;5D": Key.WORD_LEFT,
    "1;5C": Key.WORD_RIGHT,
    "1;3D": Key.WORD_LEFT,
    "1;3C": Key.WORD_RIGHT,
}
_META = {"b": Key.WORD_LEFT, "f": Key.WORD_RIGHT, "\x7f": Key.KILL_WORD}
_SEQUENCE = re.compile(r"\x1b(?:\[([0-9:;<=>?]*[ -/]*[@-~])|O([@-~])|([^\[O]))")
_BEGUN = re.compile(r"\x1b(?:\[[0-9:;<=>? -/]{0,32}|O)?\Z")
_PASTE_BEGINS = "200~"
_PASTE_ENDS = "201~"


class Keyboard:
    """One terminal's input."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._kept = ""
        self._pasting = False

    def feed(self, data: bytes) -> Iterator[Stroke]:
        """The keys that are whole. A line end that was pasted is Enter; other control characters that were
        pasted are nothing."""
        text = self._kept + self._decoder.decode(data)
        self._kept = ""
        position = 0
        while position < len(text):
            character = text[position]
            if character != "\x1b":
                position += 1
                if character == "\n" and position > 1 and text[position - 2] == "\r":
                    continue
                yield from self._character(character)
            elif (found := _SEQUENCE.match(text, position)) is not None:
                position = found.end()
                yield from self._sequence(found)
            elif _BEGUN.match(text, position):
                self._kept = text[position:]
                return
            else:
                position += 1
                yield Key.UNKNOWN

    def _character(self, character: str) -> Iterator[Stroke]:
        if self._pasting:
            if character in "\r\n":
                yield Key.ENTER
            elif character.isprintable() or character == "\t":
                yield character
        elif character in _CONTROLS:
            yield _CONTROLS[character]
        elif character.isprintable() and character != "\ufffd":
            yield character
        else:
            yield Key.UNKNOWN

    def _sequence(self, found: re.Match[str]) -> Iterator[Stroke]:
        name = found[1] or found[2] or ""
        if name == _PASTE_BEGINS:
            self._pasting = True
        elif name == _PASTE_ENDS:
            self._pasting = False
        elif self._pasting:
            return
        elif found[3] is not None:
            yield _META.get(found[3], Key.UNKNOWN)
        else:
            yield _SEQUENCES.get(name, Key.UNKNOWN)
