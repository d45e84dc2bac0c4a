"""Whether reviewers can be reached: whether some process of the API lives, by its heartbeats."""

from datetime import datetime, timedelta

import structlog

from infra.clock import Clock
from infra.kafka.bus import Received, Subscription
from schemas.events import NodeHeartbeat
from schemas.vocabulary import Role

_log = structlog.get_logger()

GONE_AFTER = timedelta(seconds=10)
"""Without a sign of life; one comes every five seconds."""


class Presence:
    """The last sign of life of the API. Until one could have come, it is taken to be there."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock()
        self._was_gone = False

    def heard(self, beat: NodeHeartbeat) -> None:
        """A process of the gateway lives."""
        if beat.role is Role.API:
            self._last = self._clock()

    def is_gone(self, now: datetime) -> bool:
        """Whether no process of the API has been heard of for so long that nobody can decide."""
        gone = now - self._last >= GONE_AFTER
        if gone != self._was_gone:
            self._was_gone = gone
            _log.warning("reviewers_unreachable" if gone else "reviewers_back")
        return gone

    async def follow(self, subscription: Subscription) -> None:
        """Hears all that the subscription brings, until it is cancelled; then closes it."""
        try:
            async for batch in subscription.batches():
                for item in batch:
                    if isinstance(item, Received) and isinstance(item.event, NodeHeartbeat):
                        self.heard(item.event)
        finally:
            await subscription.close()
