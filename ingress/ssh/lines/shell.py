"""One interactive shell under line policy: prompt, verdict, the program that runs, the next prompt."""

import asyncio
import contextlib
from collections.abc import Mapping

import asyncssh

from ingress.command import Command
from ingress.inquiry import Refused
from ingress.shell.place import Place
from ingress.ssh.answer import PIECE, Answer, Stream, pieces_of
from ingress.ssh.judge import LONGEST
from ingress.ssh.keyboard import Keyboard
from ingress.ssh.lines.display import Display
from ingress.ssh.lines.driver import Driver
from ingress.ssh.lines.editor import End
from ingress.ssh.lines.marks import Mark
from ingress.ssh.lines.prompt import Prompt
from ingress.ssh.refusal import TOO_LONG, refusal_text, stopped_text
from ingress.ssh.run import NO_STATUS
from ingress.ssh.start import Process, start_at_host
from ingress.ssh.typed import Typed
from ingress.ssh.visit import Visit
from ingress.terminal.cast import INPUT, RESIZE
from ingress.terminal.guard import Guard
from ingress.terminal.obligations import unkept
from schemas.vocabulary import Obligations, Outcome

_START = 20.0  # seconds for the host's shell to say that it waits
_STOPPING = 2.0  # seconds for a program to heed Ctrl-C at a limit, before its shell ends
_CTRL_C = b"\x03"
_MOST_EARLY = 64 * 1024  # bytes
_STOPPED = 124


