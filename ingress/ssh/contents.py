"""What of a file may leave: the detectors over any piece of it, with what stands around the piece.

A mask has as many bytes as its value, so every piece of a masked file can be made by itself.
"""

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable

from ingress.terminal.guard import Blocked
from processors.masking.finding import LONGEST, Finder
from processors.masking.scan import make_scanner

AROUND = LONGEST  # bytes before and after a piece that are looked at with it: a private key fits
_LARGEST = 192 * 1024  # bytes of a piece: with what is around it, OpenSSH's server has it in one answer

Fetch = Callable[[int, int], Awaitable[bytes]]


class Withheld(Exception):
    """A file that is no text holds what must not leave, and cannot be masked without being damaged."""


class Contents:
    """One open file's. `fetch(offset, size)`: its bytes as they are. `block`: what ends its reading.
    `masked`: values by detector."""

    def __init__(self, fetch: Fetch, detectors: tuple[str, ...], block: tuple[str, ...] = ()) -> None:
        self._fetch = fetch
        self._scanner = make_scanner(detectors) if detectors else None
        self._finder = Finder(block) if block else None
        self.masked: Counter[str] = Counter()

    async def read(self, offset: int, size: int) -> bytes:
        """A piece as it may leave, or its beginning, which the protocol permits. Raises Withheld, Blocked."""
        if self._scanner is None and self._finder is None:
            return await self._fetch(offset, size)
        start = max(0, offset - AROUND)
        size = min(size, _LARGEST)
        window = await fetch_all(self._fetch, start, offset - start + size + AROUND)
        plain = window[offset - start : offset - start + size]
        if self._finder is not None and (
            found := self._finder.find(window, offset - start, offset - start + len(plain))
        ):
            raise Blocked(found)
        if self._scanner is None:
            return plain
        counts = [0] * len(self._scanner.names)
        shown = self._scanner.redact_all(window, counts)[offset - start : offset - start + size]
        if shown == plain:
            return plain
        if b"\0" in window:
            raise Withheld
        for name, count in zip(self._scanner.names, counts, strict=True):
            if count:
                self.masked[name] += count
        return shown


async def fetch_all(fetch: Fetch, offset: int, size: int) -> bytes:
    """All of it up to the file's end: a host may answer with less than it was asked for
    (draft-ietf-secsh-filexfer-02, section 6.4), which would leave out what stands around a piece."""
    window = b""
    while len(window) < size and (more := await fetch(offset + len(window), size - len(window))):
        window += more
    return window


class Digest:
    """SHA-256 of what goes through a file, where it goes through from its beginning, in order."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._next = 0
        self._in_order = True
        self.bytes = 0

    def add(self, offset: int, data: bytes) -> None:
        self._in_order = self._in_order and offset == self._next
        self._next = offset + len(data)
        self.bytes += len(data)
        if self._in_order:
            self._hash.update(data)

    @property
    def sha256(self) -> str:
        """In hexadecimal digits; "" where it went otherwise."""
        return self._hash.hexdigest() if self._in_order else ""
