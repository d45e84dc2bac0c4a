"""Events on their way from an ingress to Kafka, in order.

Two kinds: a request, which is worth nothing later (its failure refuses the command), and a report of what
happened, which must not be lost: it is tried again until Kafka takes it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from infra.kafka.bus import Bus, BusUnavailable, durable
from schemas.events import Event

_log = structlog.get_logger()
_RETRY_AFTER = 1.0  # seconds
_MOST = 200_000  # reports kept while Kafka is away; some 1 kB each


@dataclass(frozen=True, slots=True)
class _Entry:
    event: Event
    on_failure: Callable[[], None] | None  # None: try again
    durable: asyncio.Future[None] | None  # for a report whose sender wants to know


class Outbox:
    """Hands events to the bus one after the other, without waiting for each to be durable."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._entries: deque[_Entry] = deque()
        self._news = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def request(self, event: Event, on_failure: Callable[[], None]) -> None:
        """Publishes; `on_failure` is called when Kafka does not take it."""
        self._put(_Entry(event, on_failure, None))

    def report(self, event: Event) -> None:
        """Publishes, and tries again until it is durable."""
        self._put(_Entry(event, None, None))

    def report_durably(self, event: Event) -> asyncio.Future[None]:
        """As `report`; the future is done once the event is durable."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._put(_Entry(event, None, future))
        return future

    @property
    def is_full(self) -> bool:
        """So much is waiting for Kafka that no new session should begin."""
        return len(self._entries) >= _MOST

    async def stop(self, seconds: float) -> int:
        """Waits until all is durable, at most so long; how many events are lost."""
        try:
            async with asyncio.timeout(seconds):
                while self._entries or self._under_way:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pass
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        lost = len(self._entries) + len(self._under_way)
        for task in self._under_way:
            task.cancel()
        return lost

    def _put(self, entry: _Entry) -> None:
        self._entries.append(entry)
        self._news.set()

    async def _run(self) -> None:
        while True:
            while not self._entries:
                self._news.clear()
                await self._news.wait()
            entry = self._entries.popleft()
            try:
                confirmation = await self._bus.publish(entry.event)
            except BusUnavailable as error:
                await self._failed(entry, error)
                continue
            confirmation.add_done_callback(lambda done, entry=entry: self._confirmed(done, entry))

    def _confirmed(self, confirmation: asyncio.Future[object], entry: _Entry) -> None:
        if confirmation.cancelled() or confirmation.exception() is not None:
            task = asyncio.create_task(self._unconfirmed(confirmation, entry))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        elif entry.durable is not None and not entry.durable.done():
            entry.durable.set_result(None)

    async def _unconfirmed(self, confirmation: asyncio.Future[object], entry: _Entry) -> None:
        try:
            await durable(confirmation)
        except (BusUnavailable, asyncio.CancelledError) as error:
            await self._failed(entry, error)

    async def _failed(self, entry: _Entry, error: BaseException) -> None:
        if entry.on_failure is not None:
            entry.on_failure()
            return
        _log.warning("outbox.retry", event_type=type(entry.event).__name__, error=str(error))
        await asyncio.sleep(_RETRY_AFTER)
        self._put(entry)