class LineShell:
    """`environment`: the variables that go to the host."""

    def __init__(
        self, visit: Visit, process: Process, keyboard: Keyboard, environment: Mapping[str, str]
    ) -> None:
        self._visit = visit
        self._process = process
        self._keyboard = keyboard
        self._environment = environment
        self._detectors = visit.judge.subject.detectors
        self._prompt = Prompt(process.term_size[0] or 80)
        self._display = Display(visit, process, self._prompt)
        self._driver = Driver(self._write_host)
        self._host: asyncssh.SSHClientProcess[bytes] | None = None
        self._waits: asyncio.Queue[Mark | None] = asyncio.Queue()
        self._typed = asyncio.Event()
        self._wants_out = asyncio.Event()
        self._stop = asyncio.Event()
        self._idle = Stream(visit, self._detectors, Guard(()), lambda shown: shown)
        self._running: tuple[Answer, Stream] | None = None
        self._input = Typed(self._detectors)
        self._is_asking = False
        self._client_is_done = False
        self._has_begun = False
        self._early = bytearray()
        self._relayed = False  # whether a program may have left something unread
        self._home = self._folder = ""
        self._status = 0
        self._changed = False

    async def go(self) -> None:
        """Runs it. Raises asyncssh.Error and OSError where the host does not do its part."""
        self._host = host = await start_at_host(
            self._visit, self._process, self._driver.start, self._environment
        )
        turns = asyncio.ensure_future(self._turns(host))
        tasks = {
            turns,
            asyncio.ensure_future(self._read_client()),
            asyncio.ensure_future(self._read_host(host)),
        }
        try:
            pending = tasks
            while not turns.done():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            host.close()  # first: the client's end may cancel what follows
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _turns(self, host: "asyncssh.SSHClientProcess[bytes]") -> None:
        try:
            async with asyncio.timeout(_START):
                mark = await self._waits.get()
        except TimeoutError:
            mark = None
        if mark is None:
            self._display.tell("countersign: the host did not start a shell; it has to have bash")
            self._process.exit(NO_STATUS)
            return
        self._home = mark.folder
        while mark is not None:
            self._folder, self._status = self._where(mark.folder), mark.status
            command = await self._compose()
            if command is None:
                self._show(b"exit\r\n")
                self._process.exit(self._status)
                return
            mark = await self._line(command, mark)
        await self._display.drain()
        self._process.exit(NO_STATUS if host.exit_status is None else host.exit_status)

    async def _compose(self) -> str | None:
        """A whole command; None when the client is done."""
        self._display.begin_line(self._words)
        try:
            while True:
                self._typed.clear()
                shown, ended = self._prompt.work()
                self._display.write(shown)
                await self._display.drain()
                if ended is None and self._client_is_done:
                    ended = End.END_OF_INPUT
                if ended is not None:
                    return ended if isinstance(ended, str) else None
                await self._typed.wait()
        finally:
            self._display.end_line()

    async def _line(self, text: str, mark: Mark) -> Mark | None:
        """Runs a command, if it may. What the shell says when it waits again: the `mark` of before where
        nothing ran, None where it ended."""
        if len(text) > LONGEST:
            self._display.tell(refusal_text(TOO_LONG))
            return mark
        judge = self._visit.judge
        place = Place(True, True, self._folder, self._changed)
        command, changes = judge.typed(text, place, self._environment, self._process.env)
        self._visit.say(f"{self._words}{judge.shown(text)}\n".replace("\n", "\r\n"))
        try:
            obligations = await self._ask(command)
        except Refused as refused:
            self._display.tell(refusal_text(refused.refusal))
            self._prompt.type(self._take_early())
            return mark
        self._changed = self._changed or changes
        ended = await self._run(command, obligations, text)
        if ended is not None and self._relayed:
            self._driver.report()
            ended = await self._waits.get()
            if ended is not None:
                self._prompt.put_back(ended.unread)
        return ended

    async def _ask(self, command: Command) -> Obligations:
        """The verdict. Raises Refused, also when Ctrl-C took the command back."""
        self._wants_out.clear()
        self._is_asking = True
        try:
            allowed = await self._visit.unless(self._visit.ask(command, self._display.tell), self._leaves())
        finally:
            self._is_asking = False
        if (refusal := unkept(allowed.obligations, command)) is not None:
            self._visit.abandon(command.id, refusal.message)
            raise Refused(refusal)
        self._visit.release(command.id)
        return allowed.obligations

    @property
    def _stream(self) -> Stream:
        """Where output goes: of the command that runs, or of what an earlier one left in the background."""
        return self._running[1] if self._running is not None else self._idle

    async def _leaves(self) -> None:
        await self._wants_out.wait()

    async def _run(self, command: Command, obligations: Obligations, text: str) -> Mark | None:
        answer = Answer(self._visit, command, obligations)
        outcome, code, error = Outcome.UNKNOWN, "", "the client left before it ended"
        self._stop.clear()
        self._relayed = False
        self._running = (answer, answer.stream())
        try:
            self._driver.run(text)
            if early := self._take_early():
                await self._relay(early)
            mark = await self._ended(answer, obligations.seconds)
            status = mark.status if mark is not None else await self._host_status()
            if answer.limit:
                outcome, code, error = Outcome.FAILED, answer.limit, stopped_text(answer.limit, answer.rule)
            elif status is None:
                error = "the host went away before it ended"
            elif status == 0:
                outcome, code, error = Outcome.SUCCEEDED, "", ""
            else:
                outcome, code, error = Outcome.FAILED, str(status), f"exit status {status}"
            if status is not None:
                self._visit.note(f"exit status {status}")
        finally:
            self._running = None
            answer.report(outcome, code, error)
        if answer.limit:
            self._display.tell(stopped_text(answer.limit, answer.rule))
        return mark

    async def _ended(self, answer: Answer, seconds: float | None) -> Mark | None:
        """The mark after a command, stopped where it comes to a limit; None where the shell ended."""
        waiting = asyncio.ensure_future(self._waits.get())
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait((waiting, stopping), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                answer.stop_in_time()
                self._write_host(_CTRL_C)
                await asyncio.wait((waiting,), timeout=_STOPPING)
            if waiting.done():
                return waiting.result()
            self._display.tell("countersign: it did not stop, and its shell ended with it")
            self._process.exit(_STOPPED)
            return None
        finally:
            for task in (waiting, stopping):
                task.cancel()

    async def _host_status(self) -> int | None:
        assert self._host is not None
        if self._process.is_closing():
            return _STOPPED
        await self._host.wait_closed()
        return self._host.exit_status

    async def _read_host(self, host: "asyncssh.SSHClientProcess[bytes]") -> None:
        """Output to the client, no faster than it takes it; the shell's marks to whoever waits."""
        before_first = bytearray()
        async for data in pieces_of(host.stdout, lambda: self._stream.keeps):
            for part in self._driver.feed(data) if data is not None else [None]:
                match part:
                    case None:
                        self._show(self._stream.settle())
                    case bytes() if not self._has_begun:
                        before_first += part[: PIECE - len(before_first)]
                    case bytes():
                        self._show(self._stream.write(part))
                    case Mark():
                        self._heard(part)
            await self._display.drain()
            await self._visit.recording_has_room()
        if not self._has_begun:
            self._show(self._idle.write(bytes(before_first)))
        self._show(self._stream.write(self._driver.close()) + self._stream.close())
        self._waits.put_nowait(None)

    def _heard(self, mark: Mark) -> None:
        """The shell waits: from here on what the client types is a line again."""
        self._has_begun = True
        if self._running is not None:
            self._show(self._running[1].close())
            self._running = None
        self._waits.put_nowait(mark)

    async def _read_client(self) -> None:
        """Input to the program that runs, or else to the prompt."""
        while True:
            try:
                data = await self._keyboard.read(PIECE)
            except asyncssh.TerminalSizeChanged as size:
                assert self._host is not None
                self._host.change_terminal_size(size.width, size.height, size.pixwidth, size.pixheight)
                self._prompt.resize(size.width)
                self._visit.record(RESIZE, f"{size.width}x{size.height}")
                continue
            except asyncssh.SignalReceived as received:
                data = _CTRL_C if received.signal == "INT" else b""
                if not data:
                    continue
            except asyncssh.BreakReceived:
                data = _CTRL_C
            if not data:
                self._client_is_done = True
                self._wants_out.set()
                self._typed.set()
                return
            await self._take(data)

    async def _take(self, data: bytes) -> None:
        if self._running is not None:
            await self._relay(data)
        elif not self._is_asking:
            self._prompt.type(data)
            self._typed.set()
        elif _CTRL_C in data:
            self._early.clear()
            self._prompt.forget()
            self._wants_out.set()
        else:
            self._early += data[: _MOST_EARLY - len(self._early)]

    async def _relay(self, data: bytes) -> None:
        """To the program that runs."""
        assert self._host is not None
        self._relayed = True
        self._visit.record(INPUT, self._input.write(data))
        self._stream.typed()
        with contextlib.suppress(BrokenPipeError, OSError):  # it may read no more, and still write
            self._host.stdin.write(data)
            await self._host.stdin.drain()

    def _take_early(self) -> bytes:
        """What was typed after a line, while it was decided on: for its program, if it reads."""
        early = bytes(self._early)
        self._early.clear()
        return early

    def _write_host(self, data: bytes) -> None:
        assert self._host is not None
        self._host.stdin.write(data)

    def _show(self, shown: bytes) -> None:
        """What the host wrote, to the client."""
        if not shown:
            return
        self._input.shows(shown)
        self._display.show(shown)
        if self._running is not None and self._running[0].limit:
            self._stop.set()

    def _where(self, folder: str) -> str:
        """A folder as the facts name it: in the user's home from "~" on."""
        if folder == self._home:
            return "~"
        inside = self._home.rstrip("/") + "/"
        return "~/" + folder.removeprefix(inside) if folder.startswith(inside) else folder

    @property
    def _words(self) -> str:
        subject = self._visit.judge.subject
        return f"{subject.user}@{subject.resource}:{self._folder or '?'}$ "
