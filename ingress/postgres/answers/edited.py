"""A block of whole messages while values in it are replaced."""

import struct

import numpy as np
import numpy.typing as npt

from ingress.errors import TargetError
from processors.masking.bulk.columns import Masked
from processors.masking.bulk.values import Octets, Positions, Values, spread

_LENGTH = struct.Struct("!I")
_LENGTH_AT = 1


class EditedBlock:
    """What keeps its length is written in place, through `octets` and `numbers`; what becomes shorter is
    written over its beginning, and the rest of it cut out of the whole; what grows is put together at the
    end, some ten times slower."""

    def __init__(self, block: bytes) -> None:
        self._bytes = bytearray(block)
        self._edits: list[tuple[int, int, bytes]] = []
        self._cuts: list[tuple[Positions, Positions]] = []
        self.octets: Octets = np.frombuffer(self._bytes, np.uint8)

    def numbers(self, type_: str) -> npt.NDArray[np.signedinteger]:
        """The number of this type that begins at each byte, to be read and written."""
        return numbers(self._bytes, type_)

    def overwrite(self, start: int, text: bytes) -> None:
        """As many bytes as the text has become the text."""
        self._bytes[start : start + len(text)] = text

    def cut(self, start: int, end: int) -> None:
        """These bytes go."""
        self._edits.append((start, end, b""))

    def replace(self, values: Values, masked: Masked, null: bytes = b"") -> Positions:
        """Replaces what is masked in these values; by how many bytes each grows. `null`: what stands for
        NULL."""
        grown = np.zeros(len(values.starts), np.intp)
        bulk = masked.bulk
        if bulk is not None and len(bulk.starts):
            new = null if bulk.text is None else bulk.text
            grown[bulk.which] = len(new) - (bulk.ends - bulk.starts)
            self._replace_all(bulk.starts, bulk.ends, new)
        for number, text in masked.single:
            new = null if text is None else text
            start, end = int(values.starts[number]), int(values.ends[number])
            grown[number] = len(new) - (end - start)
            self._edits.append((start, end, new))
        return grown

    def _replace_all(self, starts: Positions, ends: Positions, text: bytes) -> None:
        """The same text for all of these ranges."""
        fits = ends - starts >= len(text)
        kept = starts[fits] + len(text)
        self.octets[spread(starts[fits], kept)] = np.tile(np.frombuffer(text, np.uint8), len(kept))
        self._cuts.append((kept, ends[fits]))
        grows = zip(starts[~fits].tolist(), ends[~fits].tolist(), strict=True)
        self._edits += [(start, end, text) for start, end in grows]

    def whole(self) -> bytes:
        """The block with everything replaced. What was replaced must not overlap."""
        if self._edits:
            return self._put_together()
        if not self._cuts:
            return bytes(self._bytes)
        kept = np.ones(len(self._bytes), np.bool_)
        for starts, ends in self._cuts:
            kept[spread(starts, ends)] = False
        return self.octets[kept].tobytes()

    def _put_together(self) -> bytes:
        edits = self._edits
        for starts, ends in self._cuts:
            edits += [(start, end, b"") for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        edits.sort()
        whole = bytes(self._bytes)
        pieces: list[bytes] = []
        append = pieces.append
        copied = 0
        for start, end, text in edits:
            append(whole[copied:start])
            append(text)
            copied = end
        append(whole[copied:])
        return b"".join(pieces)


def beginnings(block: bytes) -> Positions:
    """Where each message begins. Raises TargetError, struct.error."""
    found: list[int] = []
    position, size, length = 0, len(block), _LENGTH.unpack_from
    while position < size:
        found.append(position)
        position += 1 + length(block, position + _LENGTH_AT)[0]
    if position != size:
        raise TargetError("the target sent a message that is cut off")
    return np.array(found, np.intp)


def numbers(block: bytes | bytearray, type_: str) -> npt.NDArray[np.signedinteger]:
    """The number of this type, such as ">i4", that begins at each byte."""
    size = np.dtype(type_).itemsize
    return np.ndarray((max(len(block) - size + 1, 0),), type_, block, 0, (1,))
