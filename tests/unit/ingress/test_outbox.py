"""Requests fail loudly, reports are tried again, and the order is kept."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from support.memory_bus import MemoryBus
from support.wait import eventually

from infra.kafka.bus import Bus, BusUnavailable
from ingress import outbox as module
from ingress.outbox import Outbox
from schemas.envelope import envelope
from schemas.events import Event, SessionClosed

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def closed(reason: str) -> SessionClosed:
    return SessionClosed(envelope=envelope(NOW, "n", session="s"), reason=reason)


def reasons(bus: MemoryBus) -> list[str]:
    return [event.reason for event in bus.events if isinstance(event, SessionClosed)]


async def settled() -> None:
    """Lets everything that is ready run."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus(durable_at_once=False)


@pytest.fixture
def outbox(bus: MemoryBus) -> Outbox:
    return Outbox(cast(Bus, bus))


async def test_events_leave_in_order_without_waiting_for_each_other(bus: MemoryBus, outbox: Outbox) -> None:
    outbox.start()
    for number in range(5):
        outbox.report(closed(str(number)))
    await eventually(lambda: len(bus.published) == 5)
    assert reasons(bus) == ["0", "1", "2", "3", "4"]
    for _ in range(5):
        bus.confirm()
    assert await outbox.stop(1) == 0


async def test_a_request_that_kafka_does_not_take_fails_and_is_not_tried_again(
    bus: MemoryBus, outbox: Outbox
) -> None:
    outbox.start()
    failures: list[str] = []
    outbox.request(closed("asked"), lambda: failures.append("failed"))
    await settled()
    bus.refuse(BusUnavailable("no"))
    await settled()
    assert failures == ["failed"]
    assert await outbox.stop(1) == 0
    assert reasons(bus) == ["asked"]


async def test_a_report_is_tried_again_until_it_is_durable(
    bus: MemoryBus, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY_AFTER", 0.001)
    outbox.start()
    durable = outbox.report_durably(closed("told"))
    await eventually(lambda: bus.published)
    bus.refuse(BusUnavailable("no"))
    await eventually(lambda: len(bus.published) == 2)
    assert not durable.done()
    bus.confirm()
    await asyncio.wait_for(durable, 5)
    assert reasons(bus) == ["told", "told"]
    assert await outbox.stop(1) == 0


async def test_what_is_not_durable_at_the_end_is_counted(bus: MemoryBus, outbox: Outbox) -> None:
    outbox.start()
    outbox.report(closed("never"))
    await eventually(lambda: bus.published)
    assert await outbox.stop(0.01) == 1


async def test_what_is_no_event_fails_alone(bus: MemoryBus, outbox: Outbox) -> None:
    """Our own fault, met once: an event that the codec did not take."""
    taken = bus.publish

    async def publish(event: Event, *, partition: int | None = None) -> asyncio.Future[Any]:
        if isinstance(event, SessionClosed) and event.reason == "odd":
            raise ValueError("no union of it")
        return await taken(event, partition=partition)

    bus.publish = publish  # type: ignore[method-assign]
    outbox.start()
    failures: list[str] = []
    outbox.request(closed("odd"), lambda: failures.append("failed"))
    odd = outbox.report_durably(closed("odd"))
    outbox.report(closed("even"))
    await eventually(lambda: reasons(bus) == ["even"])
    bus.confirm()
    assert failures == ["failed"]
    assert odd.cancelled()
    assert await outbox.stop(1) == 0
