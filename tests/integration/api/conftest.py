"""The api role before a real Kafka; what the processors would say is said by the tests."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from support.api_role import Api, start_api
from support.builders import POLICIES, Document
from support.processes import stop, tail
from support.wait import block_until

from infra.kafka.address import KafkaAddress
from infra.kafka.bus import Bus
from infra.kafka.embedded import EmbeddedKafka
from infra.keys import keyring, signer
from schemas.vocabulary import Role

PAUSING: Document = {
    "name": "tiresome",
    "when": {"command": "tiresome"},
    "verdict": "review",
    "review": {"reviewers": ["dba"]},
    "limits": {"rejections": "2/h"},
}


@pytest.fixture(scope="package")
def api(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The api role, its queue read."""
    running = start_api(
        tmp_path_factory.mktemp("api"), kafka.bootstrap, more={"policies": [*POLICIES, PAUSING]}
    )
    try:
        block_until(lambda: running.answers("/readyz"), seconds=30, what="readiness")
        yield running
    finally:
        assert stop(running.process) == 0, tail(running.log)


@pytest_asyncio.fixture
async def processors(api: Api, kafka: EmbeddedKafka) -> AsyncIterator[Bus]:
    """What the processors say: a bus that signs as they do."""
    bus = Bus(KafkaAddress(kafka.bootstrap), signer(api.state, Role.PROCESSORS), keyring(api.state))
    await bus.start()
    yield bus
    await bus.stop()
