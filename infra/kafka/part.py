"""Kafka as a part of a gateway: the embedded one where the configuration says so, and the topics."""

import asyncio

from infra.config import Config, ConfigError
from infra.kafka.address import kafka_address
from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.jars import KafkaUnavailable, Progress
from infra.kafka.topics import TopicsUnavailable, create_topics
from infra.supervisor import PartFailed


class KafkaPart:
    """Ready when Kafka serves and has the topics. An external Kafka is neither started nor stopped."""

    name = "kafka"
    after: tuple[str, ...] = ()

    def __init__(self, config: Config, progress: Progress) -> None:
        self._config = config
        is_embedded = config.gateway.kafka == "embedded"
        self._embedded = EmbeddedKafka(config.state, progress) if is_embedded else None

    async def start(self) -> None:
        """Raises PartFailed."""
        try:
            if self._embedded is not None:
                await self._embedded.start()
            await create_topics(kafka_address(self._config))
        except (KafkaUnavailable, TopicsUnavailable, ConfigError) as error:
            await self.stop()
            raise PartFailed(str(error)) from error

    async def ended(self) -> str:
        """When the embedded Kafka has ended, with the end of its log; never for an external one."""
        if self._embedded is not None:
            return await self._embedded.ended()
        await asyncio.Event().wait()
        raise AssertionError("never set")

    async def stop(self) -> None:
        if self._embedded is not None:
            await self._embedded.stop()

    def kill(self) -> None:
        if self._embedded is not None:
            self._embedded.kill()
