"""Keeps the inbox up to date from Kafka, and tells those who listen. The only reader of the approvals topic
here; Kafka may be away at the start or later, and this goes on by itself when it is back."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import structlog

from api.inbox import Change, Inbox, Position
from infra.clock import Clock, now
from infra.kafka.bus import Bus, BusUnavailable, Rejected, Subscription
from schemas.topics import APPROVALS

REACH = timedelta(days=8)  # how far back the inbox is read at the start
_RETRY = 1.0  # seconds between attempts to reach Kafka
_MOST_UNREAD = 1000  # changes a listener may fall behind before it is cut off

log = structlog.get_logger()


class Behind(Exception):
    """The listener fell too far behind and was cut off; it must start over."""


class Listener:
    """The changes since it began to listen, in order."""

    def __init__(self) -> None:
        self._changes: asyncio.Queue[Change | None] = asyncio.Queue(_MOST_UNREAD)
        self._lost = False

    def tell(self, change: Change) -> None:
        try:
            self._changes.put_nowait(change)
        except asyncio.QueueFull:
            self._lost = True

    def stop(self) -> None:
        """Lets it hear nothing more."""
        self._lost = True
        with suppress(asyncio.QueueFull):
            self._changes.put_nowait(None)  # wakes who waits

    async def next(self) -> Change:
        """The next change. Raises Behind when some were lost, or it was stopped."""
        if self._lost:
            raise Behind
        change = await self._changes.get()
        if change is None:
            raise Behind
        return change


class Feed:
    """The inbox, kept up to date while `run` runs."""

    def __init__(self, bus: Bus, inbox: Inbox, clock: Clock = now) -> None:
        self.inbox = inbox
        self._bus = bus
        self._clock = clock
        self.read_up = asyncio.Event()
        """Set once the topic has been read up to what was there."""
        self._listeners: set[Listener] = set()

    @property
    def obstacle(self) -> str | None:
        """Why the inbox may not be what Kafka holds; None when it is."""
        if not self._bus.is_reachable:
            return "Kafka does not answer, so the queue of approvals cannot be read."
        if not self.read_up.is_set():
            return "The queue of approvals is still being read from Kafka."
        return None

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """Changes from now on."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def run(self) -> None:
        """Follows the approvals topic until it is cancelled."""
        await self._connect()
        while True:
            try:
                subscription = await self._bus.consume_since(APPROVALS, self._clock() - REACH)
            except BusUnavailable as error:
                log.warning("approvals_unreachable", reason=str(error))
                await asyncio.sleep(_RETRY)
                continue
            try:
                await self._follow(subscription)
            except BusUnavailable as error:
                log.warning("approvals_lost", reason=str(error))
            finally:
                await subscription.close()

    async def _connect(self) -> None:
        while True:
            try:
                return await self._bus.start()
            except BusUnavailable as error:
                log.warning("kafka_unreachable", reason=str(error))
                await asyncio.sleep(_RETRY)

    async def _follow(self, subscription: Subscription) -> None:
        ends = await subscription.ends()
        behind = True
        async for batch in subscription.batches():
            for received in batch:
                if isinstance(received, Rejected):
                    # The processors report it as EventRejected; here it only must not count.
                    log.warning("event_rejected", reason=received.reason, offset=received.offset)
                    continue
                change = self.inbox.apply(received.event, Position(received.partition, received.offset))
                if change is not None:
                    self._tell(change)
            if behind:
                positions = await subscription.positions()
                behind = any(positions[place] < end for place, end in ends.items())
                if not behind:
                    self.read_up.set()

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            listener.tell(change)
