"""Records leave in the order they came, alone or together; nobody who waits for one is forgotten."""

import asyncio
from typing import Any

import pytest
from support.wait import eventually

from infra.kafka.departures import Departures


class Kafka:
    """Takes records, and says so when a test wants it."""

    def __init__(self) -> None:
        self.records: list[bytes | None] = []
        self.sent: list[asyncio.Future[Any]] = []
        self.refuses = False

    async def send(
        self, topic: str, value: bytes | None, *, key: bytes, partition: int
    ) -> "asyncio.Future[Any]":
        if self.refuses:
            raise OSError("no route")
        self.records.append(value)
        self.sent.append(asyncio.get_running_loop().create_future())
        return self.sent[-1]


async def test_records_leave_in_order_whether_few_or_many() -> None:
    kafka = Kafka()
    departures = Departures(kafka)
    values = [str(number).encode() for number in range(200)]
    futures = []
    for value in values:
        futures.append(await departures.put("t", value, b"k", 0))
        if len(futures) % 7 == 0:
            await asyncio.sleep(0)
    await eventually(lambda: len(kafka.records) == len(values))
    assert kafka.records == values
    for sent in kafka.sent:
        sent.set_result(None)
    await asyncio.gather(*futures)
    await departures.stop(1)


async def test_a_record_is_durable_when_kafka_says_so_and_not_before() -> None:
    kafka = Kafka()
    departures = Departures(kafka)
    future = await departures.put("t", b"v", b"k", 0)
    await eventually(lambda: kafka.sent)
    assert not future.done()
    kafka.sent[0].set_result(None)
    await asyncio.wait_for(future, 5)
    await departures.stop(1)


async def test_who_waits_hears_of_a_failure() -> None:
    kafka = Kafka()
    departures = Departures(kafka)
    first = await departures.put("t", b"v", b"k", 0)
    await eventually(lambda: kafka.sent)
    kafka.sent[0].set_exception(OSError("broken"))
    with pytest.raises(OSError, match="broken"):
        await first
    kafka.refuses = True
    second = await departures.put("t", b"v", b"k", 0)
    with pytest.raises(OSError, match="no route"):
        await second
    await departures.stop(1)


async def test_the_end_waits_for_what_waits() -> None:
    kafka = Kafka()
    departures = Departures(kafka)
    for _ in range(20):
        await departures.put("t", b"v", b"k", 0)
    await departures.stop(5)
    assert len(kafka.records) == 20


async def test_what_cannot_wait_for_room_keeps_its_place() -> None:
    kafka = Kafka()
    departures = Departures(kafka)
    first = await departures.put("t", b"1", b"k", 0)
    second = departures.add("t", None, b"k", 0)
    third = await departures.put("t", b"3", b"k", 0)
    await eventually(lambda: len(kafka.records) == 3)
    assert kafka.records == [b"1", None, b"3"]
    for sent in kafka.sent:
        sent.set_result(None)
    await asyncio.gather(first, second, third)
    await departures.stop(1)
