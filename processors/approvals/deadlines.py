"""Which approvals are due now."""

import heapq
from collections.abc import Iterator
from datetime import datetime


class Deadlines:
    """Approvals by when they are due. One may be set again; its latest time counts."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._at: dict[str, datetime] = {}

    def set(self, approval: str, at: datetime) -> None:
        """The approval is due at this time, and at no other."""
        if self._at.get(approval) != at:
            self._at[approval] = at
            heapq.heappush(self._heap, (at, approval))

    def clear(self) -> None:
        self._heap.clear()
        self._at.clear()

    def due(self, now: datetime) -> list[str]:
        """The approvals whose time has come, the earliest first; each is given once."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            at, approval = heapq.heappop(self._heap)
            if self._at.get(approval) == at:
                del self._at[approval]
                found.append(approval)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)
