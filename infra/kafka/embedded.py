"""The embedded Kafka: Apache Kafka as a child process, its data under the state folder.

It listens on loopback alone and asks nobody to sign in: what keeps a forged event from counting is its
signature. Its ports are chosen at first start and kept; its jars and their loaded form are in a cache
that all state folders share.
"""

import json
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import IO

from infra.filelock import alone, take
from infra.kafka.address import address_file
from infra.kafka.broker import HOST, Broker, Ports
from infra.kafka.jars import KafkaUnavailable, Progress, cache_folder
from infra.kafka.java import Java, find_java

# Below the range that Linux takes outgoing ports from, so that a kept port is still free after a restart.
_PORT_RANGE = range(20_000, 32_000)
_LOCK_PATIENCE = 15.0  # seconds for one that is just stopping
_ARCHIVE_LIMIT = 120.0  # seconds


class EmbeddedKafka:
    """The Kafka of one state folder. `progress` is given a sentence now and then during a slow start."""

    def __init__(self, state: Path, progress: Progress = lambda sentence: None) -> None:
        self._state = state.absolute()
        self._folder = self._state / "kafka"
        self._log = self._state / "log" / "kafka.log"
        self._progress = progress
        self._broker: Broker | None = None
        self._lock: IO[str] | None = None
        self._bootstrap = ""

    @property
    def bootstrap(self) -> str:
        """ "host:port", once it was started."""
        return self._bootstrap

    @property
    def is_running(self) -> bool:
        return self._broker is not None and self._broker.is_running

    async def start(self) -> None:
        """Returns when it serves; kafka_address() then finds it. Nothing happens when it runs already.

        To be called on a thread that lives as long as Kafka shall: it ends with that thread.
        Raises KafkaUnavailable.
        """
        if self.is_running:
            return
        await self.stop()
        try:
            # Events are for the gateway's eyes alone.
            self._state.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._log.parent.mkdir(mode=0o700, exist_ok=True)
            java = await _prepared_java(cache_folder(), self._progress)
            self._lock = await self._locked()
            ports = self._ports()
            if self._log.exists():
                self._log.replace(self._log.with_suffix(".log.1"))
            self._broker = Broker(java, self._folder, ports, self._log)
            # Kafka inherits the lock: as long as it lives, even without us, nobody else starts one here.
            await self._broker.start(keep_open=(self._lock.fileno(),))
            self._bootstrap = f"{HOST}:{ports.broker}"
            address_file(self._state).write_text(self._bootstrap + "\n")
        except OSError as error:
            await self.stop()
            raise KafkaUnavailable(f"the embedded Kafka in {self._folder} cannot start: {error}") from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Ends it and keeps its data. Nothing happens when it does not run."""
        if self._broker is not None:
            address_file(self._state).unlink(missing_ok=True)
            await self._broker.stop()
            self._broker = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def ended(self) -> str:
        """Returns when Kafka has ended without having been stopped, with the end of its log."""
        assert self._broker is not None
        return await self._broker.ended()

    def kill(self) -> None:
        """Ends it at once; what it had written is kept."""
        if self._broker is not None:
            self._broker.kill()

    async def _locked(self) -> IO[str]:
        path = self._folder / "lock"
        try:
            lock = await take(path, _LOCK_PATIENCE)
        except TimeoutError as error:
            holder = path.read_text().strip() or "unknown"
            raise KafkaUnavailable(
                f"the embedded Kafka in {self._folder} is in use by another Countersign (process {holder}): "
                "stop that one, or give this one a state folder of its own with gateway.state."
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        return lock

    def _ports(self) -> Ports:
        """The ports kept from the first start, or two free ones. Raises KafkaUnavailable."""
        path = self._folder / "ports.json"
        if not path.exists():
            ports = free_ports()
            path.write_text(json.dumps({"broker": ports.broker, "controller": ports.controller}) + "\n")
            return ports
        try:
            kept = json.loads(path.read_text())
            ports = Ports(int(kept["broker"]), int(kept["controller"]))
        except (ValueError, KeyError, TypeError) as error:
            raise KafkaUnavailable(
                f'{path} is damaged: expected {{"broker": PORT, "controller": PORT}}; '
                "remove it, and other ports are chosen."
            ) from error
        for port in (ports.broker, ports.controller):
            if not _is_free(port):
                raise KafkaUnavailable(
                    f"{HOST}:{port}, where the embedded Kafka in {self._folder} listens, is taken by another "
                    f"program: stop it, or remove {path}, and other ports are chosen."
                )
        return ports


def free_ports() -> Ports:
    """Two ports nobody listens on now. Raises KafkaUnavailable when there are none."""
    found: set[int] = set()
    for _ in range(200):
        port = secrets.choice(_PORT_RANGE)
        if _is_free(port):
            found.add(port)
        if len(found) == 2:
            return Ports(*found)
    raise KafkaUnavailable(f"no two free ports on {HOST} between {_PORT_RANGE.start} and {_PORT_RANGE.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As Kafka does: connections of an earlier run that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


async def _prepared_java(cache: Path, progress: Progress) -> Java:
    """Java with Kafka's jars, and with its classes loaded beforehand: made once, 15 seconds."""
    java = await find_java(cache, progress)
    if not java.archive.exists():
        async with alone(cache / "archive.lock"):
            if not java.archive.exists():
                progress("preparing a quick start of Kafka (once)")
                await _make_archive(java, cache, progress)
    return java


async def _make_archive(java: Java, cache: Path, progress: Progress) -> None:
    """Runs a Kafka over an empty folder and has Java write what it loaded when it ends (JEP 514)."""
    with tempfile.TemporaryDirectory(dir=cache, prefix="archive-") as name:
        folder = Path(name)
        draft = folder / "kafka.aot"
        broker = Broker(java, folder, free_ports(), folder / "kafka.log")
        await broker.start(options=(f"-XX:AOTCacheOutput={draft}",))
        if await broker.stop(_ARCHIVE_LIMIT) and draft.exists():
            draft.replace(java.archive)
        else:
            progress("Java did not prepare the quick start; Kafka will take two seconds more")
