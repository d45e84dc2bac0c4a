"""A block of whole messages while values in it are replaced."""

import struct

import numpy as np
import numpy.typing as npt

from ingress.errors import TargetError
from processors.masking.bulk.columns import Masked
from processors.masking.bulk.values import Octets, Positions, Values

_LENGTH = struct.Struct("!I")
_LENGTH_AT = 1


class EditedBlock:
    """What keeps its length is written in place, through `octets` and `numbers`; what does not is put
    together at the end."""

    def __init__(self, block: bytes) -> None:
        self._bytes = bytearray(block)
        self._edits: list[tuple[int, int, bytes]] = []
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
            ranges = zip(bulk.starts.tolist(), bulk.ends.tolist(), strict=True)
            self._edits += [(start, end, new) for start, end in ranges]
        for number, text in masked.single:
            new = null if text is None else text
            start, end = int(values.starts[number]), int(values.ends[number])
            grown[number] = len(new) - (end - start)
            self._edits.append((start, end, new))
        return grown

    def whole(self) -> bytes:
        """The block with everything replaced. What was replaced must not overlap."""
        whole = bytes(self._bytes)
        if not self._edits:
            return whole
        self._edits.sort()
        pieces: list[bytes] = []
        append = pieces.append
        copied = 0
        for start, end, text in self._edits:
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
