"""All that a gateway wrote down or shows: every topic, every table and every log, with what is compressed in
them; pages; the arguments and environments of its processes."""

import re
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil
import zstandard
from aiokafka import AIOKafkaConsumer, TopicPartition
from support.builders import Someone
from support.gateway import Gateway

from infra.kafka.address import address_file
from ingress.web.credentials import forms_of
from schemas.topics import TOPICS

_PAGES = ("/", "/history", "/sessions", "/healthz", "/readyz", "/openapi.json", "/metrics", "/sign-in")
_API = ("/api/me", "/api/approvals", "/api/sessions", "/api/resources")
_LINKS = re.compile(r"(?:/api)?/(?:sessions|approvals)/[0-9a-f-]{36}")
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


async def pages(gateway: Gateway, *people: Someone) -> dict[str, bytes]:
    """What the API and the web page show these."""
    shown: dict[str, bytes] = {}
    for someone in people:
        async with httpx.AsyncClient(base_url=gateway.api_url, timeout=30, trust_env=False) as page:
            await page.post("/sign-in", data={"name": someone.name, "token": someone.token})
            async with gateway.api(someone) as api:
                waiting = [*_PAGES, *_API]
                while waiting and len(shown) < 200:
                    path = waiting.pop(0)
                    if path in shown:
                        continue
                    client = api if path.startswith("/api/") else page
                    text = (await client.get(path)).text
                    shown[path] = shown.get(path, b"") + text.encode()
                    links = set(_LINKS.findall(text))
                    links |= {f"/api{link}" for link in links if not link.startswith("/api")}
                    waiting += sorted(links - shown.keys())
        shown = {(path if path in _PAGES else f"{path} "): text for path, text in shown.items()}
    return shown


def processes(gateway: Gateway) -> dict[str, bytes]:
    """Arguments and environment of every process of the gateway's."""
    top = psutil.Process(gateway.process.pid)
    found = {}
    for process in (top, *top.children(recursive=True)):
        arguments = process.cmdline()
        role = next((word for word in arguments if word in _ROLES), process.name())
        found[f"{process.pid} {role}: arguments"] = "\0".join(arguments).encode()
        found[f"{process.pid} {role}: environment"] = repr(process.environ()).encode()
    return found


_ROLES = ("up", "ingress", "processors", "projections", "api", "clickhouse")


def middle(path: Path) -> str:
    """What of a secret file could not stand elsewhere by chance: of a key, a line in its middle."""
    data = path.read_bytes()
    if b"PRIVATE KEY" in data:
        return data.decode().splitlines()[1]
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        return data.hex()


def leaks(held: Mapping[str, str], written: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Each of these secrets that stands somewhere, in whatever form: its name, and where."""
    return [
        (name, place)
        for name, secret in held.items()
        for form in forms_of(secret)
        for place, data in written.items()
        if form in data
    ]
