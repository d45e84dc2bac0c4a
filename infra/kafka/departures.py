"""Records on their way to Kafka: at once while there are few, together while there are many.

Each request to Kafka costs its sender, the broker and the network about as much as ten records do. While
little is under way a record leaves at once. The more is, the longer what comes waits to leave together.
"""

import asyncio
import contextlib
from collections import deque
from functools import partial
from typing import Any, Protocol

_BUSY = 2  # records under way from which on it pays to gather
_GATHER = 0.0003  # seconds to gather for, for each record under way …
_GATHER_MOST = 0.005  # … but no longer
_MOST = 10_000  # records waiting here before who publishes must wait


class Producer(Protocol):
    """What is used of aiokafka's producer."""

    async def send(
        self, topic: str, value: bytes, *, key: bytes, partition: int
    ) -> "asyncio.Future[Any]": ...


class Departures:
    """The order of records is the order in which they were put."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._waiting: deque[tuple[str, bytes, bytes, int, asyncio.Future[Any]]] = deque()
        self._under_way = 0
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
                await asyncio.sleep(min(_GATHER * self._under_way, _GATHER_MOST))
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

    def _arrived(self, future: "asyncio.Future[Any]", sent: "asyncio.Future[Any]") -> None:
        self._under_way -= 1
        if sent.cancelled():
            future.cancel()
        elif (error := sent.exception()) is not None:
            _fail(future, error)
        elif not future.done():
            future.set_result(None)


def _fail(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
