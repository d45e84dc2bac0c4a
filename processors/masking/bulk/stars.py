"""What finders give, and how stars are written."""

from dataclasses import dataclass

from processors.masking.bulk.values import Octets, Positions, spread

_STAR = 0x2A


@dataclass(frozen=True, slots=True)
class Finds:
    """What a detector finds in many values: `values[i]` is the number of the value, and its bytes from
    `starts[i]` to `ends[i]` become stars. `doubtful`: numbers of values that only the detector itself can
    judge, which may be among `values` too."""

    values: Positions
    starts: Positions
    ends: Positions
    doubtful: Positions


def write_stars(octets: Octets, starts: Positions, ends: Positions) -> None:
    """Stars over these ranges."""
    octets[spread(starts, ends)] = _STAR
