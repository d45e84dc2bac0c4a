import asyncio
from typing import Any

import pytest
from support.commands import DELETE, NOW, READ, bundle, requested
from support.memory_bus import MemoryBus

from infra.kafka.bus import BusUnavailable
from processors.emission import Emission
from processors.policy.verdict import answer
from schemas.events import ApprovalPending, ApprovalRequested, CommandAllowed, Event


class Watched:
    """What an emission called."""

    def __init__(self) -> None:
        self.done = 0
        self.failures: list[BaseException] = []

    def finish(self) -> None:
        self.done += 1


@pytest.fixture
def watched() -> Watched:
    return Watched()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def said(facts: Any) -> tuple[Event, ...]:
    return answer(requested(facts, reply_to=9), 600, bundle(), NOW, "processors@test#1").events


async def test_one_event_is_acknowledged_once_it_is_durable(watched: Watched) -> None:
    bus = MemoryBus(durable_at_once=False)
    await Emission(bus, watched.failures.append).emit(said(READ), watched.finish, reply_to=9)
    await settle()
    assert watched.done == 0
    bus.confirm()
    await settle()
    assert (watched.done, watched.failures) == (1, [])


async def test_verdicts_go_where_the_ingress_reads_and_the_rest_to_its_key(watched: Watched) -> None:
    bus = MemoryBus()
    emission = Emission(bus, watched.failures.append)
    await emission.emit(said(READ), reply_to=9)
    await emission.emit(said(DELETE), reply_to=9)
    await emission.drain()
    assert [(type(event), partition) for event, partition in bus.published] == [
        (CommandAllowed, 9),
        (ApprovalRequested, None),
        (ApprovalPending, 9),
    ]


async def test_the_last_event_waits_until_all_that_led_to_it_is_durable(watched: Watched) -> None:
    """What is kept and what is said before it go to Kafka together."""
    kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    bus = MemoryBus(durable_at_once=False)
    events = said(DELETE)
    await Emission(bus, watched.failures.append).emit(
        (events[0], *events), watched.finish, reply_to=9, before=kept, orders=[(said(READ)[0], 3)]
    )
    await settle()
    assert [type(event) for event in bus.events] == [ApprovalRequested, ApprovalRequested]
    bus.confirm()
    bus.confirm()
    await settle()
    assert len(bus.events) == 2
    kept.set_result(None)
    await settle()
    assert [type(event) for event in bus.events[2:]] == [ApprovalPending]
    bus.confirm()
    await settle()
    assert [(type(event), partition) for event, partition in bus.published[3:]] == [(CommandAllowed, 3)]
    assert watched.done == 0
    bus.confirm()
    await settle()
    assert watched.done == 1


async def test_the_next_event_waits_until_the_one_before_is_durable(watched: Watched) -> None:
    bus = MemoryBus(durable_at_once=False)
    await Emission(bus, watched.failures.append).emit(said(DELETE), watched.finish, reply_to=9)
    await settle()
    assert [type(event) for event in bus.events] == [ApprovalRequested]
    bus.confirm()
    await settle()
    assert [type(event) for event in bus.events] == [ApprovalRequested, ApprovalPending]
    assert watched.done == 0
    bus.confirm()
    await settle()
    assert watched.done == 1


async def test_nothing_to_say_is_acknowledged_at_once(watched: Watched) -> None:
    await Emission(MemoryBus(), watched.failures.append).emit((), watched.finish)
    assert watched.done == 1


@pytest.mark.parametrize("facts", [None, READ])
async def test_what_else_must_be_written_is_waited_for(watched: Watched, facts: Any) -> None:
    written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    events = said(facts) if facts else ()
    await Emission(MemoryBus(), watched.failures.append).emit(events, watched.finish, after=written)
    await settle()
    assert watched.done == 0
    written.set_result(None)
    await settle()
    assert watched.done == 1


async def test_the_next_ones_do_not_wait(watched: Watched) -> None:
    bus = MemoryBus(durable_at_once=False)
    emission = Emission(bus, watched.failures.append)
    for _ in range(3):
        await emission.emit(said(READ), watched.finish, reply_to=9)
    assert len(bus.published) == 3


class TestFailure:
    async def test_an_event_kafka_does_not_take_is_not_acknowledged(self, watched: Watched) -> None:
        bus = MemoryBus(durable_at_once=False)
        await Emission(bus, watched.failures.append).emit(said(READ), watched.finish, reply_to=9)
        bus.refuse(BusUnavailable("gone"))
        await settle()
        assert watched.done == 0
        assert [str(error) for error in watched.failures] == ["gone"]

    async def test_nor_is_a_series_with_one(self, watched: Watched) -> None:
        bus = MemoryBus(durable_at_once=False)
        await Emission(bus, watched.failures.append).emit(said(DELETE), watched.finish, reply_to=9)
        await settle()
        bus.refuse(BusUnavailable("gone"))
        await settle()
        assert (watched.done, len(watched.failures), len(bus.published)) == (0, 1, 1)

    async def test_nor_one_whose_state_was_not_written(self, watched: Watched) -> None:
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await Emission(MemoryBus(), watched.failures.append).emit((), watched.finish, after=written)
        await settle()
        written.set_exception(BusUnavailable("gone"))
        await settle()
        assert (watched.done, len(watched.failures)) == (0, 1)

    async def test_nor_one_that_is_not_even_taken(self, watched: Watched) -> None:
        class Refusing(MemoryBus):
            async def publish(self, event: Event, *, partition: int | None = None) -> asyncio.Future[Any]:
                raise BusUnavailable("not connected")

        await Emission(Refusing(), watched.failures.append).emit(said(READ), watched.finish, reply_to=9)
        assert (watched.done, len(watched.failures)) == (0, 1)


async def test_drain_returns_when_all_is_said(watched: Watched) -> None:
    bus = MemoryBus(durable_at_once=False)
    emission = Emission(bus, watched.failures.append)
    await emission.emit(said(READ), watched.finish, reply_to=9)
    draining = asyncio.ensure_future(emission.drain())
    await settle()
    assert not draining.done()
    bus.confirm()
    await draining
    assert watched.done == 1
