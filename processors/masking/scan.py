"""The detectors of a plan over bytes: one Hyperscan pass finds candidates, Python's `re` confirms them."""

from collections.abc import Callable
from functools import lru_cache

import hyperscan

from processors.masking.detectors import DETECTORS, Detector

_NUMBER_BITS = 8
_NUMBER = (1 << _NUMBER_BITS) - 1


class Scanner:
    """Some detectors, ready to run. Holds no state between calls; for one thread.

    `names`: the detectors' names; the number of a detector is its place among them. `redactors`: by number,
    `Detector.redact` of each.
    """

    def __init__(self, detectors: tuple[Detector, ...]) -> None:
        self.names = tuple(detector.name for detector in detectors)
        self.redactors = tuple(detector.redact for detector in detectors)
        expressions = [trigger for detector in detectors for trigger in detector.triggers]
        numbers = [number for number, detector in enumerate(detectors) for _ in detector.triggers]
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(expressions=expressions, ids=numbers, elements=len(expressions), flags=0)

    def candidates(self, data: bytes) -> list[tuple[int, int]]:
        """Where a detector should look: positions inside candidates in rising order, with its number.

        `data` may be many values with framing between them.
        """
        ends: list[int] = []

        def note(number: int, start: int, end: int, flags: int, context: object) -> None:
            ends.append(end << _NUMBER_BITS | number)

        self._database.scan(data, note)
        ends.sort()
        # A trigger may end one byte after its value: two before the end is in the value either way.
        return [((end >> _NUMBER_BITS) - 2, end & _NUMBER) for end in ends]

    def finds_nothing(self, data: bytes) -> bool:
        """Whether there is no candidate at all. `data` may be many values with framing between them."""
        stopped: list[bool] = []

        def stop(number: int, start: int, end: int, flags: int, context: object) -> bool:
            stopped.append(True)
            return True

        try:
            self._database.scan(data, stop)
        except hyperscan.ScanTerminated:
            return False
        return not stopped

    def redact_all(
        self, value: bytes, counts: list[int], finish: Callable[[bytes], bytes] | None = None
    ) -> bytes:
        """One value with what the detectors find in it masked, in as many bytes, in the order of their first
        candidates; the same object when they find nothing. Adds to `counts`, by the detector's number.

        `finish`: what else becomes of a value in which a detector found something."""
        looked_for = 0
        for _, number in self.candidates(value):
            if looked_for >> number & 1:
                continue
            looked_for |= 1 << number
            value, count = self.redactors[number](value)
            counts[number] += count
            if count and finish is not None:
                value = finish(value)
        return value

    def count_all(self, value: bytes, counts: list[int]) -> bool:
        """Whether anything is found in one value that is not to be shown at all. Adds to `counts`."""
        found = False
        for number in {number for _, number in self.candidates(value)}:
            _, count = self.redactors[number](value)
            counts[number] += count
            found = found or count > 0
        return found


@lru_cache(maxsize=64)
def make_scanner(names: tuple[str, ...]) -> Scanner:
    """The scanner of these detectors. Raises ValueError for a name that is not in DETECTORS."""
    unknown = [name for name in names if name not in DETECTORS]
    if unknown:
        raise ValueError(f"no detector is called {', '.join(unknown)}")
    return Scanner(tuple(DETECTORS[name] for name in dict.fromkeys(names)))
