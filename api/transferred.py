"""What went through files in a session, from its recording. Pure.

A file's bytes are in the recording as they went: in any order, one over another.
"""

import re
from collections.abc import Iterator

from ingress.interface import Frame
from ingress.recorder import parse_frames
from ingress.ssh.transfers import Direction, Transfer, parse_frame

_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 100


def safe_name(path: str) -> str:
    """A name for a file of this path that means nothing to a shell, a header or a folder."""
    return _ODD.sub("_", path.rpartition("/")[2])[-_LONGEST_NAME:].lstrip(".-") or "file"


class Listing:
    """The transfers of a recording, in the order in which their files were closed."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Direction], Transfer] = {}

    def add(self, chunk: bytes) -> None:
        """The next chunk. Raises ValueError."""
        for transfer, _, _ in _transfers_in(chunk):
            self._found.setdefault((transfer.command, transfer.direction), transfer)

    @property
    def transfers(self) -> list[Transfer]:
        return list(self._found.values())


class Content:
    """What is recorded of one transfer. `transfer`: None while the recording has no such one. `parts`: offset
    and bytes, in the order of their offsets; none touches another."""

    def __init__(self, command: str, direction: Direction) -> None:
        self._wanted = (command, direction)
        self.transfer: Transfer | None = None
        self.parts: list[tuple[int, bytearray]] = []

    def add(self, chunk: bytes) -> None:
        """The next chunk. Raises ValueError."""
        for transfer, offset, data in _transfers_in(chunk):
            if (transfer.command, transfer.direction) == self._wanted:
                self.transfer = transfer
                if data:
                    self._put(offset, data)

    def _put(self, offset: int, data: bytes) -> None:
        """Over what stands there already."""
        low, high = offset, offset + len(data)
        touched = [part for part in self.parts if part[0] <= high and low <= part[0] + len(part[1])]
        if len(touched) == 1 and touched[0][0] <= low:
            touched[0][1][low - touched[0][0] : high - touched[0][0]] = data
            return
        low = min([low, *(start for start, _ in touched)])
        high = max([high, *(start + len(part) for start, part in touched)])
        whole = bytearray(high - low)
        for start, part in (*touched, (offset, data)):
            whole[start - low : start - low + len(part)] = part
        self.parts[:] = sorted([*(part for part in self.parts if part not in touched), (low, whole)])


def _transfers_in(chunk: bytes) -> Iterator[tuple[Transfer, int, bytes]]:
    """The frames about files in one chunk of a recording: transfer, offset, bytes. Raises ValueError."""
    for kind, _, payload in parse_frames(chunk):
        if kind is Frame.FILE:
            yield parse_frame(payload)
