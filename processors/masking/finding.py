"""What may not pass at all: whether some bytes hold any of it, and how much. Pure."""

import re
from collections import Counter
from collections.abc import Sequence

from processors.masking.detectors import DETECTORS
from processors.masking.scan import make_scanner
from schemas.vocabulary import BINARY

# Control characters that no text has: all but white space, backspace, bell and escape. UTF-16 has zeros.
_NO_TEXT = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")


LONGEST = 8 * 1024
"""Bytes of a value that is sure to be found, where so much before it and after it is looked at too."""


class Finder:
    """`names`: in DETECTORS, or BINARY for what is no text."""

    def __init__(self, names: Sequence[str]) -> None:
        detectors = tuple(name for name in names if name != BINARY)
        self._scanner = make_scanner(detectors) if detectors else None
        self._binary = BINARY in names

    def find(self, window: bytes, begin: int, end: int) -> Counter[str]:
        """What has bytes between `begin` and `end` of the window: how many values, by name. The window is
        more than that, because what stands around a value says whether it is one."""
        found = self._values(window, begin, end)
        if b"\0" in window:  # digits and letters of UTF-16 and UTF-32 are ASCII with zeros between them
            narrow = window.replace(b"\0", b"")
            zeros = window.count(b"\0", 0, begin)
            found |= self._values(narrow, begin - zeros, end - zeros - window.count(b"\0", begin, end))
        if self._binary and _NO_TEXT.search(window, begin, end):
            found[BINARY] += 1
        return found

    def _values(self, window: bytes, begin: int, end: int) -> Counter[str]:
        found: Counter[str] = Counter()
        if self._scanner is None:
            return found
        for name in {self._scanner.names[number] for _, number in self._scanner.candidates(window)}:
            for start, stop in DETECTORS[name].spans(window):
                if start < end and stop > begin:
                    found[name] += 1
        return found
