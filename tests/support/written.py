"""All that a gateway wrote down: every topic, every table and every log, with what is compressed in them."""

import re

import zstandard
from aiokafka import AIOKafkaConsumer, TopicPartition
from support.gateway import Gateway

from infra.kafka.address import address_file
from schemas.topics import TOPICS

_TABLES = "select name from system.tables where database = 'countersign'"
_ZSTD = b"\x28\xb5\x2f\xfd"


async def all_written(gateway: Gateway) -> dict[str, bytes]:
    """By the name of the topic, table or log file."""
    bootstrap = address_file(gateway.folder / "state").read_text().strip()
    written = await _topics(bootstrap)
    for (name,) in (row.values() for row in gateway.audit(_TABLES)):
        written[name] = gateway.audit_text(f"select * from {name}").encode()
    for path in (gateway.log, *(gateway.folder / "state" / "log").iterdir()):
        written[path.name] = path.read_bytes()
    return written


async def _topics(bootstrap: str) -> dict[str, bytes]:
    found = {topic.name: bytearray() for topic in TOPICS}
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic.name, n) for topic in TOPICS for n in range(topic.partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        behind = set(places)
        while behind:
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    found[place.topic] += (record.key or b"") + (record.value or b"")
            behind = {place for place in behind if await consumer.position(place) < ends[place]}
    finally:
        await consumer.stop()
    return {topic: _unpacked(bytes(data)) for topic, data in found.items()}


def _unpacked(data: bytes) -> bytes:
    parts = (data[at.start() :] for at in re.finditer(re.escape(_ZSTD), data))
    return data + b"".join(zstandard.ZstdDecompressor().decompressobj().decompress(part) for part in parts)
