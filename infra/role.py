"""A role as a process of its own, with its log in a file."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from infra.child import dying_with_us
from infra.readiness import READY, READY_FD
from infra.supervisor import PartFailed

_READY_LIMIT = 90.0  # seconds
_STOP_LIMIT = 15.0
_TAIL = 15  # lines of its log in an error
_LOG_LIMIT = 16 * 1024 * 1024  # bytes; a longer log is put aside at the next start


class RoleProcess:
    """One process. It says that it is ready through infra/readiness.py; its output is appended to `log`."""

    def __init__(self, name: str, command: Sequence[str], log: Path, after: tuple[str, ...] = ()) -> None:
        self.name = name
        self.after = after
        self.command = tuple(command)
        self._log = log
        self._process: Process | None = None
        self._began_at = 0  # offset in the log

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Returns when it has said that it is ready. Raises PartFailed with the end of its log.

        To be called on a thread that lives as long as the process shall (infra/child.py).
        """
        try:
            async with asyncio.timeout(_READY_LIMIT):
                ready = await self._launch()
        except TimeoutError as error:
            self.kill()
            raise self._failed(f"was not ready within {_READY_LIMIT:g} s") from error
        except OSError as error:
            raise PartFailed(f"{self.name} cannot be started: {error}") from error
        except asyncio.CancelledError:
            await self.stop()
            raise
        if not ready:
            raise self._failed(await self._end())

    async def ended(self) -> str:
        """Returns when it has ended, with its status and the end of its log."""
        return str(self._failed(await self._end()))

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when it takes longer than 15 seconds."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_LIMIT):
                await process.wait()
        except TimeoutError:
            pass  # killed below
        finally:
            _kill(process)
            await process.wait()

    def kill(self) -> None:
        if self._process is not None:
            _kill(self._process)

    async def _launch(self) -> bool:
        """Starts it; whether it said that it is ready, rather than ended."""
        self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.1"))
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            try:
                with self._log.open("ab") as output:
                    self._began_at = output.tell()
                    self._process = await asyncio.create_subprocess_exec(
                        *self.command,
                        stdin=asyncio.subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        pass_fds=(writing,),
                        preexec_fn=dying_with_us(),
                        start_new_session=True,  # a Ctrl-C is for us; we stop the parts in order
                        env={**os.environ, READY_FD: str(writing)},
                    )
            finally:
                os.close(writing)  # so that the pipe ends when the child does
            return await _read(pipe) == READY

    async def _end(self) -> str:
        assert self._process is not None
        status = await self._process.wait()
        if status < 0:
            return f"was ended by {signal.Signals(-status).name}"
        return f"ended with status {status}"

    def _failed(self, what: str) -> PartFailed:
        with self._log.open("rb") as file:
            file.seek(self._began_at)
            lines = file.read().decode(errors="replace").splitlines()
        shown = "".join(f"\n  {line[:400]}" for line in lines[-_TAIL:])
        return PartFailed(f"{self.name} {what}. The end of {self._log}:{shown or ' (nothing)'}")


async def _read(pipe: IO[bytes]) -> bytes:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        return await reader.readline()
    finally:
        transport.close()


def _kill(process: Process) -> None:
    """With its own children, should it have any."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
