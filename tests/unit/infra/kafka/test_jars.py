import re
from pathlib import Path

import pytest

from infra.kafka.jars import KAFKA_VERSION, Jar, cache_folder, pinned


def test_every_jar_is_pinned() -> None:
    jars = pinned()
    assert f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}" in [jar.coordinate for jar in jars]
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in jars)
    assert len({jar.path for jar in jars}) == len(jars)


def test_a_jar_is_where_a_maven_repository_has_it() -> None:
    jar = Jar("org.slf4j:slf4j-simple:1.7.36", "0" * 64)
    assert jar.path == Path("org/slf4j/slf4j-simple/1.7.36/slf4j-simple-1.7.36.jar")


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COUNTERSIGN_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


def test_the_cache_is_in_the_home_folder_otherwise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("COUNTERSIGN_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "countersign"
