"""One Kafka process, broker and controller in one (KRaft), over one folder."""

import asyncio
import base64
import contextlib
import os
import re
import shutil
import signal
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.kafka.jars import KafkaUnavailable
from infra.kafka.java import BROKER, STORAGE, Java, start

HOST = "127.0.0.1"
MAX_MESSAGE = 4 * 1024 * 1024 + 64 * 1024  # bytes: a batch with a largest event, and what is around it

_STARTED = b"Kafka Server started"
_START_LIMIT = 120.0  # seconds; after a hard stop Kafka reads its newest segments again
_STOP_LIMIT = 20.0
_PAUSE = 0.03
_TAIL = 12  # lines of the log in an error
_NO_ROOM = 1024 * 1024  # bytes

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=BROKER://{host}:{broker},CONTROLLER://{host}:{controller}
advertised.listeners=BROKER://{host}:{broker}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
message.max.bytes={max_message}
replica.fetch.max.bytes={max_message}
# One node, few clients: threads and buffers cost memory and start-up time.
num.network.threads=2
num.io.threads=2
background.threads=2
num.recovery.threads.per.data.dir=2
log.cleaner.dedupe.buffer.size=8388608
log.segment.bytes=134217728
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# After a hard stop the broker may register again when its last session is over.
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=500
# A gateway that was off for a month goes on where it was: as long as the longest topic is kept.
offsets.retention.minutes=576000
"""

# What Kafka's log says, and what to do about it; the first that is found counts.
_REMEDIES = (
    (r"No space left on device", "the disk is full: make room, then start again"),
    (r"Address already in use|Failed to bind", "one of its ports was taken while it started: start again"),
    (r"Failed to acquire lock", "another Kafka uses this folder: stop it"),
    (r"OutOfMemoryError|Cannot allocate memory", "the machine has no memory left for it"),
    (r"AccessDenied|Permission denied", "this user may not write there: change the folder's owner"),
    (
        r"[Cc]orrupt|KafkaStorageException|InconsistentClusterId|meta\.properties|bootstrap\.checkpoint",
        "the folder is damaged: restore it from a backup, or move it away to begin with an empty Kafka "
        "(what ClickHouse holds stays; events not yet written there are lost)",
    ),
)


@dataclass(frozen=True, slots=True)
class Ports:
    broker: int
    controller: int


class Broker:
    """A Kafka process. `folder` holds its data and settings, `log` gets its output."""

    def __init__(self, java: Java, folder: Path, ports: Ports, log: Path) -> None:
        self._java = java
        self._folder = folder
        self._ports = ports
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._began_at = 0  # offset in the log

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self, *, options: Sequence[str] = (), keep_open: Sequence[int] = ()) -> None:
        """Returns when it serves. To be called on a thread that lives as long as Kafka shall.

        `options`: further ones for Java. `keep_open`: file descriptors Kafka inherits.
        Raises KafkaUnavailable with what its log says; OSError when the folder cannot be written.
        """
        data = self._folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        settings = self._folder / "server.properties"
        settings.write_text(
            _PROPERTIES.format(
                host=HOST,
                broker=self._ports.broker,
                controller=self._ports.controller,
                data=data,
                max_message=MAX_MESSAGE,
            )
        )
        self._began_at = self._log.stat().st_size if self._log.exists() else 0
        if not (data / "meta.properties").exists():
            await self._format(settings)
        command = self._java.command(BROKER, str(settings), options=options)
        self._process = start(command, self._log, keep_open=keep_open)
        try:
            async with asyncio.timeout(_START_LIMIT):
                while _STARTED not in self._said():
                    if self._process.poll() is not None:
                        raise self._failed(f"ended with status {self._process.returncode}")
                    await asyncio.sleep(_PAUSE)
        except TimeoutError as error:
            await self.stop(0)
            raise self._failed(f"did not start within {_START_LIMIT:g} s") from error
        except asyncio.CancelledError:
            await self.stop()
            raise

    async def stop(self, seconds: float = _STOP_LIMIT) -> bool:
        """Lets it write what it holds and end. False: it did not within `seconds` and was killed."""
        process, self._process = self._process, None
        if process is None:
            return True
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        return await _wait(process, seconds)

    async def ended(self) -> str:
        """Returns when the process has ended without having been stopped, with the end of its log."""
        assert self._process is not None
        status = await asyncio.to_thread(self._process.wait)
        return str(self._failed(f"ended with status {status}"))

    def kill(self) -> None:
        """Ends it at once; what is on disk by then is kept."""
        if self._process is not None:
            _kill(self._process)

    async def _format(self, settings: Path) -> None:
        command = self._java.command(STORAGE, "format", "-t", _cluster_id(), "-c", str(settings))
        formatting = start(command, self._log)
        await _wait(formatting, _START_LIMIT)
        if formatting.returncode != 0:
            raise self._failed("could not format its folder")

    def _said(self) -> bytes:
        """What the log holds of this start."""
        with self._log.open("rb") as file:
            file.seek(self._began_at)
            return file.read()

    def _failed(self, what: str) -> KafkaUnavailable:
        said = self._said().decode(errors="replace")
        if shutil.disk_usage(self._folder).free < _NO_ROOM:  # then its log could not be written either
            said += "No space left on device\n"
        remedy = next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, said)), "")
        lines = [line for line in said.splitlines() if not line.startswith(("\tat ", "\t... "))]
        shown = "\n".join(f"  {line[:300]}" for line in lines[-_TAIL:])
        return KafkaUnavailable(
            f"the embedded Kafka in {self._folder} {what}{': ' + remedy if remedy else ''}\n"
            f"The end of {self._log}:\n{shown}"
        )


async def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    """Until it has ended by itself; False: it was killed, with its own children, after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.to_thread(process.wait)
    except TimeoutError:
        return False
    finally:
        _kill(process)
        process.wait()
    return True


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """With its own children: Java has one while it writes an archive."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):  # it ended this very moment
            os.killpg(process.pid, signal.SIGKILL)


def _cluster_id() -> str:
    """16 bytes in URL-safe base64, not beginning with the dash of an option."""
    while True:
        name = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not name.startswith("-"):
            return name
