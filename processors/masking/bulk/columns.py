"""Masks of whole columns: what masks.py makes of a value, for many values at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from processors.masking import masks
from processors.masking.bulk.stars import write_stars
from processors.masking.bulk.values import Octets, Positions, Values, all_of_class, class_of, last_before

_AT, _DOT = b"@."
_DOMAIN = class_of(masks.DOMAIN)
_DIGIT = class_of(b"0123456789")


@dataclass(frozen=True, slots=True)
class Replaced:
    """Of the values `which`: the bytes from `starts[i]` to `ends[i]` become `text`, or the value NULL where
    it is None; no ranges where all was written in place. `rest`: the values for the mask itself."""

    which: Positions
    starts: Positions
    ends: Positions
    text: bytes | None
    rest: Positions


BulkMask = Callable[[Values, Octets], Replaced]
"""The values of one column, and a copy of the buffer's bytes, to be written to where lengths stay."""


def _emails(values: Values, octets: Octets) -> Replaced:
    """The local part but for its first letter becomes `***`."""
    start, end = values.starts, values.ends
    at = last_before(values.where(_AT), end)
    dot = last_before(values.where(_DOT), end)
    plain = (at > start) & (end - at <= masks.LONGEST_DOMAIN) & (dot > at)
    which = np.flatnonzero(plain)
    plain[which] = (values.octets[start[which]] < 0x80) & all_of_class(
        values.octets, at[which] + 1, end[which], _DOMAIN
    )
    which, rest = np.flatnonzero(plain), np.flatnonzero(~plain)
    return Replaced(which, start[which] + 1, at[which], b"***", rest)


def _cards(values: Values, octets: Octets) -> Replaced:
    """All digits but the last four become stars, in place."""
    length = values.ends - values.starts
    plain = (length >= masks.SHORTEST_CARD) & (length <= masks.LONGEST_CARD)
    which = np.flatnonzero(plain)
    plain[which] = all_of_class(values.octets, values.starts[which], values.ends[which], _DIGIT)
    which, rest = np.flatnonzero(plain), np.flatnonzero(~plain)
    write_stars(octets, values.starts[which], values.ends[which] - masks.CARD_KEPT)
    return Replaced(which, which[:0], which[:0], b"", rest)


def _full(values: Values, octets: Octets) -> Replaced:
    """Every value becomes TOKEN."""
    which = np.arange(len(values.starts))
    return Replaced(which, values.starts, values.ends, masks.TOKEN, which[:0])


def _nulls(values: Values, octets: Octets) -> Replaced:
    """Every value becomes NULL."""
    which = np.arange(len(values.starts))
    return Replaced(which, values.starts, values.ends, None, which[:0])


_BULK: Mapping[masks.Mask, BulkMask] = {
    masks.email: _emails,
    masks.card: _cards,
    masks.full: _full,
    masks.null: _nulls,
}
"""By mask: the same for many values. Masks that are not here are applied one by one."""


@dataclass(frozen=True, slots=True)
class Masked:
    """What a mask makes of many values: of most at once, of some one by one, by their numbers: the text that
    takes their place, None for NULL. `count`: how many are changed."""

    bulk: Replaced | None
    single: list[tuple[int, bytes | None]]
    count: int

    @property
    def nulls(self) -> Positions:
        """The numbers of the values that become NULL."""
        found = np.array([number for number, text in self.single if text is None], np.intp)
        if self.bulk is not None and self.bulk.text is None:
            found = np.concatenate([found, self.bulk.which])
        return found


def mask_values(values: Values, mask: masks.Mask, octets: Octets) -> Masked:
    """All values of a column masked. `octets`: a copy of their bytes, written to where the length stays.

    A mask that gives back what it was given has changed nothing.
    """
    by_bulk = _BULK.get(mask)
    replaced = by_bulk(values, octets) if by_bulk is not None and len(values.starts) else None
    rest = np.arange(len(values.starts)) if replaced is None else replaced.rest
    single: list[tuple[int, bytes | None]] = []
    starts, ends, data = values.starts[rest].tolist(), values.ends[rest].tolist(), values.data
    for number, start, end in zip(rest.tolist(), starts, ends, strict=True):
        value = data[start:end]
        text = mask(value)
        if text is not value:
            single.append((number, text))
    count = len(single) + (len(replaced.which) if replaced is not None else 0)
    return Masked(replaced, single, count)
