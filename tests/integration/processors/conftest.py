"""A real worker on a real Kafka; what an ingress and the API would say is said by the tests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from support.builders import POLICIES, Document
from support.processes import stop, tail
from support.processors_role import Listener, Worker, launch, start_worker, write_processors
from support.real import running_kafka
from support.wait import eventually

from infra.kafka.address import KafkaAddress
from infra.kafka.bus import Bus
from infra.kafka.embedded import EmbeddedKafka
from infra.keys import keyring, signer
from schemas.topics import APPROVALS, DEAD_LETTERS, VERDICTS
from schemas.vocabulary import Role

QUICK: Document = {
    "name": "quick review",
    "when": {"statements": ["update"]},
    "verdict": "review",
    "review": {"reviewers": ["dba"], "timeout": "4s", "valid_for": "30s"},
}
TWO: Document = {
    "name": "two must agree",
    "when": {"statements": ["alter_table"]},
    "verdict": "review",
    "review": {"reviewers": ["dba"], "approvals": 2, "timeout": "60s", "valid_for": "30s"},
}
AT_ONCE: Document = {
    "name": "answered at once",
    "when": {"statements": ["insert"]},
    "verdict": "review",
    "review": {"reviewers": ["dba"], "timeout": "10m", "valid_for": "10m", "hold": False},
}
NOBODY_THERE: tuple[Document, ...] = (
    {
        "name": "not without reviewers",
        "when": {"statements": ["merge"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "10m", "on_unavailable": "deny"},
    },
    {
        "name": "by another rule",
        "when": {"statements": ["lock"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "10m", "on_unavailable": {"rule": "in reserve"}},
    },
    {"name": "in reserve", "when": {"statements": ["lock"], "intents": ["network"]}, "verdict": "allow"},
)


@dataclass(frozen=True, slots=True)
class World:
    """What stands around the processors."""

    config: Path
    state: Path
    address: KafkaAddress
    ingress: Bus
    api: Bus
    said: Listener  # on verdicts, approvals and dead letters, from when the test began


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedKafka]:
    """A module's own: tables keep what is signed with one deployment's keys, and each module has its own."""
    async with running_kafka(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture(scope="module")
def config(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_processors(
        tmp_path_factory.mktemp("processors"),
        kafka.bootstrap,
        [*POLICIES, QUICK, TWO, AT_ONCE, *NOBODY_THERE],
    )


@pytest.fixture(scope="module")
def worker(config: Path) -> Iterator[Worker]:
    """One worker for the tests that do not stop it."""
    running = start_worker(config)
    yield running
    assert stop(running.process) == 0, tail(running.log)


@pytest.fixture
def workers(config: Path) -> Iterator[Callable[..., Awaitable[Worker]]]:
    """Starts workers by name; ends those that are left. `before`: as for `launch`."""
    running: list[Worker] = []

    async def start(name: str, *, before: str = "") -> Worker:
        worker = launch(config, name, before=before)
        running.append(worker)
        await eventually(
            lambda: worker.is_ready() or worker.process.poll() is not None, seconds=60, what="the worker"
        )
        assert worker.process.poll() is None, tail(worker.log)
        return worker

    yield start
    for worker in running:
        if worker.process.poll() is None:
            assert stop(worker.process) == 0, tail(worker.log)


@pytest_asyncio.fixture
async def world(config: Path, kafka: EmbeddedKafka) -> AsyncIterator[World]:
    state, address = config.parent / "state", KafkaAddress(kafka.bootstrap)
    ingress = Bus(address, signer(state, Role.INGRESS), keyring(state))
    api = Bus(address, signer(state, Role.API), keyring(state))
    async with contextlib.AsyncExitStack() as stack:
        for bus in (ingress, api):
            await bus.start()
            stack.push_async_callback(bus.stop)
        heard = []
        for topic in (VERDICTS, APPROVALS, DEAD_LETTERS):
            subscription = await ingress.consume(topic)
            stack.push_async_callback(subscription.close)
            heard.append(Listener(subscription))
        said = Listener(heard[0].subscription)
        for listener in heard:
            listener.received = said.received  # one list: what was said, wherever
            task = asyncio.create_task(listener.run())
            stack.callback(task.cancel)
        yield World(config, state, address, ingress, api, said)


@pytest_asyncio.fixture
async def intruder(world: World) -> AsyncIterator[AIOKafkaProducer]:
    """Writes any bytes anywhere."""
    producer = AIOKafkaProducer(bootstrap_servers=world.address.bootstrap)
    await producer.start()
    yield producer
    await producer.stop()
