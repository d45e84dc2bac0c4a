"""Creates the topics of schemas/topics.py, before anyone consumes: a consumer that starts without its topic
may never see it."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from infra.kafka.address import KafkaAddress
from infra.kafka.broker import MAX_MESSAGE
from schemas.topics import TOPICS, Topic

_BROKERS_OWN = -1  # the replication factor that the broker is set to (KIP-464); 1 in the embedded Kafka
_LEADER_LIMIT = 30.0  # seconds until every partition has a leader
_PAUSE = 0.05


class TopicsUnavailable(Exception):
    """The topics are not there and cannot be made, or are there in another shape."""


async def create_topics(address: KafkaAddress, topics: Sequence[Topic] = TOPICS) -> None:
    """Returns when every topic is there and its partitions have leaders.

    One that is there keeps its settings, which may be an operator's own. Raises TopicsUnavailable when
    Kafka does not answer, does not let us, or holds a topic with another number of partitions: events of
    one key would then be spread over two of them.
    """
    admin = AIOKafkaAdminClient(
        bootstrap_servers=address.bootstrap, request_timeout_ms=20_000, **address.options
    )
    try:
        await admin.start()
        there = await _partitions(admin)
        missing = [topic for topic in topics if topic.name not in there]
        if missing:
            await _create(admin, missing)
        async with asyncio.timeout(_LEADER_LIMIT):
            while not _all_led(topics, there := await _partitions(admin)):  # noqa: ASYNC110  no event tells
                await asyncio.sleep(_PAUSE)
    except (KafkaError, OSError) as error:  # TimeoutError is an OSError
        raise TopicsUnavailable(
            f"the topics cannot be created at {address.bootstrap}: {error or type(error).__name__}"
        ) from error
    finally:
        with contextlib.suppress(KafkaError, OSError):
            await admin.close()
    for topic in topics:
        found = len(there[topic.name])
        if found != topic.partitions:
            raise TopicsUnavailable(
                f"topic {topic.name} at {address.bootstrap} has {found} partitions, expected "
                f"{topic.partitions}: create it anew with that many, or name another Kafka"
            )


def topic_settings(topic: Topic) -> Mapping[str, str]:
    """Kafka's settings of a topic, by their names there."""
    settings = {"max.message.bytes": str(MAX_MESSAGE)}
    if topic.compacted:
        return {**settings, "cleanup.policy": "compact"}
    if topic.kept is None:
        return {**settings, "cleanup.policy": "delete", "retention.ms": "-1"}
    # Kafka drops whole segments: one must not last much longer than what is kept.
    segment = min(topic.kept / 6, timedelta(days=7))
    return {
        **settings,
        "cleanup.policy": "delete",
        "retention.ms": str(topic.kept // timedelta(milliseconds=1)),
        "segment.ms": str(segment // timedelta(milliseconds=1)),
    }


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    wanted = [
        NewTopic(
            topic.name,
            topic.partitions,
            _BROKERS_OWN,
            replica_assignments={},
            topic_configs=topic_settings(topic),
        )
        for topic in topics
    ]
    response = await admin.create_topics(wanted)
    for name, code, *message in response.topic_errors:
        error = for_code(code)
        # Another process may have been quicker.
        if code != 0 and error is not TopicAlreadyExistsError:
            raise error(f"{name}: {message[0] if message and message[0] else error.description}")


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, list[Any]]:
    """Topic -> its partitions, as Kafka describes them."""
    return {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}


def _all_led(topics: Sequence[Topic], there: Mapping[str, Sequence[Any]]) -> bool:
    return all(
        topic.name in there and all(partition["leader"] >= 0 for partition in there[topic.name])
        for topic in topics
    )
