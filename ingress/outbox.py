"""Events on their way from an ingress to Kafka, in order.

Two kinds: a request, which is worth nothing later (its failure refuses the command), and a report of what
happened, which must not be lost: it is tried again until Kafka takes it.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from infra.kafka.bus import Bus, BusUnavailable
from schemas.events import Event

_log = structlog.get_logger()
_RETRY_AFTER = 1.0  # seconds
_REPORT_WITHIN = 0.02  # seconds a report may wait for a request to go along with
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
        self._all_durable = asyncio.Event()
        self._all_durable.set()
        self._open = 0  # entries that are neither durable nor given up
        self._retries: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
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
        return self._open >= _MOST

    async def stop(self, seconds: float) -> int:
        """Waits until all is durable, at most so long; how many events are lost."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._all_durable.wait()
        tasks = [*self._retries, *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return self._open

    def _put(self, entry: _Entry) -> None:
        self._open += 1
        self._all_durable.clear()
        self._entries.append(entry)
        if entry.on_failure is not None:
            self._news.set()  # a client waits for it
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_REPORT_WITHIN, self._news.set)

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            while self._entries:
                entry = self._entries.popleft()
                try:
                    confirmation = await self._bus.publish(entry.event)
                except BusUnavailable as error:
                    self._failed(entry, error)
                    continue
                except Exception:
                    self._give_up(entry)
                    continue
                confirmation.add_done_callback(partial(self._confirmed, entry))

    def _confirmed(self, entry: _Entry, confirmation: asyncio.Future[object]) -> None:
        if confirmation.cancelled():
            self._failed(entry, BusUnavailable("the connection to Kafka was closed"))
        elif (error := confirmation.exception()) is not None:
            self._failed(entry, error)
        else:
            if entry.durable is not None and not entry.durable.done():
                entry.durable.set_result(None)
            self._closed()

    def _closed(self) -> None:
        self._open -= 1
        if not self._open:
            self._all_durable.set()

    def _failed(self, entry: _Entry, error: BaseException) -> None:
        if entry.on_failure is not None:
            self._closed()
            entry.on_failure()
            return
        _log.warning("outbox.retry", event_type=type(entry.event).__name__, error=str(error))
        task = asyncio.create_task(self._retry(entry))
        self._retries.add(task)
        task.add_done_callback(self._retries.discard)

    def _give_up(self, entry: _Entry) -> None:
        """A fault of ours: no try would make these bytes. Those behind it go on."""
        _log.exception("outbox.not_an_event", event_type=type(entry.event).__name__)
        self._closed()
        if entry.on_failure is not None:
            entry.on_failure()
        if entry.durable is not None:
            entry.durable.cancel()

    async def _retry(self, entry: _Entry) -> None:
        await asyncio.sleep(_RETRY_AFTER)
        self._entries.append(entry)
        self._news.set()
