"""What a command writes, on its way to the client: masked, counted, recorded, and cut at a limit."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from operator import attrgetter

import asyncssh

from ingress.command import Command
from ingress.interface import Finish
from ingress.ssh.visit import Visit
from ingress.terminal.cast import OUTPUT, Text
from ingress.terminal.guard import Blocked, Guard
from ingress.terminal.limits import Allowance
from ingress.terminal.screen import PAUSE, Screen
from schemas.vocabulary import MaskedField, Obligations, Outcome

PIECE = 64 * 1024


class Answer:
    """One command's answer."""

    def __init__(self, visit: Visit, command: Command, obligations: Obligations) -> None:
        self._visit = visit
        self._command = command
        self._obligations = obligations
        self._streams: list[Stream] = []
        self._allowance = Allowance(obligations)
        self._blocked: Counter[str] = Counter()

    @property
    def limit(self) -> str:
        """The limit at which it was stopped, "" while it goes on."""
        return self._allowance.limit

    @property
    def rule(self) -> str:
        """The rule of that limit."""
        return self._allowance.rule

    def block(self, blocked: Blocked) -> None:
        """What must not pass was found, in it or in what the client sends."""
        self._allowance.limit = self._allowance.limit or blocked.limit
        self._blocked |= blocked.found

    def stop_in_time(self) -> None:
        """Its time is over; where it was stopped at another limit, that stays."""
        self._allowance.limit = self._allowance.limit or "time"

    def typed(self) -> None:
        """Somebody pressed a key."""
        for stream in self._streams:
            stream.typed()

    def stream(self) -> "Stream":
        """A stream that is a part of it."""
        guard = Guard(self._obligations.block)
        stream = Stream(self._visit, self._obligations.masking.detectors, guard, self._allowance.take)
        self._streams.append(stream)
        return stream

    def report(self, outcome: Outcome, code: str, error: str) -> None:
        """The command ended."""
        masked: Counter[str] = Counter()
        for stream in self._streams:
            masked += stream.masked
        fields = [MaskedField(f"detector:{name}", name, count) for name, count in masked.items()]
        fields += [MaskedField(f"detector:{name}", "block", count) for name, count in self._blocked.items()]
        self._visit.finish(
            Finish(
                command=self._command.id,
                outcome=outcome,
                rows=self._allowance.lines,
                bytes=self._allowance.bytes,
                error_code=code,
                error=error,
                masked=tuple(sorted(fields, key=attrgetter("field", "mask"))),
                limit=self.limit,
                limit_rule=self.rule,
            )
        )


class Stream:
    """One stream: what is written into it comes back as the client may have it, and is recorded so.
    `within(shown)`: as much of it as may leave. All raise Blocked where the guard does."""

    def __init__(
        self, visit: Visit, detectors: tuple[str, ...], guard: Guard, within: Callable[[bytes], bytes]
    ) -> None:
        self._visit = visit
        self._guard = guard
        self._screen = Screen(detectors)
        self._text = Text()
        self._within = within

    @property
    def keeps(self) -> bool:
        """Whether bytes wait for what follows them."""
        return self._guard.keeps or self._screen.keeps

    @property
    def masked(self) -> Counter[str]:
        """How many values each detector found."""
        return self._screen.masked

    def typed(self) -> None:
        """Somebody pressed a key."""
        self._screen.typed()

    def write(self, data: bytes) -> bytes:
        return self._leave(self._seen(self._guard.write(data)))

    def settle(self) -> bytes:
        """The writer pauses."""
        return self._leave(self._seen(self._guard.settle()) + self._screen.settle())

    def close(self) -> bytes:
        """The stream ended: all that is left."""
        shown = self._leave(self._seen(self._guard.close()) + self._screen.close())
        self._visit.record(OUTPUT, self._text.decode(b"", final=True))
        return shown

    def _seen(self, data: bytes) -> bytes:
        return self._screen.write(data) if data else b""

    def _leave(self, shown: bytes) -> bytes:
        if shown := self._within(shown):
            # A picture is nothing to replay, and its text would be three times its size.
            is_text = b"\0" not in shown
            said = self._text.decode(shown) if is_text else f"‹{len(shown)} bytes, no text›"
            self._visit.record(OUTPUT, said)
        return shown


async def pieces_of(
    reader: "asyncssh.SSHReader[bytes]", keeps: Callable[[], bool]
) -> AsyncIterator[bytes | None]:
    """What comes, and None when nothing came for a moment while something is kept."""
    reading: asyncio.Future[bytes] | None = None
    try:
        while True:
            reading = reading or asyncio.ensure_future(reader.read(PIECE))
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
