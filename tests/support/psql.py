"""The real psql as a user would run it, with an environment of its own: nothing of ours leaks in."""

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from support.wait import eventually


@dataclass(frozen=True, slots=True)
class Finished:
    """What a psql that ended said."""

    code: int
    stdout: str
    stderr: str


def psql_environment(home: Path, ca: Path | None = None) -> dict[str, str]:
    """No ~/.psqlrc, no PG… of the caller's; `ca`: what verifies the server (sslmode=verify-full)."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    environment |= {"PGCONNECT_TIMEOUT": "20", "PSQLRC": os.devnull, "PAGER": ""}
    if ca is not None:
        environment |= {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(ca)}
    return environment


class Psql:
    """A psql that runs; what it said so far is in `stdout` and `stderr`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._output = bytearray()
        self._errors = bytearray()
        self._readers = asyncio.gather(
            _collect(process.stdout, self._output), _collect(process.stderr, self._errors)
        )

    @property
    def stdout(self) -> str:
        return self._output.decode(errors="replace")

    @property
    def stderr(self) -> str:
        return self._errors.decode(errors="replace")

    @property
    def pid(self) -> int:
        return self._process.pid

    def interrupt(self) -> None:
        """Presses Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    async def send(self, text: str) -> None:
        """Types this."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        await self._process.stdin.drain()

    async def said(self, pattern: str, *, seconds: float = 20) -> re.Match[str]:
        """The first match in what it says on either stream. Raises NeverHappened."""
        return await eventually(
            lambda: re.search(pattern, self.stderr + "\n" + self.stdout),
            seconds=seconds,
            what=f"psql saying {pattern!r} (so far: {self.stderr!r} {self.stdout!r})",
        )

    async def finish(self, *, seconds: float = 60) -> Finished:
        """Ends its input and waits for its end. Raises TimeoutError."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = await asyncio.wait_for(self._process.wait(), seconds)
        await self._readers
        return Finished(code, self.stdout, self.stderr)

    async def stop(self) -> None:
        """Ends it now, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._readers


@contextlib.asynccontextmanager
async def running_psql(conninfo: str, environment: dict[str, str], *options: str) -> AsyncIterator[Psql]:
    """A psql that reads what `send` types. `options`: further arguments, such as "-c", "select 1"."""
    process = await asyncio.create_subprocess_exec(
        "psql",
        "-X",
        *options,
        conninfo,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    psql = Psql(process)
    try:
        yield psql
    finally:
        await psql.stop()


async def run_psql(
    conninfo: str, environment: dict[str, str], script: str, *options: str, seconds: float = 60
) -> Finished:
    """Runs a script, one statement after the other, to its end."""
    async with running_psql(conninfo, environment, *options) as psql:
        await psql.send(script)
        return await psql.finish(seconds=seconds)


async def _collect(stream: asyncio.StreamReader | None, into: bytearray) -> None:
    assert stream is not None
    while chunk := await stream.read(65536):
        into += chunk
