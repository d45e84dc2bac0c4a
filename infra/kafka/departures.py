"""Records on their way to Kafka: at once while there are few, together while there are many.

Each request to Kafka costs its sender, the broker and the network about as much as ten records do. While
little is under way a record leaves at once. Once more is, what comes waits until all of that has arrived, or
for a few milliseconds, and leaves together (as Nagle's algorithm has it for TCP, RFC 896).
"""

import asyncio
import contextlib
from collections import deque
from functools import partial
from typing import Any, Protocol

_BUSY = 2  # records under way from which on it pays to gather
_GATHER = 0.005  # seconds it gathers for at most
_MOST = 10_000  # records waiting here before who publishes must wait


class Producer(Protocol):
    """What is used of aiokafka's producer."""

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes, partition: int
    ) -> "asyncio.Future[Any]": ...


class Departures:
    """The order of records is the order in which they were put."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._waiting: deque[tuple[str, bytes | None, bytes, int, asyncio.Future[Any]]] = deque()
        self._under_way = 0
        self._arrived_all = asyncio.Event()
        self._news = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._room = asyncio.Event()
        self._room.set()
        self._task = asyncio.create_task(self._run())

    async def put(self, topic: str, value: bytes, key: bytes, partition: int) -> "asyncio.Future[Any]":
        """The future is done once the record is durable, or has aiokafka's error.

        Waits while too many records wait.
        """
        await self._room.wait()
        return self.add(topic, value, key, partition)

    def add(self, topic: str, value: bytes | None, key: bytes, partition: int) -> "asyncio.Future[Any]":
        """The same at once, however many wait: for who is held up elsewhere."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((topic, value, key, partition, future))
        if len(self._waiting) >= _MOST:
            self._room.clear()
        self._empty.clear()
        self._news.set()
        return future

    async def stop(self, seconds: float) -> None:
        """Hands over what waits, for at most so long; what is left is cancelled."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for *_, future in self._waiting:
            future.cancel()
        self._waiting.clear()

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if self._under_way >= _BUSY:
                await self._gather()
            while self._waiting:
                topic, value, key, partition, future = self._waiting.popleft()
                self._room.set()
                try:
                    sent = await self._producer.send(topic, value, key=key, partition=partition)
                except Exception as error:  # whatever it is, who waits must hear it
                    _fail(future, error)
                    continue
                self._under_way += 1
                sent.add_done_callback(partial(self._arrived, future))
            self._empty.set()

    async def _gather(self) -> None:
        self._arrived_all.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GATHER):
                await self._arrived_all.wait()

    def _arrived(self, future: "asyncio.Future[Any]", sent: "asyncio.Future[Any]") -> None:
        self._under_way -= 1
        if not self._under_way:
            self._arrived_all.set()
        if sent.cancelled():
            future.cancel()
        elif (error := sent.exception()) is not None:
            _fail(future, error)
        elif not future.done():
            future.set_result(None)


def _fail(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
