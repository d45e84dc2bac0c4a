"""Breaking a running gateway on purpose: its processes found by role, paused, killed, awaited."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg
import psutil
from support.builders import AGENT, Someone
from support.gateway import Gateway
from support.postgres import Postgres
from support.wait import eventually


@dataclass(frozen=True, slots=True)
class Breakable:
    """A gateway and the PostgreSQL behind it, both the test's own."""

    gateway: Gateway
    postgres: Postgres

    def process(self, role: str) -> psutil.Process:
        """The process of a role, or `kafka`, as it is now. Raises AssertionError where there is none."""
        found = self._find(role)
        assert found is not None, f"no process of {role}\n{self.gateway.logs()}"
        return found

    @contextmanager
    def paused(self, role: str) -> Iterator[None]:
        """While this lasts the process does not answer, though it is there."""
        process = self.process(role)
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    async def kill(self, role: str) -> None:
        """Ends the process at once, and waits until the supervisor has another one ready."""
        old = self.process(role)
        lines = self._said_ready(role)
        old.kill()
        await eventually(
            lambda: self._said_ready(role) > lines and self._find(role) not in (None, old),
            seconds=60,
            what=f"{role} ready again",
        )

    async def connect(self, resource: str = "orders", someone: Someone = AGENT) -> asyncpg.Connection:
        return await asyncpg.connect(self.gateway.conninfo(resource, someone), timeout=30)

    async def works(self) -> None:
        """Waits until a new session's command runs."""

        async def runs() -> bool:
            try:
                connection = await self.connect()
                try:
                    return bool(await connection.fetchval("select 1", timeout=20) == 1)
                finally:
                    await connection.close(timeout=5)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                return False

        await eventually(runs, seconds=60, what="a command through the gateway")

    def _find(self, role: str) -> psutil.Process | None:
        for child in psutil.Process(self.gateway.process.pid).children(recursive=True):
            try:
                words = child.cmdline()
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
            if (role == "kafka" and "kafka.Kafka" in words) or ("api.cli" in words and role in words):
                return child
        return None

    def _said_ready(self, role: str) -> int:
        log = self.gateway.log.read_text(errors="replace")
        return sum(line.split()[:2] == [role, "ready"] for line in log.splitlines())
