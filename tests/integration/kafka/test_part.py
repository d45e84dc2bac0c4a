"""Kafka as a part of a gateway: external, and embedded."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from support.processes import free_port

from infra.config import load
from infra.kafka.address import kafka_address
from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.part import KafkaPart
from infra.supervisor import PartFailed
from schemas.topics import TOPICS

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _part(folder: Path, kafka: str) -> KafkaPart:
    path = folder / "countersign.yaml"
    path.write_text(f"gateway: {{state: state, kafka: {kafka}}}\n")
    return KafkaPart(load(path), lambda sentence: None)


async def test_an_external_one_gets_the_topics_and_is_left_running(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    part = _part(tmp_path, f"{{bootstrap: '{kafka.bootstrap}'}}")
    await part.start()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(part.ended(), 0.1)
    await part.stop()
    part.kill()
    assert kafka.is_running
    assert not (tmp_path / "state").exists()


async def test_an_external_one_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(PartFailed, match="the topics cannot be created at 127"):
        await _part(tmp_path, f"{{bootstrap: '127.0.0.1:{free_port()}'}}").start()


async def test_the_embedded_one_is_ready_with_its_topics_and_ends_with_the_part(tmp_path: Path) -> None:
    part = _part(tmp_path, "embedded")
    await part.start()
    try:
        address = kafka_address(load(tmp_path / "countersign.yaml"))
        admin = AIOKafkaAdminClient(bootstrap_servers=address.bootstrap)
        await admin.start()
        try:
            assert {topic.name for topic in TOPICS} <= set(await admin.list_topics())
        finally:
            await admin.close()
        part.kill()
        assert "ended with status -9" in await part.ended()
    finally:
        await part.stop()
    assert not (tmp_path / "state" / "kafka" / "address").exists()
