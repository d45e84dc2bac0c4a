"""Keeps the inbox up to date from Kafka, and tells those who listen. The only reader of the approvals topic
here."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import structlog

from api.inbox import Change, Inbox, Position
from infra.clock import Clock, now
from infra.kafka.bus import Bus, BusUnavailable, Received
from infra.kafka.following import Following
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
        self._following = Following(bus, APPROVALS, REACH, self._take, clock)
        self._listeners: set[Listener] = set()

    @property
    def read_up(self) -> asyncio.Event:
        """Set once the topic has been read up to what was there."""
        return self._following.read_up

    @property
    def obstacle(self) -> str | None:
        """Why the inbox may not be what Kafka holds; None when it is."""
        if not self._bus.is_reachable:
            return "Kafka does not answer, so the queue of approvals cannot be read."
        if not self._following.is_current:
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
        """Connects, and follows the approvals topic until it is cancelled."""
        await self._connect()
        await self._following.run()

    async def _connect(self) -> None:
        while True:
            try:
                return await self._bus.start()
            except BusUnavailable as error:
                log.warning("kafka_unreachable", reason=str(error))
                await asyncio.sleep(_RETRY)

    def _take(self, received: Received) -> None:
        change = self.inbox.apply(received.event, Position(received.partition, received.offset))
        if change is not None:
            self.tell(change)

    def tell(self, change: Change) -> None:
        """Tells all who listen."""
        for listener in self._listeners:
            listener.tell(change)
