"""Events in and out of Kafka: the only aiokafka import.

What is published is signed and, once its future is done, durable (acks=all, idempotent producer, so that
a retry inside the client writes no second copy). What is consumed has been verified; what does not verify
is handed on as `Rejected`, never as an event.
"""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from infra.kafka.address import KafkaAddress
from infra.kafka.departures import Departures
from schemas.codec import NotAnEvent, decode_verified, encode
from schemas.events import Event
from schemas.signature import Keyring, SignatureRefused, Signer
from schemas.topics import TOPIC_OF, Topic

_CHECK_EVERY = 1.0  # seconds between looks at the brokers
_UNREACHABLE_AFTER = 5.0  # seconds without an answer before new commands are refused at once
_MAX_MESSAGE = 4 * 1024 * 1024
_LONGEST_FETCH = 500  # milliseconds that Kafka may wait for news before it answers
_GATHERED = 4 * 1024 * 1024  # bytes that are not held back any longer


class BusUnavailable(Exception):
    """Kafka cannot be reached or did not take the event: nothing that depends on it may happen."""


@dataclass(frozen=True, slots=True)
class Received:
    """An event whose signature verified, and where it stands."""

    event: Event
    topic: str
    partition: int
    offset: int
    raw: bytes
    stored_at: int  # Kafka's time of the record, in milliseconds since 1970


