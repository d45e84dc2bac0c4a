"""What of a file's bytes a recording gets: the first of them, masked.

Bytes come in any order, in pieces of any size, over what came before. So they are kept as they came until
the file is closed, and whenever some have come, the detectors look at the file as it is known then: what they
mask is a star in every piece that stands there (docs/decisions/0047-what-is-recorded-of-a-file.md).
"""

from dataclasses import dataclass, field

import numpy as np

from ingress.ssh.contents import AROUND
from processors.masking.scan import make_scanner

_LEAST = 1024  # bytes that a piece counts at least, so that a limit of bytes is one of pieces too
_STEP = 32 * 1024  # bytes that come in a row before they are looked at
_STAR = ord("*")


class Room:
    """Bytes that all open files of one client may keep at once."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, wanted: int) -> int:
        """How many of these there is room for."""
        taken = min(wanted, self._left)
        self._left -= taken
        return taken

    def give_back(self, taken: int) -> None:
        self._left += taken


@dataclass(slots=True)
class _Piece:
    """Bytes that came in a row. `masked`: as a recording may have them, as far as they were looked at."""

    offset: int
    data: bytearray = field(default_factory=bytearray)
    masked: bytearray = field(default_factory=bytearray)
    looked_at: int = 0

    @property
    def end(self) -> int:
        return self.offset + len(self.data)

    def stands_in(self, start: int, end: int) -> bool:
        return self.offset < end and start < self.end


class Kept:
    """One way through one open file. `detectors`: for what is not masked yet; `most`: bytes to record."""

    def __init__(self, detectors: tuple[str, ...], most: int, room: Room) -> None:
        self._scanner = make_scanner(detectors) if detectors else None
        self._most = most
        self._around = AROUND if detectors else 0  # what follows a cut says whether a value stands before it
        self._left = most + self._around if most else 0
        self._room = room
        self._taken = 0
        self._is_cut = False
        self._pieces: list[_Piece] = []

    def add(self, offset: int, data: bytes) -> None:
        """Bytes that went through, at this offset in the file."""
        if self._is_cut or not data:
            return
        goes_on = self._goes_on(offset, len(data))
        taken = self._room.take(min(self._left, len(data) if goes_on else max(len(data), _LEAST)))
        self._left -= taken
        self._taken += taken
        self._is_cut = taken < len(data)
        if not goes_on:
            self._look()
            self._pieces.append(_Piece(offset))
        piece = self._pieces[-1]
        piece.data += data[:taken]
        piece.masked += data[:taken]
        if len(piece.data) - piece.looked_at >= _STEP:
            self._look()

    def release(self) -> list[tuple[int, bytes]]:
        """What is recorded, masked: offset and bytes, as they went. Nothing is kept any longer."""
        self._look()
        left = sum(len(piece.data) for piece in self._pieces) - (self._around if self._is_cut else 0)
        left = min(left, self._most)
        pieces, self._pieces, self._is_cut = self._pieces, [], True
        self._room.give_back(self._taken)
        self._taken = 0
        parts = []
        for piece in pieces:
            shown = bytes(piece.masked[: max(0, left)])
            left -= len(shown)
            if shown:
                parts.append((piece.offset, shown))
        return parts

    def _goes_on(self, offset: int, size: int) -> bool:
        """Whether these bytes follow those that came last, and stand over none that came before."""
        if not self._pieces or self._pieces[-1].end != offset:
            return False
        return not any(piece.stands_in(offset, offset + size) for piece in self._pieces)

    def _look(self) -> None:
        """Masks what the bytes that came last make of the file."""
        if self._scanner is None or not self._pieces:
            return
        last = self._pieces[-1]
        if last.looked_at == len(last.data):
            return
        start, window = self._known(last.offset + last.looked_at, last.end)
        last.looked_at = len(last.data)
        shown = self._scanner.redact_all(window, [0] * len(self._scanner.names))
        if shown is window:
            return
        changed = start + np.flatnonzero(np.frombuffer(window, np.uint8) != np.frombuffer(shown, np.uint8))
        for piece in self._pieces:
            if piece.stands_in(start, start + len(window)):
                within = changed[(changed >= piece.offset) & (changed < piece.end)]
                np.frombuffer(piece.masked, np.uint8)[within - piece.offset] = _STAR

    def _known(self, begin: int, end: int) -> tuple[int, bytes]:
        """The file from `begin` to `end` with what is known around it: the offset of its start, its bytes."""
        start, stop = max(0, begin - AROUND), end + AROUND
        window, known = bytearray(stop - start), bytearray(stop - start)
        for piece in self._pieces:
            if piece.stands_in(start, stop):
                first, last = max(start, piece.offset), min(stop, piece.end)
                window[first - start : last - start] = piece.data[first - piece.offset : last - piece.offset]
                known[first - start : last - start] = b"\1" * (last - first)
        first = known.rfind(0, 0, begin - start) + 1
        last = known.find(0, end - start)
        return start + first, bytes(window[first : last if last >= 0 else stop - start])
