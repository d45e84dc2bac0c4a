"""OpenSSH's ssh with a terminal at the other end, typed into as a person does."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

import asyncssh
from support.sshd import Client, Done, Running
from support.wait import eventually

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_MOMENT = 0.4  # seconds: longer than the gateway keeps a prompt back
PROMPT = r"\w+@[\w-]+:[^\n$]*\$ "


class Typed(Protocol):
    """A program at a terminal: `out` is all that it showed."""

    out: bytearray

    @property
    def has_ended(self) -> bool: ...

    async def send(self, data: bytes) -> None: ...


class Terminal:
    """`text`: all that it showed, without what moves the cursor."""

    def __init__(self, running: Typed) -> None:
        self._running = running
        self._seen = 0

    @property
    def text(self) -> str:
        return _CONTROL.sub("", self._running.out.decode(errors="replace"))

    async def shows(self, pattern: str) -> str:
        """What it showed up to here, from where the last look ended."""
        found: re.Match[str] | None = None

        def appears() -> bool:
            nonlocal found
            found = re.compile(pattern).search(self.text, self._seen)
            return found is not None

        try:
            await eventually(appears, what=pattern)
        except AssertionError as error:
            raise AssertionError(f"{pattern!r} is not in {self.text[self._seen :]!r}") from error
        assert found is not None
        said = self.text[self._seen : found.end()]
        self._seen = found.end()
        return said

    def skip(self) -> None:
        """Looks at nothing that it has shown until now."""
        self._seen = len(self.text)

    async def type(self, data: str | bytes) -> None:
        await self._running.send(data.encode() if isinstance(data, str) else data)

    async def line(self, text: str) -> str:
        """Types a line; all that is shown up to the next prompt."""
        await self.type(text + "\r")
        await self.shows(r"\r\n")
        return await self.shows(PROMPT)

    async def quiet(self) -> None:
        """Returns once it has shown nothing more for a moment, or has ended."""
        before = None
        while before != len(self._running.out) and not self.has_ended:
            before = len(self._running.out)
            await asyncio.sleep(_MOMENT)

    @property
    def has_ended(self) -> bool:
        return self._running.has_ended


class ClientTerminal(Terminal):
    """Of a client program."""

    def __init__(self, running: Running) -> None:
        super().__init__(running)
        self._client = running

    async def finish(self) -> Done:
        return await self._client.finish()

    async def ends(self) -> int:
        """The client's exit status, once it has left by itself."""
        return await self._client.process.wait()


@dataclass(slots=True)
class _Channel:
    """A shell on a connection that others share."""

    process: "asyncssh.SSHClientProcess[bytes]"
    out: bytearray = field(default_factory=bytearray)

    @property
    def has_ended(self) -> bool:
        return self.process.is_closing()

    async def send(self, data: bytes) -> None:
        with suppress(BrokenPipeError):  # it has ended
            self.process.stdin.write(data)

    async def read(self) -> None:
        while data := await self.process.stdout.read(65536):
            self.out += data


@asynccontextmanager
async def shell_on(connection: asyncssh.SSHClientConnection) -> AsyncIterator[Terminal]:
    """An interactive shell on a connection that others may share, at its first prompt."""
    channel = _Channel(await connection.create_process(term_type="xterm", term_size=(80, 24), encoding=None))
    reading = asyncio.create_task(channel.read())
    try:
        shell = Terminal(channel)
        await shell.shows(PROMPT)
        yield shell
    finally:
        reading.cancel()
        channel.process.close()
        await channel.process.wait_closed()


async def leave(shell: Terminal) -> None:
    """Stops what runs, until the shell waits for a line again, or has ended."""
    await shell.quiet()
    while not re.search(PROMPT + r"\Z", shell.text) and not shell.has_ended:
        await shell.type(b"\x03\r")
        await shell.quiet()
    shell.skip()


@asynccontextmanager
async def terminal(
    client: Client, resource: str, *, options: Sequence[str] = (), ready: str = PROMPT
) -> AsyncIterator[ClientTerminal]:
    """An interactive shell on the resource, at its first prompt."""
    argv = ["ssh", "-tt", *client.options(resource), *options, "127.0.0.1"]
    async with client.running(argv, env={"TERM": "xterm"}) as running:
        shell = ClientTerminal(running)
        await shell.shows(ready)
        yield shell
