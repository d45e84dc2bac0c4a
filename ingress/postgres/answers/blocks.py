"""Many DataRow messages at once: what rows.py and detect.py do, in a few passes over a block.

Both take what is plain here and leave the rest to the functions for one value: `Values` of
processors/masking/bulk are the text of rows, between them stands the framing of the protocol (PostgreSQL
documentation, "Message Formats", DataRow).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingress.errors import TargetError
from ingress.postgres.answers.columns import Column
from ingress.postgres.answers.detect import Way, json_without_stars, way_of
from ingress.postgres.answers.edited import EditedBlock, beginnings, numbers
from ingress.postgres.answers.rows import ColumnChange
from processors.masking.bulk.columns import mask_values
from processors.masking.bulk.finders import find, write_found
from processors.masking.bulk.values import Positions, Values
from processors.masking.scan import Scanner

LEAST = 4096
"""Bytes of a block from which on this pays."""

DATA_ROW = 0x44
_LENGTH_AT = 1
_COUNT_AT = 5
_FIRST_VALUE = 7
_LENGTH_SIZE = 4


@dataclass(frozen=True, slots=True)
class Rows:
    """A block of rows, taken apart. By column and row: where a value starts and ends; `is_null`: NULL."""

    block: bytes
    at: Positions  # where each row begins
    starts: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]
    is_null: npt.NDArray[np.bool_]


def take_apart(block: bytes, columns: int, kind: int = DATA_ROW) -> Rows:
    """The rows of a block of whole DataRow messages, or of another `kind` of the same form.

    Raises TargetError when one has another number of columns, or values that do not fill it."""
    try:
        at = beginnings(block)
        lengths = numbers(block, ">i4")
        following = np.append(at[1:], len(block))
        if (np.frombuffer(block, np.uint8)[at] != kind).any():
            raise TargetError("the target sent a row that does not fit its description")
        if (numbers(block, ">i2")[at + _COUNT_AT] != columns).any():
            raise TargetError("the target sent a row that does not fit its description")
        starts = np.empty((columns, len(at)), np.intp)
        ends, is_null = np.empty_like(starts), np.empty(starts.shape, np.bool_)
        position = at + _FIRST_VALUE
        for column in range(columns):
            length = lengths[position]
            is_null[column] = length < 0
            starts[column] = position + _LENGTH_SIZE
            position = starts[column] + np.maximum(length, 0)
            ends[column] = position
    except (struct.error, IndexError) as error:
        raise TargetError("the target sent a row that is cut off") from error
    if (position != following).any():
        raise TargetError("the target sent a row with values longer than itself")
    return Rows(block, at, starts, ends, is_null)


def change_rows(block: bytes, columns: int, changes: Sequence[ColumnChange], counts: list[int]) -> bytes:
    """As `change_columns`, which is the reference."""
    rows = take_apart(block, columns)
    edited = EditedBlock(block)
    lengths = edited.numbers(">i4")
    column = -1
    for change in changes:
        column += change.skip + 1
        present = np.flatnonzero(~rows.is_null[column])
        values = Values(block, rows.starts[column][present], rows.ends[column][present])
        masked = mask_values(values, change.change, edited.octets)
        counts[change.counter] += masked.count
        grown = edited.replace(values, masked)
        lengths[values.starts - _LENGTH_SIZE] += grown.astype(np.int32)
        lengths[values.starts[masked.nulls] - _LENGTH_SIZE] = -1
        lengths[rows.at[present] + _LENGTH_AT] += grown.astype(np.int32)
    return edited.whole()


def detect_rows(block: bytes, columns: Sequence[Column], scanner: Scanner, counts: list[int]) -> bytes:
    """As `detect`, which is the reference."""
    if scanner.finds_nothing(block):
        return block
    ways = [way_of(column) for column in columns]
    looked_at = [number for number, way in enumerate(ways) if way is not Way.NOT_LOOKED_AT]
    rows = take_apart(block, len(columns))
    if not looked_at:
        return block
    values = Values(block, rows.starts[looked_at].T.ravel(), rows.ends[looked_at].T.ravel())
    in_place = np.tile([ways[number] is Way.OVERWRITTEN for number in looked_at], len(rows.at))
    finds, doubtful = find(values, scanner)
    for found in finds.values():
        doubtful[found.values[~in_place[found.values]]] = True
    edited = EditedBlock(block)
    write_found(finds, doubtful, edited.octets, counts)
    lengths = edited.numbers(">i4")
    for one in np.flatnonzero(doubtful).tolist():
        start, end = int(values.starts[one]), int(values.ends[one])
        value = block[start:end]
        way = ways[looked_at[one % len(looked_at)]]
        if way is Way.NULL:
            if scanner.count_all(value, counts):
                lengths[start - _LENGTH_SIZE] = -1
                lengths[rows.at[one // len(looked_at)] + _LENGTH_AT] -= end - start
                edited.cut(start, end)
            continue
        finish = json_without_stars if way is Way.JSON else None
        edited.overwrite(start, scanner.redact_all(value, counts, finish))
    return edited.whole()
