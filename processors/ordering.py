"""Acknowledges in order what is finished in any order."""

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass(slots=True)
class _Entry:
    acknowledge: Callable[[], object]
    is_finished: bool = False


class InOrder:
    """One queue a lane: an entry is acknowledged when it and all that began before it are finished.

    A lane is a partition of Kafka. Faust commits up to the highest acknowledged offset of which it sees
    no gap, and it does not see one at the very beginning of a partition, or of a single message: with
    acknowledgements out of order, a worker that is killed would leave messages behind for good.
    """

    def __init__(self) -> None:
        self._lanes: dict[Hashable, deque[_Entry]] = {}

    def begin(self, lane: Hashable, acknowledge: Callable[[], object]) -> Callable[[], None]:
        """Takes the next place in the lane; call what is returned when its work is done."""
        entry = _Entry(acknowledge)
        self._lanes.setdefault(lane, deque()).append(entry)

        def finish() -> None:
            entry.is_finished = True
            self._advance(lane)

        return finish

    def _advance(self, lane: Hashable) -> None:
        entries = self._lanes.get(lane)
        while entries and entries[0].is_finished:
            entries.popleft().acknowledge()
        if not entries:
            self._lanes.pop(lane, None)
