"""What the gateway sends to the shell at the host: how it starts, and a line with its keys.

The shell is bash without start-up files. It reads no line from its terminal as a command: `driver.sh` takes
only what follows a key that the client cannot know yet, so that nothing typed ahead, or left unread by a
program, is ever run. Keys are for one turn.
"""

import secrets
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ingress.ssh.lines.marks import Mark, Marks

_END = "\x1e"
_REPORT = "?"
_PLAIN = frozenset(map(chr, range(0x20, 0x7F))) - {"\\"}


@dataclass(frozen=True, slots=True)
class Keys:
    """Of one turn. `say`: what the shell's mark has in it; `hear`: what the next message begins with."""

    say: str
    hear: str


class Driver:
    """The gateway's side of one shell. `write`: to the shell's terminal."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._keys = new_keys()
        self._marks = Marks()
        self._marks.expect(self._keys.say)
        self._message = b""
        self._is_due = True  # the shell has not said yet that it waits

    @property
    def start(self) -> str:
        """The command line that starts the shell."""
        return start_command(self._keys)

    def run(self, text: str) -> None:
        """Sends a command, whole."""
        self._send(lambda keys, following: line_message(keys, following, text))

    def report(self) -> None:
        """Asks for what was typed that no program read."""
        self._send(report_message)

    def feed(self, data: bytes) -> list[bytes | Mark]:
        """What the terminal showed: output, and the mark that is due. The shell did not hear the last message
        where Ctrl-C came between: it is sent again."""
        found: list[bytes | Mark] = []
        for part in self._marks.feed(data):
            if isinstance(part, bytes):
                found.append(part)
            elif part.again:
                self._write(self._message)
            elif self._is_due:
                self._is_due = False
                found.append(part)
        return found

    def close(self) -> bytes:
        """The terminal is gone: what was kept."""
        return self._marks.close()

    def _send(self, make: Callable[[Keys, Keys], bytes]) -> None:
        following = new_keys()
        self._message = make(self._keys, following)
        self._marks.expect(following.say)
        self._keys, self._is_due = following, True
        self._write(self._message)


def new_keys() -> Keys:
    """Two keys nobody guesses."""
    return Keys(secrets.token_hex(16), secrets.token_hex(16))


def start_command(keys: Keys) -> str:
    """The command line that starts the shell, for any POSIX login shell. `keys`: of its first turn."""
    begin = f"PS1= PS2= __cs_keys='{keys.say} {keys.hear}'\n{_script('driver.sh')}"
    return f"exec bash --noprofile --norc -p -c {shlex.quote(_script('start.sh'))} bash {shlex.quote(begin)}"


def line_message(keys: Keys, following: Keys, text: str) -> bytes:
    """A command for the shell, whole. `keys`: of this turn, `following`: of the next."""
    return _message(keys, following, _escaped(text))


def report_message(keys: Keys, following: Keys) -> bytes:
    """Asks what was typed that no program read."""
    return _message(keys, following, _REPORT)


def _message(keys: Keys, following: Keys, what: str) -> bytes:
    return f"{keys.hear}: {following.say} {following.hear} {what}{_END}".encode("ascii")


def _escaped(text: str) -> str:
    """As `printf %b` reads it, in ASCII: no byte of it means anything to a terminal. A lone question mark is
    escaped too: it would be the request for a report."""
    if text == _REPORT:
        return f"\\0{ord(_REPORT):03o}"
    return "".join(
        character
        if character in _PLAIN
        else "".join(f"\\0{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
        for character in text
    )


@cache
def _script(name: str) -> str:
    return files("ingress.ssh.lines").joinpath(name).read_text(encoding="utf-8")
