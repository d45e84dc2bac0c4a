"""Follows a topic for a read model. Kafka may be away at the start or later: it goes on by itself."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from infra.clock import Clock
from infra.kafka.bus import Bus, BusUnavailable, Received, Rejected, Subscription
from schemas.topics import Topic

_RETRY = 1.0  # seconds between attempts to reach Kafka

log = structlog.get_logger()


class Following:
    """One topic, from `reach` ago on, or from its beginning where that is None. `take` is called with each
    event that may be believed, in order."""

    def __init__(
        self, bus: Bus, topic: Topic, reach: timedelta | None, take: Callable[[Received], None], clock: Clock
    ) -> None:
        self._bus = bus
        self._topic = topic
        self._reach = reach
        self._take = take
        self._clock = clock
        self.read_up = asyncio.Event()
        """Set once the topic has been read up to what was there."""

    @property
    def is_current(self) -> bool:
        """Whether all that Kafka held was taken once, and Kafka answers."""
        return self.read_up.is_set() and self._bus.is_reachable

    async def run(self) -> None:
        """Follows until it is cancelled. The bus is, or will be, connected."""
        while True:
            try:
                subscription = await self._subscribe()
            except BusUnavailable as error:
                log.warning("topic_unreachable", topic=self._topic.name, reason=str(error))
                await asyncio.sleep(_RETRY)
                continue
            try:
                await self._follow(subscription)
            except BusUnavailable as error:
                log.warning("topic_lost", topic=self._topic.name, reason=str(error))
            finally:
                await subscription.close()

    async def _subscribe(self) -> Subscription:
        if self._reach is not None:
            return await self._bus.consume_since(self._topic, self._clock() - self._reach)
        beginning = {(self._topic.name, partition): 0 for partition in range(self._topic.partitions)}
        return await self._bus.consume_from(beginning)

    async def _follow(self, subscription: Subscription) -> None:
        ends = await subscription.ends()
        behind = True
        async for batch in subscription.batches():
            for received in batch:
                if isinstance(received, Rejected):
                    # The processors report it as EventRejected; here it only must not count.
                    log.warning("event_rejected", reason=received.reason, offset=received.offset)
                else:
                    self._take(received)
            if behind:
                positions = await subscription.positions()
                behind = any(positions[place] < end for place, end in ends.items())
                if not behind:
                    self.read_up.set()
