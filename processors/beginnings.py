"""Reads partitions that were never committed from their beginning again, once Faust has taken them over.

While Faust (0.15.3) restores tables, its set of partitions to read from is empty for a moment, and to
aiokafka an empty set means all: what comes then is dropped (faust/transport/consumer.py, `getmany`). Faust
makes that good by seeking to the committed offsets (`perform_seek`), but where there is none it seeks
nowhere, and the first messages of a partition would never be answered. Reading them twice does no harm.
"""

import asyncio
from collections.abc import Collection
from typing import Any

_LOOK_EVERY = 0.01  # seconds; Faust has no signal for the end of a rebalance


async def never_committed(app: Any, topics: Collection[str]) -> list[Any]:
    """The assigned partitions of these topics without a committed offset. To be asked before any is read."""
    committed = await app.consumer.seek_to_committed()
    return [place for place, offset in committed.items() if place.topic in topics and offset is None]


async def read_from_the_beginning(app: Any, places: Collection[Any]) -> None:
    """Waits until Faust has finished its rebalance, and seeks these partitions to their first offsets."""
    while app.rebalancing:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_EVERY)
    here = [place for place in places if place in app.consumer.assignment()]
    if here:
        first = await app.consumer.earliest_offsets(*here)
        for place in here:
            await app.consumer.seek(place, first[place])
