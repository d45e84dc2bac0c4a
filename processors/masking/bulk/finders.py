"""Several detectors over many values."""

from collections.abc import Callable, Mapping

import numpy as np

from processors.masking.bulk.card_numbers import find_card_numbers
from processors.masking.bulk.emails import find_emails
from processors.masking.bulk.stars import Finds, write_stars
from processors.masking.bulk.values import Flags, Octets, Values
from processors.masking.scan import Scanner, make_scanner

FINDERS: Mapping[str, Callable[[Values], Finds]] = {
    "card_number": find_card_numbers,
    "email": find_emails,
}
"""By detector's name: what it would find in each of many values."""


def without_finder(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of these detectors that look at one value at a time."""
    return tuple(name for name in names if name not in FINDERS)


def find(values: Values, scanner: Scanner) -> tuple[dict[int, Finds], Flags]:
    """What each detector with a finder finds, by its number; and which values are doubtful, also because
    another detector has a candidate there."""
    doubtful = np.zeros(len(values.starts), np.bool_)
    finds: dict[int, Finds] = {}
    if not len(values.starts):
        return finds, doubtful
    for number, name in enumerate(scanner.names):
        if name in FINDERS:
            finds[number] = FINDERS[name](values)
            doubtful[finds[number].doubtful] = True
    if others := without_finder(scanner.names):
        at = np.array([position for position, _ in make_scanner(others).candidates(values.data)], np.intp)
        held = values.holding(at)
        doubtful[held[held >= 0]] = True
    return finds, doubtful


def write_found(finds: Mapping[int, Finds], doubtful: Flags, octets: Octets, counts: list[int]) -> None:
    """Stars over what was found in values that are not doubtful. Adds to `counts`, by detector's number."""
    for number, found in finds.items():
        certain = ~doubtful[found.values]
        counts[number] += int(certain.sum())
        write_stars(octets, found.starts[certain], found.ends[certain])
