"""Calls that wait for reviewers, and who waits for them. A call outlives its client: its principal, asking
same again, joins it, and hears how it was settled. Approved, it runs once, while somebody waits for it."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field

from ingress.errors import TargetError
from ingress.gate import Waiting
from ingress.mcp.events import Event, EventReader
from ingress.mcp.headers import is_stream
from ingress.mcp.messages import FAILED, Id, Request, encode, make_error, make_progress
from ingress.mcp.sent import Key as Sent
from ingress.web.fields import Field
from ingress.web.sinks import Broken, Sink
from schemas.vocabulary import Principal

Key = tuple[Principal, str, str]
"""Whose call it is, at which resource, and its digest."""

_LONGEST = 16 * 1024 * 1024  # bytes of a call's messages that are kept
_MOST = 1000  # calls kept
_KEPT_SECONDS = 3600.0  # after an answer is there
_ALIVE_SECONDS = 5.0  # between two signs of life
_STREAM: list[Field] = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
_BODY: list[Field] = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


class Relay:
    """Where a call's answer goes: on to `sink`, until somebody has to decide; from then on it is kept.
    `session`: that of who asked first, by the server's id."""

    def __init__(self, sink: Sink, session: str) -> None:
        self._sink = sink
        self._waiting = [session]
        self._somebody = asyncio.Event()
        self._somebody.set()
        self.is_sent = False
        self._reader: EventReader | None = None
        self._body = bytearray()
        self._size = 0
        self.is_kept = False
        self.messages: list[bytes] = []
        self.news = asyncio.Event()

    def keep(self, _: object = None) -> None:
        """From here on."""
        self.is_kept = True

    def join(self, session: str) -> None:
        """One more waits for it, in this session."""
        self._waiting.append(session)
        self._somebody.set()

    def leave(self, session: str) -> None:
        """One of them does not any more."""
        self._waiting.remove(session)
        if not self._waiting:
            self._somebody.clear()

    async def wanted(self) -> str:
        """Returns once somebody waits for it: the session to run it in, the one that was joined last, as the
        server may have ended the others. Raises TargetError where nobody comes."""
        try:
            async with asyncio.timeout(_KEPT_SECONDS):
                await self._somebody.wait()
        except TimeoutError:
            raise TargetError("nobody asked for it again") from None
        self.is_sent = True
        return self._waiting[-1]

    @property
    def has_begun(self) -> bool:
        return False if self.is_kept else self._sink.has_begun

    async def head(self, status: int, fields: list[Field], reason: bytes = b"") -> None:
        if not self.is_kept:
            await self._sink.head(status, fields, reason)
            return
        self._body.clear()
        self._reader = EventReader() if is_stream(fields) else None

    async def data(self, data: bytes) -> None:
        if not self.is_kept:
            await self._sink.data(data)
            return
        self._size += len(data)
        if self._size > _LONGEST:
            raise Broken("the answer is too long to be kept")
        if self._reader is None:
            self._body += data
            return
        for event in self._reader.feed(data):
            if event.data.strip():
                self.add(event.data)

    async def end(self, trailers: list[Field]) -> None:
        if not self.is_kept:
            await self._sink.end(trailers)
        elif self._reader is None and self._body:
            self.add(bytes(self._body))

    def add(self, message: bytes) -> None:
        """One more message."""
        self.messages.append(message)
        self.news.set()
        self.news = asyncio.Event()

    @property
    def is_answered(self) -> bool:
        """Whether the answer is among its messages: it is the last."""
        return bool(self.messages) and "method" not in json.loads(self.messages[-1])


@dataclass(slots=True)
class HeldCall:
    """`sent`: what the server will know it by. `asked`: the sessions and ids under which its principal waits,
    or waited, for it."""

    waiting: Waiting
    relay: Relay
    task: "asyncio.Task[bool]"
    sent: str
    asked: set[tuple[str, Id]] = field(default_factory=set)


class HeldCalls:
    """All of one ingress. They are gone when it stops: what was not approved by then is withdrawn."""

    def __init__(self) -> None:
        self._calls: dict[Key, HeldCall] = {}

    def find(self, key: Key) -> HeldCall | None:
        return self._calls.get(key)

    def add(self, key: Key, call: HeldCall) -> None:
        """A call that waits now. Where too many do, it is withdrawn once nobody waits for it."""
        call.task.add_done_callback(lambda _: self._ended(key, call))
        if len(self._calls) < _MOST:
            self._calls[key] = call

    def keeps(self, key: Key, call: HeldCall) -> bool:
        return self._calls.get(key) is call

    def forget(self, key: Key, call: HeldCall) -> None:
        """Its answer was given."""
        if self.keeps(key, call):
            del self._calls[key]

    def withdraw(self, asked: Sent) -> bool:
        """Takes back the call that was asked for so; False where there is none, or it was sent."""
        for key, call in self._calls.items():
            if key[:2] == asked[:2] and asked[2:] in call.asked and not call.relay.is_sent:
                call.task.cancel()
                del self._calls[key]
                return True
        return False

    async def stop(self) -> None:
        tasks = [call.task for call in self._calls.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, key: Key, call: HeldCall) -> None:
        if not call.relay.is_answered:
            why = "the call has no answer: it was withdrawn, cut off, or its answer was too long to be kept"
            call.relay.add(make_error(None, FAILED, why))
        asyncio.get_running_loop().call_later(_KEPT_SECONDS, self.forget, key, call)


@dataclass(frozen=True, slots=True)
class Follower:
    """One client that waits for a held call. `pending`: the answer it gets when its time is up; `sign`: the
    words it hears meanwhile; `streams`: whether it takes server-sent events."""

    request: Request
    sink: Sink
    pending: bytes
    sign: str
    streams: bool

    async def follow(self, call: HeldCall, seconds: float) -> bool:
        """Hands on the call's messages until its answer; whether that was the call's own, and not that it is
        still pending. Raises Broken."""
        loop = asyncio.get_running_loop()
        until, seen, signs = loop.time() + seconds, 0, 0
        if self.streams:
            await self.sink.head(200, list(_STREAM))
        while True:
            news = call.relay.news
            for message in call.relay.messages[seen:]:
                if await self._hand_on(message):
                    return True
                seen += 1
            left = until - loop.time()
            if left <= 0 and not seen:
                await self._answer(self.pending)
                return False
            if self.streams and not seen:
                await self._sign(signs)
                signs += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(_ALIVE_SECONDS, left) if not seen else None):
                    await news.wait()

    async def _hand_on(self, message: bytes) -> bool:
        document = json.loads(message)
        if "method" in document:
            if self.streams:
                await self.sink.data(Event(message).encode())
            return False
        await self._answer(encode({**document, "id": self.request.id}))
        return True

    async def _answer(self, message: bytes) -> None:
        if self.streams:
            await self.sink.data(Event(message).encode())
        else:
            await self.sink.head(200, [*_BODY, (b"content-length", str(len(message)).encode())])
            await self.sink.data(message)
        await self.sink.end([])

    async def _sign(self, number: int) -> None:
        """MCP 2025-11-25, progress: it goes up with every notification."""
        token = self.request.progress_token
        if token is None:
            await self.sink.data(b": " + self.sign.replace("\n", " ").encode() + b"\n\n")
        else:
            await self.sink.data(Event(make_progress(token, number, self.sign)).encode())
