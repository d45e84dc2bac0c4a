"""Fetching the jars, by real HTTP from a repository on this machine."""

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jgo.maven
import pytest
from support.processes import free_port

from infra.kafka.jars import KafkaUnavailable, cache_folder, class_path, pinned


def _ignore(sentence: str) -> None:
    """Progress that nobody sees."""


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, Counter[str]]]:
    """A Maven repository over HTTP: its URL, and how often each path was asked for."""
    asked: Counter[str] = Counter()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            asked[self.path] += 1

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            asked[self.path] += 1

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


def _fetch_from(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        jgo.maven, "MavenContext", partial(jgo.maven.MavenContext, remote_repos={"here": url})
    )


@pytest.fixture
async def repository() -> Path:
    """The jars that this machine has; fetched where it has none yet."""
    await class_path(cache_folder(), _ignore)
    return cache_folder() / "maven"


async def test_all_are_fetched_once_by_all_who_need_them(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    with _serving(repository) as (url, asked):
        _fetch_from(url, monkeypatch)
        paths = await asyncio.gather(*(class_path(tmp_path, told.append) for _ in range(4)))
    assert len(set(paths)) == 1
    assert len(paths[0].split(os.pathsep)) == len(pinned())
    assert all(os.path.isfile(path) for path in paths[0].split(os.pathsep))  # noqa: ASYNC240
    assert {asked[f"/{jar.path}"] for jar in pinned()} == {1}
    assert told[0].startswith("downloading Apache Kafka")


async def test_a_jar_that_is_not_what_was_pinned_is_fetched_again(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _copy(repository, tmp_path / "maven")
    damaged = pinned()[-1]
    (tmp_path / "maven" / damaged.path).unlink()
    (tmp_path / "maven" / damaged.path).write_bytes(b"cut sho")
    with _serving(repository) as (url, asked):
        _fetch_from(url, monkeypatch)
        await class_path(tmp_path, _ignore)
    assert [path for path in asked if path.endswith(".jar")] == [f"/{damaged.path}"]


async def test_a_repository_that_serves_something_else_is_not_believed(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _copy(repository, tmp_path / "maven")
    _copy(repository, tmp_path / "served")
    forged = pinned()[1]
    for folder in ("maven", "served"):
        (tmp_path / folder / forged.path).unlink()
    (tmp_path / "served" / forged.path).write_bytes(b"PK, but another one")
    with _serving(tmp_path / "served") as (url, _):
        _fetch_from(url, monkeypatch)
        with pytest.raises(KafkaUnavailable, match=r"is not what was pinned \(SHA-256 differs\); removed"):
            await class_path(tmp_path, _ignore)
    assert not (tmp_path / "maven" / forged.path).exists()


async def test_no_network_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fetch_from(f"http://127.0.0.1:{free_port()}", monkeypatch)
    with pytest.raises(KafkaUnavailable, match="Check the network"):
        await class_path(tmp_path, _ignore)


def _copy(repository: Path, to: Path) -> None:
    for jar in pinned():
        (to / jar.path).parent.mkdir(parents=True, exist_ok=True)
        os.link(repository / jar.path, to / jar.path)
