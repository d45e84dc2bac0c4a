"""The real embedded Kafka: starts, keeps its data, stops, and says what is wrong when it cannot."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from support.wait import eventually

from infra.kafka.address import KafkaAddress, address_file
from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.jars import KafkaUnavailable
from infra.kafka.topics import create_topics
from schemas.topics import COMMANDS

_TOPIC = COMMANDS.name


@pytest.fixture
async def kafka(tmp_path: Path) -> AsyncIterator[EmbeddedKafka]:
    """One of the test's own, started."""
    running = EmbeddedKafka(tmp_path)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


async def _produce(bootstrap: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(_TOPIC, value, partition=0)
    finally:
        await producer.stop()


async def _consume(bootstrap: str) -> bytes:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(_TOPIC, 0)])
        record = await asyncio.wait_for(consumer.getone(), 20)
        return bytes(record.value)
    finally:
        await consumer.stop()


async def test_a_restart_keeps_data_and_address(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    address = kafka.bootstrap
    await create_topics(KafkaAddress(address))
    await _produce(address, b"before the restart")
    assert address_file(tmp_path).read_text().strip() == address
    await kafka.stop()
    assert not kafka.is_running
    assert not address_file(tmp_path).exists()

    again = EmbeddedKafka(tmp_path)
    await again.start()
    try:
        assert again.bootstrap == address
        assert await _consume(address) == b"before the restart"
    finally:
        await again.stop()


async def test_a_kill_loses_nothing_that_was_acknowledged(kafka: EmbeddedKafka) -> None:
    await create_topics(KafkaAddress(kafka.bootstrap))
    await _produce(kafka.bootstrap, b"before the kill")
    kafka.kill()
    assert "ended with status -9" in await kafka.ended()
    await kafka.start()
    assert await _consume(kafka.bootstrap) == b"before the kill"


async def test_it_listens_on_loopback_alone(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    ports = json.loads((tmp_path / "kafka" / "ports.json").read_text())
    for port in ports.values():
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        with (
            pytest.raises(OSError, match="refused"),
            socket.create_connection(("127.0.0.2", port), timeout=5),
        ):
            pass


async def test_starting_twice_is_starting_once(kafka: EmbeddedKafka) -> None:
    address = kafka.bootstrap
    await kafka.start()
    assert kafka.bootstrap == address
    assert kafka.is_running


async def test_a_state_folder_in_use_is_said(
    kafka: EmbeddedKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.kafka.embedded._LOCK_PATIENCE", 0.2)
    with pytest.raises(
        KafkaUnavailable, match=rf"in use by another Countersign \(process {os.getpid()}\): stop that one"
    ):
        await EmbeddedKafka(tmp_path).start()
    assert kafka.is_running
    assert address_file(tmp_path).exists()


async def test_a_port_taken_by_another_program_is_said(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "kafka" / "ports.json").write_text(json.dumps({"broker": port, "controller": 1}))
        with pytest.raises(KafkaUnavailable, match=rf"127\.0\.0\.1:{port}, where .* is taken by another"):
            await EmbeddedKafka(tmp_path).start()


async def test_a_damaged_port_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "ports.json").write_text("[]")
    with pytest.raises(KafkaUnavailable, match="is damaged: expected"):
        await EmbeddedKafka(tmp_path).start()


async def test_a_damaged_folder_is_said(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    await kafka.stop()
    (tmp_path / "kafka" / "data" / "meta.properties").write_text("version=1\nnode.id=7\n")
    with pytest.raises(KafkaUnavailable, match="restore it from a backup") as raised:
        await kafka.start()
    assert "meta.properties" in str(raised.value)
    assert not kafka.is_running


async def test_a_state_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(KafkaUnavailable, match="cannot start"):
        await EmbeddedKafka(tmp_path / "state").start()


async def test_a_start_that_is_cancelled_leaves_nothing_behind(tmp_path: Path) -> None:
    kafka = EmbeddedKafka(tmp_path)
    starting = asyncio.create_task(kafka.start())
    await eventually((tmp_path / "log" / "kafka.log").exists, what="the first output")
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not kafka.is_running
    await kafka.start()  # neither the lock nor a half-made folder is in the way
    await kafka.stop()


async def test_it_ends_with_a_parent_that_was_killed_and_starts_again(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from infra.kafka.embedded import EmbeddedKafka\n"
        "async def main():\n"
        "    kafka = EmbeddedKafka(Path(sys.argv[1]))\n"
        "    await kafka.start()\n"
        "    print(kafka.bootstrap, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    host, port = (await asyncio.wait_for(parent.stdout.readline(), 120)).decode().strip().split(":")
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await eventually(lambda: not _listens(host, int(port)), what="Kafka's end")

    kafka = EmbeddedKafka(tmp_path)
    await kafka.start()  # waits for the lock until the other one is quite gone
    try:
        assert kafka.bootstrap == f"{host}:{port}"
    finally:
        await kafka.stop()


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except ConnectionRefusedError:
        return False
