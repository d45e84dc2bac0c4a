"""Many values in one buffer, and where runs of characters begin and end in it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]
Octets = npt.NDArray[np.uint8]


@dataclass(slots=True)
class Values:
    """The values `data[start:end]`, in rising order and not overlapping; between them stands framing."""

    data: bytes
    starts: Positions
    ends: Positions
    octets: Octets = field(init=False)

    def __post_init__(self) -> None:
        self.octets = np.frombuffer(self.data, np.uint8)

    def where(self, byte: int) -> Positions:
        """Every position of this byte, in values and between them."""
        return np.flatnonzero(self.octets == byte)

    def holding(self, positions: Positions) -> Positions:
        """For each position the number of the value that holds it, or -1."""
        numbers = np.searchsorted(self.starts, positions, "right") - 1
        numbers[(numbers < 0) | (positions >= self.ends[numbers])] = -1
        return numbers

    def of_class(self, class_: "Class") -> Flags:
        """For each byte whether it is of the class."""
        return np.frombuffer(self.data.translate(class_), np.bool_)


Class = bytes
"""A set of bytes as a table for bytes.translate: 1 for those that are in it, else 0."""


def class_of(members: bytes) -> Class:
    """The class of these bytes."""
    return bytes(byte in members for byte in range(256))


def last_before(marks: Positions, positions: Positions) -> Positions:
    """For each position the last of `marks` (rising) before it, or -1."""
    found = np.searchsorted(marks, positions, "left") - 1
    return np.where(found >= 0, marks[found], -1) if len(marks) else np.full(len(positions), -1, np.intp)


def first_from(marks: Positions, positions: Positions, otherwise: int) -> Positions:
    """For each position the first of `marks` (rising) at it or after it, or `otherwise`."""
    if not len(marks):
        return np.full(len(positions), otherwise, np.intp)
    found = np.searchsorted(marks, positions, "left")
    return np.where(found < len(marks), marks[np.minimum(found, len(marks) - 1)], otherwise)


def all_of_class(octets: Octets, starts: Positions, ends: Positions, class_: Class) -> Flags:
    """For each range, none of which is empty, whether all its bytes are of the class."""
    if not len(starts):
        return np.empty(0, np.bool_)
    members = np.frombuffer(class_, np.bool_)[octets[spread(starts, ends)]]
    lengths = ends - starts
    return np.logical_and.reduceat(members, np.cumsum(lengths) - lengths)


def spread(starts: Positions, ends: Positions) -> Positions:
    """Every position within the ranges from `starts` to `ends`, none of which is empty the wrong way."""
    lengths = ends - starts
    if len(lengths) and (lengths == lengths[0]).all():  # as for card numbers; twice as fast
        of_one: Positions = (starts[:, None] + np.arange(lengths[0])).ravel()
        return of_one
    total = int(lengths.sum())
    before = np.cumsum(lengths) - lengths
    found: Positions = np.arange(total, dtype=np.intp) + np.repeat(starts - before, lengths)
    return found
