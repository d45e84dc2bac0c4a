"""Follows every topic from where ClickHouse stands and writes what it finds, exactly once.

A batch is written table by table, `event_rows` last: where the projector goes on after a crash is what that
table holds. What the crash left in the other tables is written again, and is the same rows
(docs/decisions/0004-exactly-once.md). While ClickHouse or Kafka is away it waits and tries again, with the
batch in hand; Kafka keeps the rest.
"""

import asyncio
import itertools
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import structlog

from infra.clickhouse.client import ClickHouse, ClickHouseRefused, ClickHouseUnavailable
from infra.clock import Clock
from infra.kafka.bus import Bus, BusUnavailable, Received, Rejected, Subscription
from projections import schema
from projections.columns import DEFAULTS, Columns
from projections.ledger import Checkpoint, Head, Ledger, Partition
from projections.rows import Place, event_row, rejected_row, rows_of
from schemas.envelope import envelope
from schemas.events import CheckpointSigned, EventRejected
from schemas.ids import derived_id
from schemas.topics import TOPICS

_MOST = 5000  # events in a batch
_GATHER = 0.25  # seconds that an event waits for others
_MANY = 100  # events at once, from which on others wait longer: an INSERT costs as much as dozens
_LEISURE = 0.75  # seconds that they wait for then
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds between tries, the last for ever
_LONGEST_RAW = 1024 * 1024  # bytes of a rejected record that its dead letter repeats

T = TypeVar("T")

_HEADS = """
SELECT topic, partition, max(offset) AS last, argMax(chain, offset) AS link
FROM event_rows GROUP BY topic, partition
"""

_COVERED = """
SELECT
    JSONExtractString(payload, 'topic') AS of_topic,
    JSONExtractUInt(payload, 'partition') AS of_partition,
    max(JSONExtractUInt(payload, 'offset')) AS last
FROM event_rows
WHERE type = 'CheckpointSigned'
GROUP BY of_topic, of_partition
"""

log = structlog.get_logger()


class HistoryDiffers(Exception):
    """Kafka does not hold what the audit log was written from: going on would mix two histories."""


class Projector:
    """Writes the audit log. `node`: this process, for the events it publishes."""

    def __init__(self, bus: Bus, clickhouse: ClickHouse, node: str, clock: Clock) -> None:
        self._bus = bus
        self._clickhouse = clickhouse
        self._node = node
        self._clock = clock

    async def run(self, ready: Callable[[], None]) -> None:
        """Works until cancelled; calls `ready` once it follows the topics. Raises HistoryDiffers."""
        await self._until_done(partial(schema.apply, self._clickhouse))
        heads = await self._until_done(self._heads)
        covered = await self._until_done(self._covered)
        subscription = await self._until_done(partial(self._subscribe, heads))
        try:
            ready()
            await self._follow(subscription, Ledger(heads, covered, time.monotonic()))
        finally:
            await subscription.close()

    async def _follow(self, subscription: Subscription, ledger: Ledger) -> None:
        async for arrived in subscription.batches(most=_MOST):
            if arrived:
                await self._write(arrived, ledger)
            if _MANY <= len(arrived) < _MOST:
                await asyncio.sleep(_LEISURE)
            for checkpoint in ledger.due(time.monotonic()):
                await self._until_done(partial(self._sign, checkpoint))

    async def _write(self, batch: Sequence[Received | Rejected], ledger: Ledger) -> None:
        tables: dict[str, list[Columns]] = defaultdict(list)
        events: list[Columns] = []
        now = time.monotonic()
        for item in batch:
            place = Place(item.topic, item.partition, item.offset, item.stored_at)
            link = ledger.append((item.topic, item.partition), item.offset, item.raw, now)
            if isinstance(item, Rejected):
                log.warning(
                    "event_rejected",
                    topic=item.topic,
                    partition=item.partition,
                    offset=item.offset,
                    reason=item.reason,
                )
                await self._until_done(partial(self._reject, item))
                events.append(rejected_row(item.reason, place, item.raw, link).columns)
                continue
            events.append(event_row(item.event, place, item.raw, link).columns)
            for table, columns in rows_of(item.event, place):
                tables[table].append(columns)
        for table, rows in (*tables.items(), ("event_rows", events)):
            await self._until_done(partial(self._insert, table, rows))

    async def _insert(self, table: str, rows: Sequence[Columns]) -> None:
        defaults = DEFAULTS[table]
        columns = [[row.get(name, default) for row in rows] for name, default in defaults.items()]
        await self._clickhouse.insert(table, list(defaults), columns)

    async def _reject(self, item: Rejected) -> None:
        """Publishes the dead letter of a record; the same one however often it is tried."""
        place = (item.topic, str(item.partition), str(item.offset))
        raw = item.raw if len(item.raw) <= _LONGEST_RAW else b""
        await self._bus.publish_durably(
            EventRejected(
                envelope=envelope(self._clock(), self._node, id=derived_id("rejected", *place)),
                topic=item.topic,
                partition=item.partition,
                offset=item.offset,
                reason=item.reason,
                raw=raw,
            )
        )

    async def _sign(self, checkpoint: Checkpoint) -> None:
        topic, partition = checkpoint.partition
        place = (topic, str(partition), str(checkpoint.offset))
        await self._bus.publish_durably(
            CheckpointSigned(
                envelope=envelope(self._clock(), self._node, id=derived_id("checkpoint", *place)),
                topic=topic,
                partition=partition,
                offset=checkpoint.offset,
                chain=checkpoint.link.hex(),
            )
        )

    async def _heads(self) -> dict[Partition, Head]:
        rows = await self._clickhouse.query(_HEADS)
        return {(row["topic"], row["partition"]): Head(row["last"], row["link"]) for row in rows}

    async def _covered(self) -> dict[Partition, int]:
        rows = await self._clickhouse.query(_COVERED)
        return {(row["of_topic"], row["of_partition"]): row["last"] for row in rows}

    async def _subscribe(self, heads: Mapping[Partition, Head]) -> Subscription:
        places = [(topic.name, number) for topic in TOPICS for number in range(topic.partitions)]
        subscription = await self._bus.consume_from(
            {place: heads[place].offset + 1 if place in heads else 0 for place in places}, gather=_GATHER
        )
        for (topic, number), end in (await subscription.ends()).items():
            head = heads.get((topic, number))
            if head is not None and head.offset >= end:
                await subscription.close()
                raise HistoryDiffers(
                    f"{topic}, partition {number}: the audit log was written up to offset {head.offset}, and "
                    f"Kafka ends before {end}. This is not the Kafka it was written from: connect that one, "
                    "or begin a new audit log (another state folder, or another database of ClickHouse)"
                )
        return subscription

    async def _until_done(self, work: Callable[[], Awaitable[T]]) -> T:
        """The result, however long ClickHouse or Kafka is away. What is tried again must bear it."""
        for attempt in itertools.count():
            try:
                result = await work()
            except (ClickHouseUnavailable, ClickHouseRefused, BusUnavailable) as error:
                pause = _PAUSES[min(attempt, len(_PAUSES) - 1)]
                log.warning("projection_waits", reason=str(error), seconds=pause)
                await asyncio.sleep(pause)
            else:
                if attempt:
                    log.info("projection_goes_on", attempts=attempt)
                return result
        raise AssertionError("never counted to the end")
