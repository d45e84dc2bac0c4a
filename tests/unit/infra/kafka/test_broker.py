"""The broker over programs that behave like a Kafka in trouble; the real one is in tests/integration."""

import os
from pathlib import Path

import pytest

from infra.kafka.broker import Broker, Ports
from infra.kafka.jars import KafkaUnavailable
from infra.kafka.java import Java


def _broker(folder: Path, script: str) -> Broker:
    program = folder / "java"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    (folder / "data").mkdir()
    (folder / "data" / "meta.properties").touch()  # formatted already
    java = Java(program, "none.jar", folder / "none.aot")
    return Broker(java, folder, Ports(1, 2), folder / "kafka.log")


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("java.io.IOException: No space left on device", "the disk is full"),
        ("KafkaException: Socket server failed to bind: Address already in use", "start again"),
        ("KafkaException: Failed to acquire lock on file .lock in data", "another Kafka uses this folder"),
        ("java.lang.OutOfMemoryError: Java heap space", "no memory left"),
        ("java.nio.file.AccessDeniedException: data", "change the folder's owner"),
        ("RuntimeException: No readable meta.properties files found.", "restore it from a backup"),
    ],
)
async def test_an_end_before_it_started_says_what_to_do(tmp_path: Path, said: str, remedy: str) -> None:
    broker = _broker(tmp_path, f"echo '{said}'; echo '\tat kafka.Kafka.main(Kafka.scala)'; exit 3")
    with pytest.raises(KafkaUnavailable, match=remedy) as raised:
        await broker.start()
    assert "ended with status 3" in str(raised.value)
    assert said in str(raised.value)
    assert "at kafka.Kafka.main" not in str(raised.value)
    assert not broker.is_running


async def test_one_that_never_starts_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.kafka.broker._START_LIMIT", 0.3)
    broker = _broker(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600")
    with pytest.raises(KafkaUnavailable, match=r"did not start within 0\.3 s"):
        await broker.start()
    assert not broker.is_running
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_one_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    broker = _broker(tmp_path, "trap '' TERM; echo 'Kafka Server started'; while :; do sleep 0.1; done")
    await broker.start()
    assert broker.is_running
    assert await broker.stop(0.2) is False
    assert not broker.is_running


async def test_an_end_of_its_own_is_told(tmp_path: Path) -> None:
    broker = _broker(tmp_path, "echo 'Kafka Server started'; sleep 0.2; echo 'last words'; exit 7")
    await broker.start()
    said = await broker.ended()
    assert "ended with status 7" in said
    assert "last words" in said


async def test_what_an_earlier_start_said_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "kafka.log").write_text("Kafka Server started\nNo space left on device\n")
    broker = _broker(tmp_path, "echo 'something else'; exit 1")
    with pytest.raises(KafkaUnavailable) as raised:
        await broker.start()
    assert "disk" not in str(raised.value)
