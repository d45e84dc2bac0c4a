"""Budgets over real Kafka and Faust: a principal's commands come in on all partitions, to several workers."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support.builders import Document
from support.commands import READ, requested
from support.processes import stop
from support.processors_role import Listener, write_processors
from support.wait import eventually

from infra.clock import now
from infra.kafka.address import KafkaAddress
from infra.kafka.bus import Bus
from infra.kafka.embedded import EmbeddedKafka
from infra.keys import keyring, signer
from schemas.envelope import envelope
from schemas.events import CommandAbandoned, CommandAllowed, CommandDenied, CommandFinished, CommandRequested
from schemas.ids import uuid7
from schemas.topics import VERDICTS
from schemas.vocabulary import Outcome, Principal, PrincipalKind, Role

RULES: tuple[Document, ...] = (
    {
        "name": "counted",
        "when": {"intents": ["read"]},
        "verdict": "allow",
        "limits": {"commands": "20/h", "rows": [40, "100/h"]},
    },
)


@pytest.fixture(scope="module")
def config(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_processors(tmp_path_factory.mktemp("budgets"), kafka.bootstrap, RULES)


@pytest_asyncio.fixture
async def ingress(config: Path, kafka: EmbeddedKafka) -> AsyncIterator[Bus]:
    state = config.parent / "state"
    bus = Bus(KafkaAddress(kafka.bootstrap), signer(state, Role.INGRESS), keyring(state))
    await bus.start()
    yield bus
    await bus.stop()


@pytest_asyncio.fixture
async def said(ingress: Bus) -> AsyncIterator[Listener]:
    listener = Listener(await ingress.consume(VERDICTS))
    task = asyncio.create_task(listener.run())
    yield listener
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await listener.subscription.close()


def asked(principal: str) -> CommandRequested:
    """A read in a session of its own."""
    return requested(
        READ,
        at=now(),
        session=uuid7(now()),
        principal=Principal(principal, PrincipalKind.AGENT, ("agents",)),
        patience=timedelta(minutes=2),
    )


def finished(request: CommandRequested, rows: int) -> CommandFinished:
    about = request.envelope
    return CommandFinished(
        envelope=envelope(
            now(),
            about.node,
            session=about.session,
            command=about.command,
            principal=about.principal,
            resource=about.resource,
        ),
        outcome=Outcome.SUCCEEDED,
        rows=rows,
        bytes=10,
        microseconds=5,
        error_code="",
        error="",
        masked=(),
    )


async def verdict(said: Listener, request: CommandRequested) -> CommandAllowed | CommandDenied:
    command = request.envelope.command

    def heard() -> list[CommandAllowed | CommandDenied]:
        return [*said.of(CommandAllowed, command), *said.of(CommandDenied, command)]

    return (await eventually(heard, seconds=60, what="the verdict"))[0]


async def test_a_budget_is_one_for_all_sessions_and_workers(
    workers: Any, ingress: Bus, said: Listener
) -> None:
    await asyncio.gather(workers("one"), workers("two"))
    requests = [asked("parallel") for _ in range(40)]
    for request in requests:
        await ingress.publish(request)
    verdicts = [await verdict(said, request) for request in requests]
    allowed = [event for event in verdicts if isinstance(event, CommandAllowed)]
    assert sorted(event.obligations.rows or 0 for event in allowed) == [20, 40, 40], "the rows are reserved"
    denied = [event for event in verdicts if isinstance(event, CommandDenied)]
    assert all(event.rule == "counted" and event.retry_at is not None for event in denied)
    assert "its budget of 100 rows in 1 hour is used up" in denied[0].message


async def test_what_was_not_used_comes_back_until_the_commands_are_used_up(
    workers: Any, ingress: Bus, said: Listener
) -> None:
    await workers("one")
    allowed = 0
    for _ in range(200):
        request = asked("frugal")
        await ingress.publish(request)
        event = await verdict(said, request)
        if isinstance(event, CommandDenied):  # the end of those before was not seen yet
            assert "100 rows" in event.message
            continue
        allowed += 1
        if allowed % 2:
            await ingress.publish_durably(finished(request, rows=1))
        else:
            await ingress.publish_durably(
                CommandAbandoned(envelope=finished(request, 0).envelope, reason="left")
            )
        if allowed == 20:
            break
    request = asked("frugal")
    await ingress.publish(request)
    event = await verdict(said, request)
    assert isinstance(event, CommandDenied)
    assert "its budget of 20 commands in 1 hour is used up: 20 used" in event.message


async def test_what_was_used_survives_restarts(workers: Any, ingress: Bus, said: Listener) -> None:
    worker = await workers("first")
    for by in (signal.SIGKILL, signal.SIGTERM):
        principal = f"restarted-{by.name}"
        requests = [asked(principal) for _ in range(3)]
        for request in requests:
            await ingress.publish(request)
            await verdict(said, request)
        stop(worker.process, by=by)
        late = asked(principal)
        await ingress.publish_durably(late)
        worker = await workers(f"after-{by.name}")
        event = await verdict(said, late)
        assert isinstance(event, CommandDenied), "the rows are reserved by what is under way"
        for request in requests:
            verdicts = said.of(CommandAllowed, request.envelope.command)
            assert len({(one.envelope.id, one.obligations.rows) for one in verdicts}) == 1
        await ingress.publish_durably(finished(requests[0], rows=5))

        async def once_more(principal: str = principal) -> bool:
            request = asked(principal)
            await ingress.publish(request)
            return isinstance(await verdict(said, request), CommandAllowed)

        await eventually(once_more, seconds=60, every=0.2, what="what the first command did not use")
