"""CopyData messages with tuples in binary format, many at once: what BinaryTuples does to each.

PostgreSQL documentation, COPY, "File Formats", "Binary Format": a tuple has the form of a DataRow's body.
"""

from collections.abc import Sequence

import numpy as np

from ingress.postgres.answers.blocks import take_apart
from ingress.postgres.answers.edited import EditedBlock, numbers
from ingress.postgres.answers.numbers import LEAST_CARD
from processors.masking.bulk.columns import mask_values
from processors.masking.bulk.finders import find, write_found
from processors.masking.bulk.values import Values
from processors.masking.masks import Mask
from processors.masking.scan import Scanner

_COPY_DATA = 0x64
_LENGTH_AT = 1
_LENGTH_SIZE = 4
_NUMBER_SIZE = 8  # an int8


def mask_tuples(block: bytes, masks: Sequence[Mask | None], counts: list[int]) -> bytes:
    """Whole tuples with the masked columns NULL. Raises TargetError."""
    rows = take_apart(block, len(masks), _COPY_DATA)
    edited = EditedBlock(block)
    lengths = edited.numbers(">i4")
    for column, mask in enumerate(masks):
        if mask is None:
            continue
        present = np.flatnonzero(~rows.is_null[column])
        values = Values(block, rows.starts[column][present], rows.ends[column][present])
        masked = mask_values(values, mask, edited.octets)
        counts[column] += masked.count
        grown = edited.replace(values, masked)
        lengths[values.starts - _LENGTH_SIZE] = -1
        lengths[rows.at[present] + _LENGTH_AT] += grown.astype(np.int32)
    return edited.whole()


def detect_in_tuples(
    block: bytes, shown: Sequence[int], columns: int, scanner: Scanner, counts: list[int]
) -> bytes | None:
    """Whole tuples with what the detectors find in the columns `shown` overwritten. None where a value may be
    a card number as an int8: the tuples are then to be looked at one by one. Raises TargetError."""
    rows = take_apart(block, columns, _COPY_DATA)
    starts, ends = rows.starts[list(shown)].T.ravel(), rows.ends[list(shown)].T.ravel()
    octets = np.frombuffer(block, np.uint8)
    sized = np.flatnonzero(ends - starts == _NUMBER_SIZE)
    is_number = np.zeros(len(starts), np.bool_)
    is_number[sized] = octets[starts[sized]] == 0
    if (numbers(block, ">i8")[starts[is_number]] >= LEAST_CARD).any():
        return None
    if scanner.finds_nothing(block):
        return block
    values = Values(block, starts[~is_number], ends[~is_number])
    finds, doubtful = find(values, scanner)
    edited = EditedBlock(block)
    write_found(finds, doubtful, edited.octets, counts)
    for one in np.flatnonzero(doubtful).tolist():
        start, end = int(values.starts[one]), int(values.ends[one])
        edited.overwrite(start, scanner.redact_all(block[start:end], counts))
    return edited.whole()
