"""One Kafka and one ClickHouse for the tests of this folder, which tell theirs apart by session."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.story import NODE, Scene, heartbeat, on_scene


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with on_scene(tmp_path_factory.mktemp("scene")) as running:
        running.start_projector()
        await running.all_projected(await running.publish([heartbeat(NODE)]))  # it has made the tables
        yield running
