"""One command at the host, from its release to its end."""

import asyncio
import contextlib
from collections.abc import Mapping

import asyncssh

from ingress.command import Command
from ingress.ssh.answer import PIECE, Answer, pieces_of
from ingress.ssh.keyboard import Keyboard
from ingress.ssh.refusal import stopped_text
from ingress.ssh.start import Process, start_at_host
from ingress.ssh.typed import Typed
from ingress.ssh.visit import Visit
from ingress.terminal.cast import INPUT, RESIZE
from ingress.terminal.guard import Blocked, Guard
from ingress.terminal.screen import PAUSE
from schemas.vocabulary import Obligations, Outcome

_STOPPED = 124  # the exit status of a command that was stopped at a limit, as timeout(1) has it
_PATIENCE = 1.0  # seconds without input, after which even what may become a value goes to the host
NO_STATUS = 255  # as OpenSSH's client has it

HostProcess = asyncssh.SSHClientProcess[bytes]


class Run:
    """One command at the host, from its release to its end."""

    def __init__(
        self, visit: Visit, process: Process, keyboard: Keyboard, command: Command, obligations: Obligations
    ) -> None:
        self._visit = visit
        self._process = process
        self._keyboard = keyboard
        self._obligations = obligations
        self._answer = Answer(visit, command, obligations)
        self._typed = Typed(obligations.masking.detectors)

    async def go(self, text: str | None, environment: Mapping[str, str], subsystem: str | None) -> None:
        """Runs it: a command line, a subsystem, or where both are None a shell. Raises
        nothing but CancelledError: whatever happens is reported, once."""
        outcome, code, error = Outcome.UNKNOWN, "", "the client left before it ended"
        host: HostProcess | None = None
        try:
            host = await start_at_host(self._visit, self._process, text, environment, subsystem)
            outcome, code, error = await self._relay(host)
        except (asyncssh.Error, OSError) as failure:
            error = f"the host did not run it, or went away: {failure}"
            self._process.stderr.write(f"countersign: {error}\n".encode())
            self._process.exit(NO_STATUS)
        finally:
            if host is not None:
                host.close()
            self._answer.report(outcome, code, error)

    async def _relay(self, host: HostProcess) -> tuple[Outcome, str, str]:
        typing = asyncio.ensure_future(self._feed(host))
        try:
            async with asyncio.timeout(self._obligations.seconds):
                await asyncio.gather(
                    self._show(host, host.stdout, self._process.stdout),
                    self._show(host, host.stderr, self._process.stderr),
                )
                await host.wait_closed()
        except TimeoutError:
            self._answer.stop_in_time()
        finally:
            typing.cancel()
            await asyncio.gather(typing, return_exceptions=True)
        return await self._end(host)

    async def _end(self, host: HostProcess) -> tuple[Outcome, str, str]:
        """Tells the client how it ended."""
        await self._process.stdout.drain()
        if limit := self._answer.limit:
            host.close()
            said = stopped_text(limit, self._answer.rule)
            self._process.stderr.write(said.encode() + b"\n")
            self._visit.say(said + "\n")
            self._process.exit(_STOPPED)
            return Outcome.FAILED, limit, said
        if host.exit_signal is not None:
            name, core_dumped, message, language = host.exit_signal
            self._process.exit_with_signal(name, core_dumped, message, language)
            self._visit.note(f"ended by signal {name}")
            return Outcome.FAILED, f"SIG{name}", f"ended by signal {name}"
        if host.exit_status is None:
            self._process.stderr.write(b"countersign: the host went away; how the command ended is unknown\n")
            self._process.exit(NO_STATUS)
            return Outcome.UNKNOWN, "", "the host went away before it ended"
        self._process.exit(host.exit_status)
        self._visit.note(f"exit status {host.exit_status}")
        if host.exit_status == 0:
            return Outcome.SUCCEEDED, "", ""
        return Outcome.FAILED, str(host.exit_status), f"exit status {host.exit_status}"

    async def _show(
        self, host: HostProcess, reader: "asyncssh.SSHReader[bytes]", writer: "asyncssh.SSHWriter[bytes]"
    ) -> None:
        """Output to the client, no faster than the client takes it."""
        stream = self._answer.stream()
        try:
            async for data in pieces_of(reader, lambda: stream.keeps):
                shown = stream.write(data) if data is not None else stream.settle()
                self._typed.shows(shown)
                writer.write(shown)
                await writer.drain()
                await self._visit.recording_has_room()
                if self._answer.limit:
                    host.close()  # so that its other stream ends, too
                    return
            writer.write(stream.close())
        except Blocked as blocked:
            self._block(host, blocked)

    def _block(self, host: HostProcess, blocked: Blocked) -> None:
        self._answer.block(blocked)
        host.close()

    async def _feed(self, host: HostProcess) -> None:
        """Input to the host, with the terminal's size, signals and breaks."""
        has_terminal = self._process.term_type is not None
        guard = Guard(self._obligations.block)
        while True:
            try:
                data = await self._next(host, guard)
                leaving = guard.write(data) if data else guard.close()
            except Blocked as blocked:
                self._block(host, blocked)
                return
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
                if data and has_terminal:
                    self._visit.record(INPUT, self._typed.write(data))
                    self._answer.typed()
                host.stdin.write(leaving)
                if not data:
                    host.stdin.write_eof()
                    return
                await host.stdin.drain()

    async def _next(self, host: HostProcess, guard: Guard) -> bytes:
        """Input as it comes; where it pauses, what the guard keeps goes to the host, since the client may
        wait for an answer to it. Raises Blocked, and what the channel raises."""
        reading = asyncio.ensure_future(self._keyboard.read(PIECE))
        try:
            for seconds, leaving in ((PAUSE, guard.settle), (_PATIENCE, guard.close)):
                if guard.keeps:
                    await asyncio.wait((reading,), timeout=seconds)
                if guard.keeps and not reading.done():
                    with contextlib.suppress(OSError):
                        host.stdin.write(leaving())
            return await reading
        finally:
            reading.cancel()
