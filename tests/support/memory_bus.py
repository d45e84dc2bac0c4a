"""A bus without Kafka: what was published, and when each event becomes durable is for the test to say."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from schemas.events import Event


@dataclass
class MemoryBus:
    """`durable_at_once` False: each future is done by `confirm` or `refuse`."""

    durable_at_once: bool = True
    published: list[tuple[Event, int | None]] = field(default_factory=list)
    waiting: list[asyncio.Future[Any]] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        return [event for event, _ in self.published]

    async def publish(self, event: Event, *, partition: int | None = None) -> asyncio.Future[Any]:
        self.published.append((event, partition))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.durable_at_once:
            future.set_result(None)
        else:
            self.waiting.append(future)
        return future

    def confirm(self) -> None:
        """The oldest event still waiting is durable."""
        self.waiting.pop(0).set_result(None)

    def refuse(self, error: Exception) -> None:
        """Kafka does not take the oldest event still waiting."""
        self.waiting.pop(0).set_exception(error)
