"""Whole DataRow messages -> the same messages with columns changed: the loop that every row goes through.

PostgreSQL documentation, "Message Formats", DataRow: 'D', length, number of values, and for each its length
(-1 for NULL) and its bytes.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingress.errors import TargetError

_LENGTH = struct.Struct("!I")
_VALUE_LENGTH = struct.Struct("!i")
_HEAD = struct.Struct("!cI")
_COUNT = struct.Struct("!h")
_FIRST_VALUE = 7  # type, length, number of values
_DATA_ROW = 0x44
_NULL = b"\xff\xff\xff\xff"

Change = Callable[[bytes], bytes | None]


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column whose values are changed: how many others stand between it and the one before, and how.

    `change` gives what it was given when the value may be shown, and None for NULL. `counter`: where the
    changes are counted.
    """

    skip: int
    change: Change
    counter: int


def row_width(block: bytes) -> int:
    """The number of values in the first row. Raises TargetError."""
    try:
        return int(_COUNT.unpack_from(block, 5)[0])
    except struct.error as error:
        raise TargetError("the target sent a row that is cut off") from error


def change_columns(block: bytes, columns: int, changes: Sequence[ColumnChange], counts: list[int]) -> bytes:
    """The rows with these columns changed. `columns`: the number of values in every row.

    Adds to `counts`. Raises TargetError when a row is not what was described. Written for speed: about three
    microseconds a row with two columns changed.
    """
    steps = [(change.skip, change.change, change.counter) for change in changes]
    expected = _COUNT.pack(columns)
    message_length, value_length = _LENGTH.unpack_from, _VALUE_LENGTH.unpack_from
    pieces: list[bytes] = []
    append = pieces.append
    row, size = 0, len(block)
    try:
        while row < size:
            length = message_length(block, row + 1)[0]
            end = row + 1 + length
            if block[row] != _DATA_ROW or block[row + 5 : row + _FIRST_VALUE] != expected or end > size:
                raise TargetError("the target sent a row that does not fit its description")
            head = len(pieces)
            append(b"")
            copied = row + 5
            position = row + _FIRST_VALUE
            for skip, change, counter in steps:
                while skip:
                    skip -= 1
                    taken = value_length(block, position)[0]
                    position += 4 + taken if taken > 0 else 4
                taken = value_length(block, position)[0]
                position += 4
                if taken < 0:
                    continue
                value = block[position : position + taken]
                changed = change(value)
                if changed is not value:
                    append(block[copied : position - 4])
                    if changed is None:
                        append(_NULL)
                        length -= taken
                    else:
                        append(_VALUE_LENGTH.pack(len(changed)))
                        append(changed)
                        length += len(changed) - taken
                    counts[counter] += 1
                    copied = position + taken
                position += taken
            if position > end:
                raise TargetError("the target sent a row with values longer than itself")
            append(block[copied:end])
            pieces[head] = _HEAD.pack(b"D", length)
            row = end
    except struct.error as error:
        raise TargetError("the target sent a row that is cut off") from error
    return b"".join(pieces)
