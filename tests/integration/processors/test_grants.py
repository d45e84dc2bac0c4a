"""Grants over real Kafka and Faust: a principal's commands come in on all partitions, to several workers."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support.builders import Document
from support.commands import DELETE, requested
from support.grants import FINGERPRINT, grant_issued, grant_revoked
from support.processes import stop
from support.processors_role import Listener, write_processors
from support.wait import eventually

from infra.clock import now
from infra.config import load
from infra.kafka.address import KafkaAddress
from infra.kafka.bus import Bus
from infra.kafka.embedded import EmbeddedKafka
from infra.keys import keyring, signer
from processors.configured import bundle_of
from schemas.events import (
    ApprovalPending,
    CommandAllowed,
    CommandRequested,
    CommandRevoked,
    GrantIssued,
    GrantRevoked,
)
from schemas.ids import uuid7
from schemas.topics import VERDICTS
from schemas.vocabulary import Principal, PrincipalKind, Role

RULES: tuple[Document, ...] = (
    {
        "name": "reviewed",
        "when": {"intents": ["write"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "grants": {"kinds": ["pattern"], "longest": "1h"}},
    },
)


@pytest.fixture(scope="module")
def config(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_processors(tmp_path_factory.mktemp("grants"), kafka.bootstrap, RULES)


@pytest_asyncio.fixture
async def buses(config: Path, kafka: EmbeddedKafka) -> AsyncIterator[dict[Role, Bus]]:
    state = config.parent / "state"
    found = {
        role: Bus(KafkaAddress(kafka.bootstrap), signer(state, role), keyring(state))
        for role in (Role.INGRESS, Role.PROCESSORS, Role.API)
    }
    for bus in found.values():
        await bus.start()
    yield found
    for bus in found.values():
        await bus.stop()


@pytest_asyncio.fixture
async def said(buses: dict[Role, Bus]) -> AsyncIterator[Listener]:
    listener = Listener(await buses[Role.INGRESS].consume(VERDICTS))
    task = asyncio.create_task(listener.run())
    yield listener
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await listener.subscription.close()


def asked(principal: str) -> CommandRequested:
    """A command of the granted pattern in a session of its own."""
    return requested(
        DELETE,
        at=now(),
        session=uuid7(now()),
        principal=Principal(principal, PrincipalKind.AGENT, ("agents",)),
        patience=timedelta(minutes=2),
        fingerprint=FINGERPRINT,
    )


def issued(config: Path, principal: str, uses: int) -> GrantIssued:
    (rule,) = bundle_of(load(config)).rules
    event = grant_issued(f"grant-of-{principal}", at=now(), uses=uses, rules=(rule.digest,))
    return replace(event, envelope=replace(event.envelope, principal=principal))


def revoked(principal: str) -> GrantRevoked:
    event = grant_revoked(f"grant-of-{principal}", at=now())
    return replace(event, envelope=replace(event.envelope, principal=principal))


async def answered(said: Listener, request: CommandRequested) -> CommandAllowed | ApprovalPending:
    command = request.envelope.command

    def heard() -> list[CommandAllowed | ApprovalPending]:
        return [*said.of(CommandAllowed, command), *said.of(ApprovalPending, command)]

    return (await eventually(heard, seconds=60, what="the answer"))[0]


async def in_force(bus: Bus, said: Listener, principal: str) -> CommandAllowed:
    """The first command that the grant let through."""
    while True:
        request = asked(principal)
        await bus.publish(request)
        answer = await answered(said, request)
        if isinstance(answer, CommandAllowed):
            return answer


async def test_uses_are_counted_exactly_over_all_sessions_and_workers(
    config: Path, workers: Any, buses: dict[Role, Bus], said: Listener
) -> None:
    await asyncio.gather(workers("one"), workers("two"))
    await buses[Role.PROCESSORS].publish_durably(issued(config, "parallel", 8))
    first = await in_force(buses[Role.INGRESS], said, "parallel")
    requests = [asked("parallel") for _ in range(30)]
    for request in requests:
        await buses[Role.INGRESS].publish(request)
    answers = [await answered(said, request) for request in requests]
    allowed = [answer for answer in answers if isinstance(answer, CommandAllowed)]
    assert len(allowed) == 7
    assert {answer.grant for answer in (first, *allowed)} == {"grant-of-parallel"}


async def test_grants_uses_and_revocations_survive_restarts(
    config: Path, workers: Any, buses: dict[Role, Bus], said: Listener
) -> None:
    ingress = buses[Role.INGRESS]
    worker = await workers("first")
    for by in (signal.SIGKILL, signal.SIGTERM):
        principal = f"restarted-{by.name}"
        await buses[Role.PROCESSORS].publish_durably(issued(config, principal, 3))
        running = await in_force(ingress, said, principal)
        second = await in_force(ingress, said, principal)
        stop(worker.process, by=by)
        late = [asked(principal) for _ in range(3)]
        for request in late:
            await ingress.publish_durably(request)
        worker = await workers(f"after-{by.name}")
        answers = [await answered(said, request) for request in late]
        assert sum(isinstance(answer, CommandAllowed) for answer in answers) == 1
        for answer in (running, second):
            repeats = said.of(CommandAllowed, answer.envelope.command)
            assert len({(one.envelope.id, one.grant, one.expires_at) for one in repeats}) == 1
        await buses[Role.API].publish_durably(revoked(principal))
        for answer in (running, second):
            order = await said.first(CommandRevoked, answer.envelope.command, seconds=60)
            assert (order.grant, order.revoked_by) == (f"grant-of-{principal}", "dana")


async def test_a_grant_that_the_api_says_was_issued_is_not_believed(
    config: Path, workers: Any, buses: dict[Role, Bus]
) -> None:
    """Only the processors say it: whoever has the API's key lets nothing run."""
    with pytest.raises(ValueError, match="not for role api"):
        await buses[Role.API].publish(issued(config, "forged", 1))
