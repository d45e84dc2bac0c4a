"""Many CopyData messages at once: what copy_lines.py does to each, in a few passes over a block.

PostgreSQL documentation, COPY, "File Formats". What is not plain is left to copy_lines.py: CSV with a quote
in it, text with another delimiter than tab.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingress.errors import TargetError
from ingress.postgres.answers.copy_options import CopyOptions
from ingress.postgres.answers.edited import EditedBlock, beginnings, numbers
from processors.masking.bulk.columns import mask_values
from processors.masking.bulk.finders import find, write_found
from processors.masking.bulk.values import Flags, Octets, Positions, Values
from processors.masking.masks import Mask
from processors.masking.scan import Scanner

_COPY_DATA = 0x64
_LENGTH_AT = 1
_PAYLOAD = 5  # after type and length
_NEWLINE, _BACKSLASH, _TAB = 0x0A, 0x5C, 0x09
# Delimiters of CSV that no mask's text has in it, so that nothing has to be quoted.
_CSV_DELIMITERS = (b",", b";", b"|", b"\t")


@dataclass(frozen=True, slots=True)
class Lines:
    """A block of CopyData messages, each one line."""

    octets: Octets
    at: Positions  # where each message begins
    ends: Positions  # where each message ends, behind its newline

    def where(self, byte: int) -> Positions:
        """Every position of this byte in a line, and not in the type or the length of its message."""
        positions = np.flatnonzero(self.octets == byte)
        if not len(positions):
            return positions
        return positions[positions - self.at[np.searchsorted(self.at, positions, "right") - 1] >= _PAYLOAD]

    def between(self, delimiter: int, columns: int) -> Positions | None:
        """By line and column where its delimiter stands; None when not every line has so many columns."""
        every = self._by_column(np.flatnonzero(self.octets == delimiter), columns)
        # A message's length may have a byte that looks like the delimiter.
        return self._by_column(self.where(delimiter), columns) if every is None else every

    def _by_column(self, positions: Positions, columns: int) -> Positions | None:
        if len(positions) != len(self.at) * (columns - 1):
            return None
        found = positions.reshape(len(self.at), columns - 1)
        if columns == 1:
            return found
        fits = (found[:, 0] >= self.at + _PAYLOAD) & (found[:, -1] < self.ends)
        return found if fits.all() else None


def take_lines(block: bytes) -> Lines:
    """The lines of a block of whole CopyData messages. Raises TargetError."""
    try:
        octets = np.frombuffer(block, np.uint8)
        at = _beginnings_of_lines(block, octets)
        ends = np.append(at[1:], len(block))
        if (octets[at] != _COPY_DATA).any() or (ends - at < _PAYLOAD).any():
            raise TargetError("the target sent something that is not COPY data")
    except (struct.error, IndexError) as error:
        raise TargetError("the target sent COPY data that is cut off") from error
    return Lines(octets, at, ends)


def change_block(
    block: bytes, masks: Sequence[Mask | None], options: CopyOptions | None, counts: list[int]
) -> bytes | None:
    """Lines with their columns masked, as `TextLines.change` does it to one; None for a block that is not
    plain. Without a header line. Raises TargetError."""
    if options is None or not _is_simple(options):
        return None
    lines = take_lines(block)
    if options.is_csv and len(lines.where(options.quote[0])):
        return None
    if (lines.octets[lines.ends - 1] != _NEWLINE).any():
        return None
    between = lines.between(options.delimiter[0], len(masks))
    if between is None:
        return None
    edited = EditedBlock(block)
    octets = edited.octets
    starts = np.column_stack([lines.at + _PAYLOAD, between + 1])
    ends = np.column_stack([between, lines.ends - 1])
    escaped = np.flatnonzero(octets == _BACKSLASH) if not options.is_csv else np.empty(0, np.intp)
    lengths = edited.numbers(">i4")
    for column, mask in enumerate(masks):
        if mask is None:
            continue
        values = Values(block, starts[:, column], ends[:, column])
        present = np.flatnonzero(~_equal(values, options.null))
        if _any_within(escaped, values, present):
            return None
        values = Values(block, values.starts[present], values.ends[present])
        masked = mask_values(values, mask, octets)
        counts[column] += masked.count
        grown = edited.replace(values, masked, options.null)
        lengths[lines.at[present] + _LENGTH_AT] += grown.astype(np.int32)
    return edited.whole()


def detect_block(
    block: bytes, scanner: Scanner, counts: list[int], options: CopyOptions | None = None
) -> bytes:
    """As `detect_in_lines`, which is the reference."""
    if scanner.finds_nothing(block):
        return block
    lines = take_lines(block)
    starts, ends = lines.at + _PAYLOAD, lines.ends
    if options is not None and not options.is_csv and options.delimiter == b"\t":
        tabs = lines.where(_TAB)
        starts = np.sort(np.concatenate([starts, tabs + 1]))
        ends = np.sort(np.concatenate([ends, tabs]))
    values = Values(block, starts, ends)
    finds, doubtful = find(values, scanner)
    edited = EditedBlock(block)
    write_found(finds, doubtful, edited.octets, counts)
    for one in np.flatnonzero(doubtful).tolist():
        start, end = int(starts[one]), int(ends[one])
        edited.overwrite(start, scanner.redact_all(block[start:end], counts))
    return edited.whole()


def _beginnings_of_lines(block: bytes, octets: Octets) -> Positions:
    """As `beginnings`, which has to go from one message to the next where some other byte looks like the end
    of a line. Raises TargetError, struct.error."""
    ends = np.flatnonzero(octets == _NEWLINE) + 1
    following = octets[np.minimum(ends, len(block) - 1)] == _COPY_DATA
    ends = ends[following | (ends == len(block))]
    at = np.append(0, ends[:-1])
    if not len(ends) or ends[-1] != len(block) or (ends - at < _PAYLOAD).any():
        return beginnings(block)
    if (at + _LENGTH_AT + numbers(block, ">i4")[at + _LENGTH_AT] != ends).any():
        return beginnings(block)
    return at


def _is_simple(options: CopyOptions) -> bool:
    if options.is_csv:
        return options.delimiter in _CSV_DELIMITERS
    # With another text for NULL a client could tell a value that it guessed from all others.
    return options.delimiter == b"\t" and options.null == b"\\N"


def _equal(values: Values, text: bytes) -> Flags:
    """Which of the values are this text."""
    same: Flags = values.ends - values.starts == len(text)
    which = np.flatnonzero(same)
    positions = values.starts[which][:, None] + np.arange(len(text))
    same[which] = (values.octets[positions] == np.frombuffer(text, np.uint8)).all(axis=1)
    return same


def _any_within(positions: Positions, values: Values, which: Positions) -> bool:
    """Whether any of these positions is within one of these values."""
    if not len(positions):
        return False
    first = np.searchsorted(positions, values.starts[which], "left")
    behind = np.searchsorted(positions, values.ends[which], "left")
    return bool((behind > first).any())
