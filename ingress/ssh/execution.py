"""One command line or shell: held until its verdict, then run at the host through the gateway."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import asyncssh

from ingress.command import Command
from ingress.gate import Allowed, Refusal
from ingress.inquiry import Refused
from ingress.interface import Finish
from ingress.ssh.keyboard import Keyboard
from ingress.ssh.reasons import REASON, TICKET
from ingress.ssh.refusal import CANCELLED, NOT_EXECUTED, refusal_line, refusal_text
from ingress.ssh.visit import Visit
from ingress.terminal.cast import INPUT, OUTPUT, RESIZE, Text
from ingress.terminal.obligations import unkept
from ingress.terminal.screen import PAUSE, Screen
from schemas.vocabulary import MaskedField, Obligations, Outcome

_PIECE = 64 * 1024
_STOPPED = 124  # the exit status of a command that was stopped at a limit, as timeout(1) has it
_NO_STATUS = 255  # as OpenSSH's client has it

Process = asyncssh.SSHServerProcess[bytes]


@dataclass(slots=True)
class _Stop:
    """The limit at which an answer was stopped."""

    limit: str = ""


class Execution:
    """`environment`: globs of the variables that may reach the host."""

    def __init__(self, visit: Visit, process: Process, environment: tuple[str, ...]) -> None:
        self._visit = visit
        self._process = process
        self._environment = {
            name: value
            for name, value in process.env.items()
            if name not in (REASON, TICKET) and any(fnmatchcase(name, glob) for glob in environment)
        }
        self._keyboard = Keyboard(process)
        self._has_terminal = process.term_type is not None

    async def line(self, text: str) -> None:
        """Runs a command line, if it may."""
        command = self._visit.judge.line(text, self._environment, self._process.env, self._has_terminal)
        await self._run(command, text)

    async def shell(self) -> None:
        """Runs an interactive shell, if it may."""
        await self._run(self._visit.judge.shell(self._environment, self._process.env), None)

    def refuse(self, command: str, refusal: Refusal) -> None:
        """Tells the client, and ends the channel."""
        said = refusal_text(refusal) if self._has_terminal else refusal_line(command, refusal)
        self._tell(said)
        self._process.exit(NOT_EXECUTED)

    async def _run(self, command: Command, text: str | None) -> None:
        try:
            allowed = await self._ask(command)
            if (refusal := unkept(allowed.obligations, command)) is not None:
                self._visit.abandon(command.id, refusal.message)
                raise Refused(refusal)
            self._visit.release(command.id)
        except Refused as refused:
            self.refuse(command.id, refused.refusal)
            return
        await Run(self._visit, self._process, self._keyboard, command, allowed.obligations).go(
            text, self._environment
        )

    async def _ask(self, command: Command) -> Allowed:
        """The verdict. Raises Refused, also when the client no longer wants it."""
        asking = asyncio.ensure_future(self._visit.ask(command, self._tell))
        leaving = asyncio.ensure_future(self._keyboard.wants_out())
        try:
            await asyncio.wait((asking, leaving), return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            raise Refused(CANCELLED)
        finally:
            for task in (asking, leaving):
                task.cancel()
            await asyncio.gather(asking, leaving, return_exceptions=True)

    def _tell(self, said: str) -> None:
        end = "\r\n" if self._has_terminal else "\n"
        text = said.replace("\n", end) + end
        self._visit.say(text)
        self._process.stderr.write(text.encode())


class Run:
    """One command at the host, from its release to its end."""

    def __init__(
        self, visit: Visit, process: Process, keyboard: Keyboard, command: Command, obligations: Obligations
    ) -> None:
        self._visit = visit
        self._process = process
        self._keyboard = keyboard
        self._command = command
        self._obligations = obligations
        self._detectors = obligations.masking.detectors
        self._masked: Counter[str] = Counter()
        self._bytes = 0
        self._lines = 0
        self._stop = _Stop()

    async def go(self, text: str | None, environment: Mapping[str, str]) -> None:
        """Runs it. Raises nothing but CancelledError: whatever happens is reported, once."""
        outcome, code, error = Outcome.UNKNOWN, "", "the client left before it ended"
        host: asyncssh.SSHClientProcess[bytes] | None = None
        try:
            process = self._process
            host = await self._visit.target.create_process(
                text,
                encoding=None,
                env=environment,
                term_type=process.term_type,
                term_size=process.term_size,
                term_modes=process.term_modes,
                request_pty="force" if process.term_type is not None else False,
            )
            outcome, code, error = await self._relay(host)
        except (asyncssh.Error, OSError) as failure:
            error = f"the host did not run it, or went away: {failure}"
            self._process.stderr.write(f"countersign: {error}\n".encode())
            self._process.exit(_NO_STATUS)
        finally:
            if host is not None:
                host.close()
            self._report(outcome, code, error)

    async def _relay(self, host: "asyncssh.SSHClientProcess[bytes]") -> tuple[Outcome, str, str]:
        typing = asyncio.ensure_future(self._feed(host))
        try:
            async with asyncio.timeout(self._obligations.seconds):
                await asyncio.gather(
                    self._show(host.stdout, self._process.stdout),
                    self._show(host.stderr, self._process.stderr),
                )
                await host.wait_closed()
        except TimeoutError:
            self._stop.limit = self._stop.limit or "time"
        finally:
            typing.cancel()
            await asyncio.gather(typing, return_exceptions=True)
        return await self._end(host)

    async def _end(self, host: "asyncssh.SSHClientProcess[bytes]") -> tuple[Outcome, str, str]:
        """Tells the client how it ended."""
        await self._process.stdout.drain()
        if limit := self._stop.limit:
            host.close()
            rule = self._obligations.rule_of(limit)
            said = f'countersign: stopped at its limit of {limit} by rule "{rule}"'
            self._process.stderr.write(said.encode() + b"\n")
            self._visit.say(said + "\n")
            self._process.exit(_STOPPED)
            return Outcome.FAILED, limit, said
        if host.exit_signal is not None:
            name, core_dumped, message, language = host.exit_signal
            self._process.exit_with_signal(name, core_dumped, message, language)
            return Outcome.FAILED, f"SIG{name}", f"ended by signal {name}"
        if host.exit_status is None:
            self._process.stderr.write(b"countersign: the host went away; how the command ended is unknown\n")
            self._process.exit(_NO_STATUS)
            return Outcome.UNKNOWN, "", "the host went away before it ended"
        self._process.exit(host.exit_status)
        self._visit.note(f"exit status {host.exit_status}")
        if host.exit_status == 0:
            return Outcome.SUCCEEDED, "", ""
        return Outcome.FAILED, str(host.exit_status), f"exit status {host.exit_status}"

    async def _show(self, reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]") -> None:
        """Output to the client, masked and counted, no faster than the client takes it."""
        screen, text = Screen(self._detectors), Text()

        def show(shown: bytes) -> None:
            if shown := self._within_limits(shown):
                # A picture is nothing to replay, and its text would be three times its size.
                is_text = b"\0" not in shown
                self._visit.record(
                    OUTPUT, text.decode(shown) if is_text else f"‹{len(shown)} bytes, no text›"
                )
                writer.write(shown)

        try:
            async for data in _pieces(reader, lambda: screen.keeps):
                show(screen.write(data) if data is not None else screen.settle())
                await writer.drain()
                await self._visit.recording_has_room()
                if self._stop.limit:
                    return
            show(screen.close())
            self._visit.record(OUTPUT, text.decode(b"", final=True))
        finally:
            self._masked += screen.masked

    def _within_limits(self, shown: bytes) -> bytes:
        """As much of it as the limits leave."""
        if self._stop.limit:
            return b""
        limits = self._obligations
        if limits.bytes is not None and self._bytes + len(shown) > limits.bytes:
            self._stop.limit = "bytes"
            shown = shown[: max(0, limits.bytes - self._bytes)]
        if limits.rows is not None and self._lines + shown.count(b"\n") > limits.rows:
            self._stop.limit = "rows"
            shown = b"".join(line + b"\n" for line in shown.split(b"\n")[: max(0, limits.rows - self._lines)])
        self._bytes += len(shown)
        self._lines += shown.count(b"\n")
        return shown

    async def _feed(self, host: "asyncssh.SSHClientProcess[bytes]") -> None:
        """Input to the host, with the terminal's size, signals and breaks."""
        screen, text = Screen(self._detectors), Text()
        has_terminal = self._process.term_type is not None
        while True:
            try:
                data = await self._keyboard.read(_PIECE)
            except asyncssh.TerminalSizeChanged as size:
                host.change_terminal_size(size.width, size.height, size.pixwidth, size.pixheight)
                self._visit.record(RESIZE, f"{size.width}x{size.height}")
                continue
            except asyncssh.SignalReceived as received:
                host.send_signal(received.signal)
                continue
            except asyncssh.BreakReceived as received:
                host.send_break(received.msec)
                continue
            with contextlib.suppress(BrokenPipeError, OSError):  # it may read no more, and still write
                if not data:
                    host.stdin.write_eof()
                    return
                if has_terminal:
                    self._visit.record(INPUT, text.decode(screen.write(data) + screen.settle()))
                host.stdin.write(data)
                await host.stdin.drain()

    def _report(self, outcome: Outcome, code: str, error: str) -> None:
        rule = self._obligations.rule_of(self._stop.limit)
        masked = tuple(
            MaskedField(f"detector:{name}", name, count) for name, count in sorted(self._masked.items())
        )
        self._visit.finish(
            Finish(
                command=self._command.id,
                outcome=outcome,
                rows=self._lines,
                bytes=self._bytes,
                error_code=code,
                error=error,
                masked=masked,
                limit=self._stop.limit,
                limit_rule=rule,
            )
        )


async def _pieces(
    reader: "asyncssh.SSHReader[bytes]", keeps: Callable[[], bool]
) -> AsyncIterator[bytes | None]:
    """What comes, and None when nothing came for a moment while something is kept."""
    reading: asyncio.Future[bytes] | None = None
    try:
        while True:
            reading = reading or asyncio.ensure_future(reader.read(_PIECE))
            await asyncio.wait((reading,), timeout=PAUSE if keeps() else None)
            if not reading.done():
                yield None
                await asyncio.wait((reading,))
                continue
            data, reading = reading.result(), None
            if not data:
                return
            yield data
    finally:
        if reading is not None:
            reading.cancel()
