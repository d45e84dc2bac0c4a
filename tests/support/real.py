"""Fixtures for the real parts, one of each for a test session (for each worker under xdist).

A test asks for what it needs by name and gets it running; everything ends with the session. When a test
that had a gateway fails, the end of the gateway's logs stands in its report.
"""

from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from support.builders import configuration, usual_resources
from support.gateway import Gateway, running_gateway
from support.postgres import Postgres, running_postgres

from infra.kafka.address import KafkaAddress
from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.topics import create_topics

_UNIT = Path(__file__).parents[1] / "unit"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL with TLS, SCRAM, md5 and cleartext users and the sample database."""
    with running_postgres() as running:
        yield running


@asynccontextmanager
async def running_kafka(folder: Path) -> AsyncIterator[EmbeddedKafka]:
    """A real Kafka with the topics."""
    running = EmbeddedKafka(folder)
    await running.start()
    try:
        await create_topics(KafkaAddress(running.bootstrap))
        yield running
    finally:
        await running.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedKafka]:
    """A Kafka that all tests of a worker share: tell yours apart by session or key."""
    async with running_kafka(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture(scope="session")
def gateway(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The whole product, ready, before a copy of the sample database (support/builders.py has its rules)."""
    database = postgres.copy_sample()
    folder: Path = tmp_path_factory.mktemp("gateway")
    with running_gateway(
        folder,
        lambda listen: configuration(listen=listen, resources=usual_resources(postgres, database)),
    ) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows the gateway's logs beside the failure."""
    report = yield
    running = getattr(item, "funcargs", {}).get("gateway")
    if report.failed and isinstance(running, Gateway):
        report.sections.append(("the gateway's logs", running.logs()))
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Under xdist, tests that share real parts share a worker: nothing is started twice for them.

    Tests with a folder's own parts are one group (they end when the folder's last test has), those with the
    gateway of all one, other files one each, unless they say another; unit tests go anywhere.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is not None:
            continue
        if parts := _parts_of(item):
            item.add_marker(pytest.mark.xdist_group(f"parts of {parts}"))
        elif _UNIT not in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))


def _parts_of(item: pytest.Item) -> str:
    """The folder whose own parts a test has, or "all" where it has the gateway of all; else empty."""
    found = ""
    for name in getattr(item, "fixturenames", ()):
        made = item.session._fixturemanager.getfixturedefs(name, item)
        if made and made[-1].scope == "package":
            return made[-1].baseid
        if made and name == "gateway":
            found = made[-1].baseid or "all"
    return found
