"""A stream under a rule that blocks: what of it may leave, until it holds what must not pass.

The end of it stays until so much has come behind it that a value would have been seen, or its writer pauses:
then all leaves but what may become a value. What has left is looked at again with what follows, so that a
value never leaves as a whole, however slowly it comes.
"""

from collections import Counter

from ingress.terminal.screen import unfinished
from processors.masking.finding import LONGEST, Finder


class Blocked(Exception):
    """What must not pass was found. `found`: how many values, by detector or BINARY."""

    def __init__(self, found: Counter[str]) -> None:
        super().__init__(", ".join(f"{count} {name}" for name, count in sorted(found.items())))
        self.found = found

    @property
    def limit(self) -> str:
        """What obligations call it."""
        return f"block:{min(self.found)}"


class Guard:
    """One stream. What it keeps when it raises Blocked never leaves."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._finder = Finder(names) if names else None
        self._left = b""  # the end of what has left
        self._kept = b""

    @property
    def keeps(self) -> bool:
        """Whether bytes wait for what follows them."""
        return bool(self._kept)

    def write(self, data: bytes) -> bytes:
        """What may leave now. Raises Blocked."""
        if self._finder is None:
            return data
        self._kept += data
        return self._leave(len(self._kept) - LONGEST)

    def settle(self) -> bytes:
        """The writer pauses: all may leave but what may become a value. Raises Blocked."""
        window = self._left + self._kept
        end = unfinished(window) - len(self._left)
        if b"\0" in window:
            narrow = window.replace(b"\0", b"")  # as Finder sees it
            end = end if unfinished(narrow) == len(narrow) else 0
        return self._leave(end)

    def close(self) -> bytes:
        """The stream ended, or its writer waits for an answer: all that is left. Raises Blocked."""
        return self._leave(len(self._kept))

    def _leave(self, end: int) -> bytes:
        if self._finder is None or end <= 0:
            return b""
        window, begin = self._left + self._kept, len(self._left)
        if found := self._finder.find(window, begin, begin + end):
            raise Blocked(found)
        leaving, self._kept = self._kept[:end], self._kept[end:]
        self._left = window[: begin + end][-LONGEST:]
        return leaving
