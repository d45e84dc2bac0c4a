"""Publishes what follows from an event and then acknowledges the event: what was acknowledged is durable."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import structlog

from infra.kafka.bus import BusUnavailable, durable
from schemas.events import Event
from schemas.topics import TOPIC_OF, VERDICTS

_log = structlog.get_logger()

_Placed = tuple[Event, int | None]
"""An event, and the partition it goes to instead of its key's own."""


class Publisher(Protocol):
    """What an emission needs of the bus."""

    async def publish(self, event: Event, *, partition: int | None = None) -> asyncio.Future[Any]:
        """Hands the event on; the future is done once it is durable. Raises BusUnavailable."""


def _nothing() -> None:
    """What there is to do when nobody waits for an event to be durable."""


class Emission:
    """Emits events in the background, so that the next message is decided meanwhile.

    `on_failure` is called when Kafka does not take an event. The process must end then: what was not
    acknowledged is read again by the next one, which says the same.
    """

    def __init__(self, bus: Publisher, on_failure: Callable[[BaseException], None]) -> None:
        self._bus = bus
        self._on_failure = on_failure
        self._under_way: set[asyncio.Future[Any]] = set()

    async def emit(
        self,
        events: Sequence[Event],
        done: Callable[[], object] = _nothing,
        *,
        reply_to: int | None = None,
        orders: Sequence[tuple[Event, int]] = (),
        before: Awaitable[object] | None = None,
        after: Awaitable[object] | None = None,
    ) -> None:
        """Publishes the events, the last once the others are durable, and calls `done` when all are.

        `reply_to`: the partition for verdicts. `orders`: what is said after them, each with the partition of
        the ingress it is for. `before`: what must be durable before the last event is said.
        `after`: what else must be done before `done` is called.
        Waits only while the client's buffer is full.
        """
        placed = [(event, _partition(event, reply_to)) for event in events]
        if not placed and not orders and before is None and after is None:
            done()
        elif len(placed) == 1 and not orders and before is None and after is None:
            # Nearly every command: no task is needed for it.
            try:
                future = await self._bus.publish(placed[0][0], partition=placed[0][1])
            except BusUnavailable as error:
                self._fail(error)
            else:
                self._watch(future, done)
        else:
            self._watch(asyncio.ensure_future(self._in_order(placed, orders, before, after)), done)

    async def drain(self) -> None:
        """Returns when nothing is under way."""
        while self._under_way:
            await asyncio.wait(tuple(self._under_way))

    async def _in_order(
        self,
        placed: Sequence[_Placed],
        orders: Sequence[_Placed],
        before: Awaitable[object] | None,
        after: Awaitable[object] | None,
    ) -> None:
        """Who acts on the last event finds all that led to it durable."""
        await self._publish(placed[:-1], *([before] if before is not None else []))
        await self._publish(placed[-1:])
        await self._publish(orders)
        if after is not None:
            await after

    async def _publish(self, placed: Sequence[_Placed], *others: Awaitable[object]) -> None:
        """Returns when all of them, and the others, are durable."""
        published = [await self._bus.publish(event, partition=partition) for event, partition in placed]
        await asyncio.gather(*map(durable, published), *others)

    def _watch(self, future: asyncio.Future[Any], done: Callable[[], object]) -> None:
        self._under_way.add(future)

        def finished(future: asyncio.Future[Any]) -> None:
            self._under_way.discard(future)
            if future.cancelled():
                return
            if error := future.exception():
                self._fail(error)
            else:
                done()

        future.add_done_callback(finished)

    def _fail(self, error: BaseException) -> None:
        _log.error("event_not_published", error=type(error).__name__, reason=str(error))
        self._on_failure(error)


def _partition(event: Event, reply_to: int | None) -> int | None:
    return reply_to if TOPIC_OF[type(event)] is VERDICTS else None
