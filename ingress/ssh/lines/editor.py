"""A line editor: keys in, what the terminal has to show and the lines that were entered out."""

import unicodedata
from dataclasses import dataclass
from enum import Enum, auto

from ingress.ssh.lines.keys import Key, Stroke

_BELL = b"\a"
_LONGEST = 32 * 1024  # characters of a line
_MOST_REMEMBERED = 500  # lines of history


class End(Enum):
    """How editing may end other than by a line."""

    INTERRUPTED = auto()
    END_OF_INPUT = auto()


@dataclass(frozen=True, slots=True)
class Entered:
    """A line."""

    text: str


def width(character: str) -> int:
    """Columns of a terminal it takes (Unicode Standard Annex 11)."""
    if character == "\t":
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def place(text: str, columns: int) -> tuple[int, int]:
    """Row and column of the cursor after this text, from the beginning of a row."""
    row = column = 0
    for character in text:
        size = width(character)
        if column + size > columns:
            row, column = row + 1, 0
        column += size
    return (row + 1, 0) if column >= columns else (row, column)


class Editor:
    """One terminal's lines. `columns`: its width."""

    def __init__(self, columns: int) -> None:
        self._columns = max(2, columns)
        self._prompt = ""
        self._text = ""
        self._cursor = 0
        self._row = 0  # of the cursor, below the prompt's first
        self._killed = ""
        self._history: list[str] = []
        self._at = 0  # in the history; its length: the line that is new
        self._draft = ""
        self._sought = ""  # while one searches: the text that the history is searched for

    def resize(self, columns: int) -> None:
        """The terminal has this many columns now."""
        self._columns = max(2, columns)

    def begin(self, prompt: str) -> bytes:
        """A new line; shows the prompt."""
        self._prompt = "".join(character if character.isprintable() else "?" for character in prompt)
        self._text, self._cursor, self._row = "", 0, 0
        self._at, self._draft = len(self._history), ""
        return self._draw()

    def redraw(self) -> bytes:
        """Shows the line again, below what was written over it."""
        self._row = 0
        return self._draw()

    def remember(self, text: str) -> None:
        """Puts a command into the history."""
        if text.strip() and self._history[-1:] != [text]:
            self._history.append(text)
            del self._history[:-_MOST_REMEMBERED]

    def press(self, stroke: Stroke) -> tuple[bytes, Entered | End | None]:
        """What to show, and what ended, where something did."""
        if stroke is not Key.SEARCH:
            self._sought = ""
        match stroke:
            case str():
                return self._insert(stroke), None
            case Key.ENTER:
                return self._leave() + b"\r\n", Entered(self._text)
            case Key.INTERRUPT:
                return self._leave() + b"^C\r\n", End.INTERRUPTED
            case Key.END_OF_INPUT if not self._text:
                return b"\r\n", End.END_OF_INPUT
            case Key.CLEAR:
                self._row = 0
                return b"\x1b[H\x1b[2J" + self._draw(), None
            case Key.UP | Key.DOWN:
                return self._recall(-1 if stroke is Key.UP else 1), None
            case Key.SEARCH:
                return self._search(), None
            case Key.YANK:
                return self._insert(self._killed), None
            case _:
                return self._edit(stroke), None

    def _edit(self, key: Key) -> bytes:
        text, cursor = self._text, self._cursor
        start, end = cursor, cursor  # what is cut
        match key:
            case Key.LEFT:
                self._cursor = max(0, cursor - 1)
            case Key.RIGHT:
                self._cursor = min(len(text), cursor + 1)
            case Key.HOME:
                self._cursor = 0
            case Key.END:
                self._cursor = len(text)
            case Key.WORD_LEFT:
                self._cursor = _word_start(text, cursor)
            case Key.WORD_RIGHT:
                self._cursor = _word_end(text, cursor)
            case Key.BACKSPACE:
                start = max(0, cursor - 1)
            case Key.DELETE | Key.END_OF_INPUT:
                end = min(len(text), cursor + 1)
            case Key.KILL_LINE:
                start = 0
            case Key.KILL_REST:
                end = len(text)
            case Key.KILL_WORD:
                start = _word_start(text, cursor)
            case _:
                return _BELL
        if start < end:
            if key in (Key.KILL_LINE, Key.KILL_REST, Key.KILL_WORD):
                self._killed = text[start:end]
            self._text, self._cursor = text[:start] + text[end:], start
        elif self._cursor == cursor:
            return _BELL
        return self._draw()

    def _insert(self, what: str) -> bytes:
        if not what or len(self._text) + len(what) > _LONGEST:
            return _BELL
        before, after = self._text[: self._cursor], self._text[self._cursor :]
        self._text, self._cursor = before + what + after, self._cursor + len(what)
        row, column = place(self._prompt + self._text, self._columns)
        if not after and row == self._row and column > 0:
            return _shown(what)  # nothing else moves: the key's own echo
        return self._draw()

    def _recall(self, step: int) -> bytes:
        at = self._at + step
        return self._go(at) if 0 <= at <= len(self._history) else _BELL

    def _search(self) -> bytes:
        """To the next older command that has in it what was typed. Nothing typed finds nothing: who goes on
        typing as in bash's own search must not find the line in a command that they did not ask for."""
        self._sought = self._sought or self._text
        if not self._sought:
            return _BELL
        for at in range(self._at - 1, -1, -1):
            if self._sought in self._history[at]:
                return self._go(at)
        return _BELL

    def _go(self, at: int) -> bytes:
        """To this place of the history."""
        if self._at == len(self._history):
            self._draft = self._text
        self._at = at
        self._text = self._draft if at == len(self._history) else self._history[at]
        self._cursor = len(self._text)
        return self._draw()

    def _leave(self) -> bytes:
        """Moves to the line's end."""
        if self._cursor == len(self._text):
            return b""
        self._cursor = len(self._text)
        return self._draw()

    def _draw(self) -> bytes:
        end_row, end_column = place(self._prompt + self._text, self._columns)
        row, column = place(self._prompt + self._text[: self._cursor], self._columns)
        up = f"\x1b[{self._row}A" if self._row else ""
        wrap = "\r\n" if end_column == 0 and end_row else ""  # a full row leaves the cursor on it
        back = "\r" + (f"\x1b[{end_row - row}A" if end_row > row else "")
        right = f"\x1b[{column}C" if column else ""
        if self._cursor == len(self._text):
            back = right = ""
        self._row = row
        begin = f"\r{up}\x1b[J{self._prompt}".encode()
        return begin + _shown(self._text) + f"{wrap}{back}{right}".encode()


def _shown(text: str) -> bytes:
    """A line of a command that has several, from the history, and a tab stay on one row."""
    return text.replace("\n", " ").replace("\t", " ").encode("utf-8", "replace")


def _word_start(text: str, cursor: int) -> int:
    while cursor > 0 and text[cursor - 1].isspace():
        cursor -= 1
    while cursor > 0 and not text[cursor - 1].isspace():
        cursor -= 1
    return cursor


def _word_end(text: str, cursor: int) -> int:
    while cursor < len(text) and text[cursor].isspace():
        cursor += 1
    while cursor < len(text) and not text[cursor].isspace():
        cursor += 1
    return cursor
