"""The line editor, on a terminal of twenty columns that is played here."""

import re

import pytest

from ingress.ssh.lines.editor import Editor, End, Entered, place, width
from ingress.ssh.lines.keys import Keyboard

_COLUMNS = 20


class Screen:
    """A terminal: what stands where after these bytes."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], str] = {}
        self.row = self.column = 0

    def show(self, data: bytes) -> None:
        for control, character in re.findall(r"\x1b\[([0-9;]*[A-Za-z])|(.)", data.decode(), re.DOTALL):
            if control:
                self._control(control[-1], int(control[:-1] or 1))
            elif character == "\r":
                self.column = 0
            elif character == "\n":
                self.row += 1
            elif character != "\a":
                self._put(character)

    def _put(self, character: str) -> None:
        if self.column + width(character) > _COLUMNS:
            self.row, self.column = self.row + 1, 0
        self.cells[self.row, self.column] = character
        self.column += width(character)

    def _control(self, kind: str, count: int) -> None:
        if kind == "A":
            self.row -= count
        elif kind == "C":
            self.column += count
        elif kind == "J":
            here = (self.row, self.column)
            self.cells = {at: cell for at, cell in self.cells.items() if at < here}

    @property
    def text(self) -> str:
        return "".join(self.cells[at] for at in sorted(self.cells))


def entered(typed: bytes) -> tuple[str, Entered | End | None]:
    """What stands on the screen in the end, and what came of it."""
    editor, screen = Editor(_COLUMNS), Screen()
    screen.show(editor.begin("$ "))
    ended: Entered | End | None = None
    for stroke in Keyboard().feed(typed):
        shown, ended = editor.press(stroke)
        screen.show(shown)
        if isinstance(ended, Entered):
            editor.remember(ended.text)
            screen = Screen()
            screen.show(editor.begin("$ "))
        else:
            expected = place("$ " + editor._text[: editor._cursor], _COLUMNS)
            if ended is None:
                assert (screen.row + (screen.column == _COLUMNS), screen.column % _COLUMNS) == expected
    return screen.text, ended


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (b"abc", "abc"),
        (b"abc\x1b[D\x1b[DX", "aXbc"),
        (b"abc\x01X\x05Y", "XabcY"),
        (b"abc\x7f\x7fX", "aX"),
        (b"abc\x01\x1b[3~", "bc"),
        (b"abc def\x17X", "abc X"),
        (b"abc def\x15X", "X"),
        (b"abc\x01\x0bX", "X"),
        (b"abc def\x17\x01\x19 ", "def abc "),
        (b"one\rtwo\r\x1b[A\x1b[A", "one"),
        (b"one\rtwo\r\x1b[Ax\x1b[A\x1b[B\x1b[B", ""),
        (b"one\rtwo\ron\x12", "one"),
        (b"one\ronce\ron\x12", "once"),
        (b"one\ronce\ron\x12\x12\x12", "one"),
        (b"one\ron\x12\x1b[B", "on"),
        (b"one\r\x12x", "x"),
        (b"one\rz\x12\t", "z"),
        (b"a" * 40 + b"\x01b", "b" + "a" * 40),
        ("漢字漢字漢字漢字漢字漢字".encode() + b"\x7f\x1b[D\x1b[DX", "漢字漢字漢字漢字漢X字漢"),
        (b"x" * 18 + b"\x7f", "x" * 17),
    ],
)
def test_what_is_typed_stands_there(typed: bytes, line: str) -> None:
    assert entered(typed)[0].removeprefix("$ ") == line


def test_a_line_ends_in_three_ways() -> None:
    assert Editor(80).press("a") == (b"a", None)
    assert entered(b"ls\r")[1] == Entered("ls")
    assert entered(b"ls\x03")[1] is End.INTERRUPTED
    assert entered(b"\x04")[1] is End.END_OF_INPUT


def test_a_key_at_the_end_of_a_line_is_one_byte_of_echo() -> None:
    editor = Editor(80)
    editor.begin("$ ")
    assert editor.press("a")[0] == b"a"


def test_a_prompt_moves_nothing() -> None:
    assert b"\x1b]" not in Editor(80).begin("\x1b]0;title\a$ ")
