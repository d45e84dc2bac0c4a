"""The jars of Apache Kafka: fetched once by Maven coordinates, each pinned by its SHA-256 in jars.txt."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from infra.filelock import alone

KAFKA_VERSION = "4.1.0"

Progress = Callable[[str], None]
"""Is given a sentence now and then while something takes long, from any thread."""

_AT_ONCE = 4  # downloads


class KafkaUnavailable(Exception):
    """The embedded Kafka cannot run; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Jar:
    coordinate: str  # "group:artifact:version"
    sha256: str

    @property
    def path(self) -> Path:
        """Where a Maven repository has it."""
        group, artifact, version = self.coordinate.split(":")
        return Path(*group.split("."), artifact, version, f"{artifact}-{version}.jar")


def pinned() -> tuple[Jar, ...]:
    """The jars of the class path, in its order."""
    lines = (files("infra.kafka") / "jars.txt").read_text().splitlines()
    pairs = [line.split() for line in lines if not line.startswith("#")]
    return tuple(Jar(coordinate, sha256) for sha256, coordinate in pairs)


def cache_folder() -> Path:
    """What may be fetched or made again: COUNTERSIGN_CACHE, or ~/.cache/countersign."""
    named = os.environ.get("COUNTERSIGN_CACHE")
    return Path(named).absolute() if named else Path.home() / ".cache" / "countersign"


async def class_path(cache: Path, progress: Progress) -> str:
    """The class path of Kafka; a jar that is missing or not what was pinned is fetched.

    Raises KafkaUnavailable, or OSError when the cache cannot be written.
    """
    repository = cache / "maven"
    if await asyncio.to_thread(_unsound, repository):
        async with alone(cache / "maven.lock"):
            await asyncio.to_thread(_fetch, repository, _unsound(repository), progress)
    return os.pathsep.join(str(repository / jar.path) for jar in pinned())


def _unsound(repository: Path) -> list[Jar]:
    return [jar for jar in pinned() if not _is_sound(repository, jar)]


def _is_sound(repository: Path, jar: Jar) -> bool:
    try:
        with (repository / jar.path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except FileNotFoundError:
        return False


def _fetch(repository: Path, jars: list[Jar], progress: Progress) -> None:
    if not jars:
        return
    # Imported here: it takes half a second, and a warm start needs none of it.
    from jgo.maven import MavenContext
    from requests import RequestException

    progress(f"downloading Apache Kafka {KAFKA_VERSION} (45 MB, once)")
    for jar in jars:
        # What a download that was cut short left behind; jgo would take it for the jar.
        (repository / jar.path).unlink(missing_ok=True)
    context = MavenContext(repo_cache=repository, timeout=60)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = [pool.submit(context.create_dependency(jar.coordinate).artifact.resolve) for jar in jars]
        try:
            for count, done in enumerate(as_completed(running), 1):
                done.result()
                if count % 10 == 0:
                    progress(f"downloading Apache Kafka {KAFKA_VERSION}: {count} of {len(running)} files")
        except (RequestException, RuntimeError, OSError) as error:
            pool.shutdown(wait=False, cancel_futures=True)
            raise KafkaUnavailable(
                f"Apache Kafka cannot be downloaded into {repository}: {error}\n"
                "Check the network (HTTPS_PROXY is honoured) and the disk, set COUNTERSIGN_CACHE to a cache "
                "folder that has it, or name a Kafka of your own with gateway.kafka."
            ) from error
    for jar in jars:
        if not _is_sound(repository, jar):
            (repository / jar.path).unlink()
            raise KafkaUnavailable(
                f"{jar.coordinate}: what was downloaded is not what was pinned (SHA-256 differs); removed.\n"
                "Try again; if it happens again, do not trust what serves Maven artifacts here."
            )
