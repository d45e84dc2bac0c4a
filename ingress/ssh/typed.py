"""What of a terminal's input a recording may have: masked, and nothing where a secret is asked for.

A program that asks for a password turns the terminal's echo off, which the gateway cannot see; it sees the
words with which programs ask.
"""

import re

from ingress.terminal.cast import Text
from ingress.terminal.screen import Screen

HIDDEN = "‹hidden›"
_ASKS = re.compile(
    rb"(?i)(?:pass(?:word|phrase|code|wd)|\bpin|secret|token|\bkey|\botp|verification code)[^\r\n]*\Z"
)
_TAIL = 200  # bytes of output that are looked at


class Typed:
    """One terminal's input."""

    def __init__(self, detectors: tuple[str, ...]) -> None:
        self._screen = Screen(detectors)
        self._text = Text()
        self._output = b""
        self._hides = False

    def shows(self, output: bytes) -> None:
        """What the terminal showed meanwhile."""
        self._output = (self._output + output)[-_TAIL:]
        self._hides = _ASKS.search(self._output) is not None

    def write(self, data: bytes) -> str:
        """What of it may be recorded."""
        if not self._hides:
            return self._text.decode(self._screen.write(data) + self._screen.settle())
        if b"\r" in data or b"\n" in data:
            self._hides, self._output = False, b""
        return HIDDEN
