"""The topics in a real Kafka."""

from dataclasses import replace
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from support.processes import free_port

from infra.kafka.address import KafkaAddress
from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.topics import TopicsUnavailable, create_topics, topic_settings
from schemas.topics import GRANTS, HEARTBEATS, LEDGER, TOPICS

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_topic_is_there_with_its_partitions(kafka: EmbeddedKafka) -> None:
    await create_topics(KafkaAddress(kafka.bootstrap))
    there = await _describe(kafka.bootstrap)
    for topic in TOPICS:
        assert len(there[topic.name]) == topic.partitions
        assert all(len(partition["replicas"]) == 1 for partition in there[topic.name])


async def test_creating_them_again_changes_nothing(kafka: EmbeddedKafka) -> None:
    address = KafkaAddress(kafka.bootstrap)
    await create_topics(address)
    before = await _describe(kafka.bootstrap)
    await create_topics(address)
    assert await _describe(kafka.bootstrap) == before


async def test_they_have_their_settings(kafka: EmbeddedKafka) -> None:
    for topic in (GRANTS, HEARTBEATS, LEDGER):
        settings = await _settings(kafka.bootstrap, topic.name)
        for name, value in topic_settings(topic).items():
            assert settings[name] == value


async def test_a_topic_with_another_number_of_partitions_is_refused(kafka: EmbeddedKafka) -> None:
    address = KafkaAddress(kafka.bootstrap)
    topic = replace(HEARTBEATS, name="test.other-partitions", partitions=2)
    await create_topics(address, [topic])
    with pytest.raises(TopicsUnavailable, match=r"test\.other-partitions .* has 2 partitions, expected 3"):
        await create_topics(address, [replace(topic, partitions=3)])


async def test_a_name_that_kafka_refuses_is_said(kafka: EmbeddedKafka) -> None:
    with pytest.raises(TopicsUnavailable, match="not a good name"):
        await create_topics(KafkaAddress(kafka.bootstrap), [replace(HEARTBEATS, name="not a good name")])


async def test_nobody_there_is_said() -> None:
    with pytest.raises(TopicsUnavailable, match=r"cannot be created at 127\.0\.0\.1"):
        await create_topics(KafkaAddress(f"127.0.0.1:{free_port()}"))


async def _describe(bootstrap: str) -> dict[str, Any]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        found = await admin.describe_topics()
    finally:
        await admin.close()
    return {
        topic["topic"]: sorted(topic["partitions"], key=lambda partition: int(partition["partition"]))
        for topic in found
    }


async def _settings(bootstrap: str, topic: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    ((_, _, _, _, entries),) = answer.resources
    return {name: value for name, value, *_ in entries}
