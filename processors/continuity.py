"""Has every event of a partition taken once and in order, whatever Faust leaves out or gives twice.

Faust (0.15.3) drops what it has fetched where a rebalance, or the restoring of tables, comes between
(faust/transport/consumer.py, `getmany`). It makes that good by seeking to the committed offsets, but nowhere
where nothing was committed; and what it still hands out of an older fetch while it seeks moves its own mark
(`_read_offset`) past the messages that it then reads again and takes for old ones. On a busy machine a
command was lost so: never answered, and no longer there for the next worker. The topics read here have no
gaps between their offsets, so a gap is an event that is to be read again.
"""

from collections.abc import Collection, Mapping
from typing import Any

import structlog
from aiokafka.errors import IllegalStateError

_log = structlog.get_logger()

Place = tuple[str, int]
"""Topic and partition; Faust's own `TP` is one."""


class Continuity:
    """The offset that is next in each partition."""

    def __init__(self) -> None:
        self._next: dict[Place, int] = {}
        self._last_seen: dict[Place, int] = {}

    def begin(self, first: Mapping[Place, int]) -> None:
        """A new assignment: these partitions and no others, from these offsets."""
        self._next = dict(first)
        self._last_seen = {}

    def takes(self, place: Place, offset: int) -> bool:
        """Whether this is the event to take now; the one after it is then next.

        False for one that was taken before, for one after a gap (it will be read again), and for
        one of a partition that is not, or no longer, ours."""
        if self._next.get(place) != offset:
            return False
        self._next[place] = offset + 1
        return True

    def missing(self, ends: Mapping[Place, int]) -> dict[Place, int]:
        """Where to read again, from which offset: there are events, but none was taken since the last look.

        `ends`: the offset after the last event of each partition. An event that merely waits for its turn
        may be read twice so, and is taken once."""
        waiting = {place: offset for place, offset in self._next.items() if ends.get(place, 0) > offset}
        stuck = {place: offset for place, offset in waiting.items() if self._last_seen.get(place) == offset}
        self._last_seen = waiting
        return stuck

    def skip(self, place: Place, offset: int) -> None:
        """The events before this offset are gone."""
        self._next[place] = offset


async def beginnings(app: Any, topics: Collection[str]) -> dict[Place, int]:
    """Where to begin in the assigned partitions of these topics: at what was committed, or the first event.

    To be asked before anything is read."""
    committed = {
        place: offset
        for place, offset in (await app.consumer.seek_to_committed()).items()
        if place.topic in topics
    }
    first = await app.consumer.earliest_offsets(*committed)
    return {place: max(offset or 0, first[place]) for place, offset in committed.items()}


async def read_again(app: Any, continuity: Continuity) -> None:
    """One look: has Faust read again what it left out. To be called every half second."""
    if app.rebalancing:
        return
    consumer = app.consumer
    try:
        ends = {place: consumer.highwater(place) or 0 for place in consumer.assignment()}
        missing = continuity.missing(ends)
        first = await consumer.earliest_offsets(*missing) if missing else {}
        for place, offset in missing.items():
            if first[place] > offset:
                # Kafka keeps events for longer than any worker is away: this is for a person to look at.
                _log.error(
                    "events_gone", topic=place[0], partition=place[1], first=offset, after=first[place]
                )
                continuity.skip(place, first[place])
            _log.warning("read_again", topic=place[0], partition=place[1], offset=offset)
            await consumer.seek(place, max(offset, first[place]))
    except (AssertionError, IllegalStateError):
        # aiokafka's two ways to say that a partition went to another worker meanwhile.
        return
