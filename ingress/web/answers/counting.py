"""What is counted of an answer while it streams by, and the words filters share."""

from collections import Counter
from typing import Protocol, runtime_checkable

from schemas.vocabulary import MaskedField


class Uninspectable(Exception):
    """An answer in which sensitive values cannot be found; says why, never a value."""


class Filter(Protocol):
    """Bytes of an answer in, what may leave out. Raises Uninspectable."""

    def feed(self, data: bytes) -> bytes: ...
    def finish(self) -> bytes: ...


@runtime_checkable
class Pausing(Filter, Protocol):
    """A filter of a stream that somebody watches: what it keeps, it gives when nothing came for a moment."""

    @property
    def keeps(self) -> bool: ...
    def settle(self) -> bytes: ...


class Counts:
    """Rows of an answer, and how many values of which field were masked."""

    def __init__(self) -> None:
        self.rows = 0
        self._masked: Counter[tuple[str, str]] = Counter()

    def add(self, field: str, mask: str, count: int = 1) -> None:
        self._masked[field, mask] += count

    def masked(self) -> tuple[MaskedField, ...]:
        return tuple(MaskedField(field, mask, count) for (field, mask), count in sorted(self._masked.items()))
