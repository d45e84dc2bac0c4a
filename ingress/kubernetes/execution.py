"""One command in a pod: its streams, masked and recorded, and its end."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable

from ingress.command import Command
from ingress.errors import ProtocolError, TargetError
from ingress.gate import Allowed
from ingress.interface import Finish, Frame
from ingress.kubernetes.channels import (
    CLOSE,
    ERROR,
    RESIZE,
    STDERR,
    STDIN,
    STDOUT,
    End,
    make_end,
    message,
    parse_end,
    parse_size,
)
from ingress.kubernetes.keyboard import Keyboard
from ingress.kubernetes.requested import Requested
from ingress.terminal.cast import INPUT, OUTPUT, Text, make_event
from ingress.terminal.cast import RESIZE as RESIZED
from ingress.terminal.limits import Allowance
from ingress.terminal.screen import Screen
from ingress.web.pauses import with_pauses
from ingress.web.visits import Visit
from ingress.web.websocket import NORMAL, WebSocket
from schemas.vocabulary import MaskedField, Obligations, Outcome

NOT_EXECUTED = 126  # as a shell has it for what was found and may not be run
_STOPPED = 124  # as timeout(1) has it


class Execution:
    """`tell`: says something of the gateway's own to the client."""

    def __init__(
        self,
        client: WebSocket,
        keyboard: Keyboard,
        command: Command,
        visit: Visit,
        tell: Callable[[str], Awaitable[None]],
        requested: Requested,
    ) -> None:
        self._client = client
        self._keyboard = keyboard
        self._command = command
        self._visit = visit
        self._tell = tell
        self._has_terminal = requested.says("tty")
        self._takes_input = requested.says("stdin")
        self._obligations = Obligations()
        self._screens: dict[int, Screen] = {}
        self._texts = {STDIN: Text(), STDOUT: Text(), STDERR: Text()}
        self._allowance = Allowance(self._obligations)

    async def end(self, code: int) -> None:
        """Tells the client this exit status."""
        await self._client.send(message(ERROR, make_end(code)))

    async def run(self, allowed: Allowed, open_target: Callable[[], Awaitable[WebSocket]]) -> None:
        """From its release to its end, which is reported, whatever happens."""
        self._obligations = allowed.obligations
        self._allowance = Allowance(self._obligations)
        detectors = self._obligations.masking.detectors
        self._screens = {channel: Screen(detectors) for channel in (STDIN, STDOUT, STDERR)}
        outcome, code, error = Outcome.UNKNOWN, "", "the client left before it ended"
        try:
            try:
                target = await open_target()
            except TargetError as failure:
                outcome, code, error = Outcome.FAILED, "not started", str(failure)
                raise
            outcome, code, error = await self._relay(target)
        finally:
            self._report(outcome, code, error)

    async def _relay(self, target: WebSocket) -> tuple[Outcome, str, str]:
        typing = asyncio.ensure_future(self._feed(target))
        showing = asyncio.ensure_future(self._show(target))
        try:
            async with asyncio.timeout(self._obligations.seconds):
                await asyncio.wait((typing, showing), return_when=asyncio.FIRST_COMPLETED)
                if not showing.done():
                    typing.result()  # raises: the client is gone, or said what it may not
                end = await showing
        except TimeoutError:
            self._allowance.limit = "time"
            end = None
        finally:
            for task in (typing, showing):
                task.cancel()
            await asyncio.gather(typing, showing, return_exceptions=True)
            with contextlib.suppress(OSError):
                await target.close(NORMAL)
        return await self._told(end)

    async def _told(self, end: End | None) -> tuple[Outcome, str, str]:
        """How it ended, for the audit log; the client is told where the cluster did not."""
        if self._allowance.limit:
            limit, rule = self._allowance.limit, self._allowance.rule
            said = f'countersign: stopped at its limit of {limit} by rule "{rule}"'
            await self._tell(said)
            await self.end(_STOPPED)
            return Outcome.FAILED, self._allowance.limit, said
        if end is None:
            await self._tell("countersign: the cluster went away; how the command ended is unknown")
            await self.end(255)
            return Outcome.UNKNOWN, "", "the cluster went away before it ended"
        if end.code == 0:
            return Outcome.SUCCEEDED, "", ""
        said = f"exit status {end.code}" if end.code is not None else end.said
        self._visit.inquiry.record(Frame.NOTE, said.encode())
        return Outcome.FAILED, str(end.code) if end.code is not None else "failed", said

    async def _show(self, target: WebSocket) -> End | None:
        """Output to the client, no faster than it takes it; None where the cluster went away or a limit was
        reached."""

        def keeps() -> bool:
            return any(self._screens[channel].keeps for channel in (STDOUT, STDERR))

        try:
            async with (
                contextlib.aclosing(target.binary()) as messages,
                contextlib.aclosing(with_pauses(messages, keeps)) as pieces,
            ):
                async for piece in pieces:
                    if piece is None:
                        await self._flush(Screen.settle)
                        continue
                    channel, data = piece[0] if piece else CLOSE, piece[1:]
                    if channel in (STDOUT, STDERR):
                        await self._give(channel, self._screens[channel].write(data))
                    elif channel == ERROR and data:
                        await self._flush(Screen.close)
                        return await self._finish(data)
                    if self._allowance.limit:
                        return None
            await self._flush(Screen.close)
        except (OSError, ProtocolError):
            await self._flush(Screen.close)
        return None

    async def _finish(self, data: bytes) -> End:
        """The Status at the end, for the client as it is: it may repeat what the command wrote."""
        screen = Screen(self._obligations.masking.detectors)
        shown = screen.write(data) + screen.close()
        await self._client.send(message(ERROR, shown))
        return parse_end(shown)

    async def _flush(self, step: Callable[[Screen], bytes]) -> None:
        for channel in (STDOUT, STDERR):
            await self._give(channel, step(self._screens[channel]))

    async def _give(self, channel: int, shown: bytes) -> None:
        shown = self._allowance.take(shown)
        if not shown:
            return
        is_text = b"\0" not in shown
        self._record(OUTPUT, self._texts[channel].decode(shown) if is_text else f"‹{len(shown)} bytes›")
        await self._client.send(message(channel, shown))
        await self._visit.room()

    async def _feed(self, target: WebSocket) -> None:
        """Input to the pod. Raises ConnectionResetError, ProtocolError of the client."""
        while True:
            piece = await self._keyboard.read()
            channel, data = (piece[0], piece[1:]) if piece else (-1, b"")
            if channel == STDIN and not self._takes_input:
                raise ProtocolError("input for a command that was asked to run without")
            if channel == STDIN:
                if self._has_terminal:
                    screen = self._screens[STDIN]
                    self._record(INPUT, self._texts[STDIN].decode(screen.write(data) + screen.settle()))
                    self._screens[STDOUT].typed()
            elif channel == RESIZE:
                size = parse_size(data)
                if size is None:
                    raise ProtocolError("a terminal's size that is none")
                self._record(RESIZED, f"{size[0]}x{size[1]}")
            elif channel != CLOSE or data != bytes((STDIN,)):
                raise ProtocolError("a channel that a client does not write to")
            try:
                await target.send(piece)
            except OSError:
                return  # how it ended, its output says

    def _record(self, code: str, text: str) -> None:
        if text:
            self._visit.inquiry.record(Frame.ANSWER, make_event(self._visit.seconds, code, text))

    def _report(self, outcome: Outcome, code: str, error: str) -> None:
        found: Counter[str] = Counter()
        for channel in (STDOUT, STDERR):
            found += self._screens[channel].masked
        self._visit.inquiry.finish(
            Finish(
                command=self._command.id,
                outcome=outcome,
                rows=self._allowance.lines,
                bytes=self._allowance.bytes,
                error_code=code,
                error=error,
                masked=tuple(
                    MaskedField(f"detector:{name}", "detector", count)
                    for name, count in sorted(found.items())
                ),
                limit=self._allowance.limit,
                limit_rule=self._allowance.rule,
            )
        )