@dataclass(frozen=True, slots=True)
class Rejected:
    """Bytes on a topic that are no event of ours."""

    reason: str
    topic: str
    partition: int
    offset: int
    raw: bytes
    stored_at: int


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key. The same for every role, whatever client library it uses."""
    return zlib.crc32(key.encode()) % partitions


class Bus:
    """One process's connection to Kafka."""

    def __init__(self, address: KafkaAddress, signer: Signer, keyring: Keyring) -> None:
        self._address = address
        self._signer = signer
        self._keyring = keyring
        self._producer: AIOKafkaProducer | None = None
        self._departures: Departures | None = None
        self._last_answer = 0.0
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connects. Raises BusUnavailable."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._address.bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_request_size=_MAX_MESSAGE,
            request_timeout_ms=10_000,
            retry_backoff_ms=50,
            metadata_max_age_ms=30_000,
            **self._address.options,
        )
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            with contextlib.suppress(KafkaError, OSError):
                await producer.stop()
            raise BusUnavailable(f"Kafka at {self._address.bootstrap} does not answer: {error}") from error
        self._producer = producer
        self._departures = Departures(producer)
        self._last_answer = asyncio.get_running_loop().time()
        self._watch = asyncio.create_task(self._watch_brokers())

    async def stop(self) -> None:
        """Sends what is still to be sent, for at most five seconds, and disconnects."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._departures is not None:
            await self._departures.stop(5)
        if self._producer is not None:
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(self._producer.flush(), 5)
            with contextlib.suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(self._producer.stop(), 5)

    @property
    def is_reachable(self) -> bool:
        """Whether a broker answered lately. False: refuse at once rather than let a client wait."""
        loop = asyncio.get_running_loop()
        return self._producer is not None and loop.time() - self._last_answer < _UNREACHABLE_AFTER

    async def publish(self, event: Event, *, partition: int | None = None) -> asyncio.Future[Any]:
        """Hands the event to Kafka; the future is done once it is durable.

        Waits only while too many events wait to be sent. `partition`: instead of the key's own.
        Raises BusUnavailable; so does awaiting `durable(future)`.
        """
        if self._departures is None:
            raise BusUnavailable("not connected to Kafka")
        topic = TOPIC_OF[type(event)]
        key = topic.key(event)
        if partition is None:
            partition = partition_of(key, topic.partitions)
        return await self._departures.put(topic.name, encode(event, self._signer), key.encode(), partition)

    async def forward(self, topic: Topic, key: str, raw: bytes) -> None:
        """Puts an event that was read, as it was signed, on another topic; returns once it is durable there.
        Raises BusUnavailable."""
        if self._departures is None:
            raise BusUnavailable("not connected to Kafka")
        partition = partition_of(key, topic.partitions)
        await durable(await self._departures.put(topic.name, raw, key.encode(), partition))

    async def hand_on(self, topic: Topic, event: Event) -> None:
        """Signs an event and puts it on another topic than its own, by that one's key; returns once it is
        durable there. Raises BusUnavailable."""
        await self.forward(topic, topic.key(event), encode(event, self._signer))

    def keep(self, topic: Topic, partition: int, key: bytes, record: bytes | None) -> asyncio.Future[Any]:
        """Puts a record that is no event on a compacted topic, behind all that was put there before; None: it
        is forgotten. The future is done once that is durable. Raises BusUnavailable."""
        if self._departures is None:
            raise BusUnavailable("not connected to Kafka")
        return self._departures.add(topic.name, record, key, partition)

    async def publish_durably(self, event: Event, *, partition: int | None = None) -> None:
        """Publishes and waits until the event is durable. Raises BusUnavailable."""
        await durable(await self.publish(event, partition=partition))

    async def consume(self, topic: Topic, *, partitions: Sequence[int] | None = None) -> "Subscription":
        """From now on: everything published after this returned is received. Raises BusUnavailable."""
        subscription = Subscription(self._consumer(), self._keyring)
        await subscription.start([TopicPartition(topic.name, p) for p in _all(topic, partitions)])
        await subscription.from_the_end()
        return subscription

    async def consume_since(self, topic: Topic, since: datetime) -> "Subscription":
        """From the first event stored at `since` or later. Raises BusUnavailable."""
        subscription = Subscription(self._consumer(), self._keyring)
        await subscription.start([TopicPartition(topic.name, p) for p in _all(topic, None)])
        await subscription.from_time(since)
        return subscription

    async def consume_from(
        self, positions: Mapping[tuple[str, int], int], *, gather: float = 0
    ) -> "Subscription":
        """From these offsets: (topic, partition) -> the next offset wanted. Raises BusUnavailable.

        `gather`: seconds for which Kafka holds back what is new, unless it is megabytes, for who need not
        know at once: an answer for each event would cost more than the event.
        """
        subscription = Subscription(self._consumer(gather), self._keyring)
        await subscription.start([TopicPartition(*place) for place in positions])
        subscription.from_offsets(positions)
        return subscription

    def _consumer(self, gather: float = 0) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._address.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_min_bytes=_GATHERED if gather else 1,
            fetch_max_wait_ms=int(gather * 1000) or _LONGEST_FETCH,
            max_partition_fetch_bytes=_MAX_MESSAGE,
            isolation_level="read_committed",
            retry_backoff_ms=50,
            **self._address.options,
        )

    async def _watch_brokers(self) -> None:
        """Asks for metadata again and again; a broker that answers is the sign of life."""
        loop = asyncio.get_running_loop()
        assert self._producer is not None
        while True:
            try:
                async with asyncio.timeout(_UNREACHABLE_AFTER):
                    # Asks a broker, over the network: False when none answers.
                    if await self._producer.client.force_metadata_update():
                        self._last_answer = loop.time()
            except (KafkaError, OSError, TimeoutError):
                pass  # seen in is_reachable
            await asyncio.sleep(_CHECK_EVERY)


async def durable(future: asyncio.Future[Any]) -> None:
    """Waits until what `publish` returned is durable. Raises BusUnavailable."""
    try:
        await future
    except (KafkaError, OSError) as error:
        raise BusUnavailable(f"Kafka did not confirm the event: {error}") from error


class Subscription:
    """Events from some partitions, in order within each. Close it when done."""

    def __init__(self, consumer: AIOKafkaConsumer, keyring: Keyring) -> None:
        self._consumer = consumer
        self._keyring = keyring

    async def start(self, places: list[TopicPartition]) -> None:
        try:
            await self._consumer.start()
            self._consumer.assign(places)
        except (KafkaError, OSError) as error:
            with contextlib.suppress(KafkaError, OSError):
                await self._consumer.stop()
            raise BusUnavailable(f"Kafka does not answer: {error}") from error

    async def from_the_end(self) -> None:
        for (topic, partition), offset in (await self.ends()).items():
            self._consumer.seek(TopicPartition(topic, partition), offset)

    async def from_time(self, since: datetime) -> None:
        places = list(self._consumer.assignment())
        try:
            # The ends first: what is stored between the two questions must not be skipped.
            ends = await self._consumer.end_offsets(places)
            found = await self._consumer.offsets_for_times(
                {place: int(since.timestamp() * 1000) for place in places}
            )
        except (KafkaError, OSError) as error:
            await self.close()
            raise BusUnavailable(f"Kafka does not answer: {error}") from error
        for place in places:
            start = found.get(place)
            self._consumer.seek(place, start.offset if start is not None else ends[place])

    def from_offsets(self, positions: Mapping[tuple[str, int], int]) -> None:
        for (topic, partition), offset in positions.items():
            self._consumer.seek(TopicPartition(topic, partition), offset)

    async def ends(self) -> dict[tuple[str, int], int]:
        """(topic, partition) -> the offset after the last event stored now. Raises BusUnavailable."""
        try:
            found = await self._consumer.end_offsets(list(self._consumer.assignment()))
        except (KafkaError, OSError) as error:
            raise BusUnavailable(f"Kafka does not answer: {error}") from error
        return {(place.topic, place.partition): offset for place, offset in found.items()}

    async def positions(self) -> dict[tuple[str, int], int]:
        """(topic, partition) -> the offset of the next event to be given. Raises BusUnavailable."""
        try:
            return {
                (place.topic, place.partition): await self._consumer.position(place)
                for place in self._consumer.assignment()
            }
        except (KafkaError, OSError) as error:
            raise BusUnavailable(f"Kafka does not answer: {error}") from error

    async def batches(
        self, *, most: int = 1000, wait: float = 0.5
    ) -> AsyncIterator[list[Received | Rejected]]:
        """Lists of what arrived, empty after `wait` seconds without news. Ends never.

        While Kafka is away the client reconnects by itself and empty lists are given.
        """
        while True:
            try:
                found = await self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=most)
            except KafkaError:
                await asyncio.sleep(wait)
                found = {}
            yield [self._open(record) for records in found.values() for record in records]

    async def close(self) -> None:
        with contextlib.suppress(KafkaError, OSError):
            await self._consumer.stop()

    def _open(self, record: Any) -> Received | Rejected:
        raw = record.value or b""
        place = (record.topic, record.partition, record.offset)
        try:
            event = decode_verified(raw, self._keyring)
        except (NotAnEvent, SignatureRefused) as error:
            return Rejected(str(error), *place, raw, record.timestamp)
        if TOPIC_OF[type(event)].name != record.topic:
            return Rejected(f"{type(event).__name__} does not belong here", *place, raw, record.timestamp)
        return Received(event, *place, raw, record.timestamp)


def _all(topic: Topic, partitions: Sequence[int] | None) -> Sequence[int]:
    return range(topic.partitions) if partitions is None else partitions
