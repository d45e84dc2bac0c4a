"""What the client types while the shell waits, up to a whole command."""

from collections import deque

from ingress.ssh.lines.complete import is_complete
from ingress.ssh.lines.editor import Editor, End, Entered
from ingress.ssh.lines.keys import Keyboard, Stroke

_MORE = "> "  # the second prompt, as POSIX's PS2
_MOST_AHEAD = 64 * 1024  # keys that wait; more are not taken
_LONGEST = 128 * 1024  # characters of a command


class Prompt:
    """One terminal. What was typed or pasted together with a command waits for its turn."""

    def __init__(self, columns: int) -> None:
        self._editor = Editor(columns)
        self._keyboard = Keyboard()
        self._ahead: deque[Stroke] = deque()
        self._lines: list[str] = []
        self._words = ""

    def resize(self, columns: int) -> None:
        self._editor.resize(columns)

    def begin(self, words: str) -> bytes:
        """Shows the prompt, for a new command."""
        self._words = words
        self._lines = []
        return self._editor.begin(words)

    def redraw(self) -> bytes:
        """Shows the line again, below what was written over it."""
        return self._editor.redraw()

    def type(self, data: bytes) -> None:
        """Takes what the client typed."""
        for stroke in self._keyboard.feed(data):
            if len(self._ahead) < _MOST_AHEAD:
                self._ahead.append(stroke)

    def put_back(self, data: bytes) -> None:
        """What was typed earlier and read by nobody comes first."""
        self._ahead.extendleft(reversed(list(Keyboard().feed(data))))

    def forget(self) -> None:
        """Nothing that was typed ahead counts any more."""
        self._ahead.clear()

    def work(self) -> tuple[bytes, str | End | None]:
        """Takes the keys that wait: what to show, and the command or the end of all, where one came."""
        shown = bytearray()
        while self._ahead:
            piece, ended = self._editor.press(self._ahead.popleft())
            shown += piece
            match ended:
                case Entered(text):
                    if (command := self._entered(text)) is not None:
                        self._editor.remember(command)
                        return bytes(shown), command
                    shown += self._editor.begin(_MORE if self._lines else self._words)
                case End.END_OF_INPUT if not self._lines:
                    return bytes(shown), End.END_OF_INPUT
                case End():
                    shown += self.begin(self._words)
        return bytes(shown), None

    def _entered(self, text: str) -> str | None:
        """The command, where it is whole."""
        self._lines.append(text)
        command = "\n".join(self._lines)
        if not command.strip():
            self._lines = []
            return None
        return command if len(command) > _LONGEST or is_complete(command) else None
