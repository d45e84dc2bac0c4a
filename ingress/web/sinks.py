"""Where an answer goes: to the client that waits, or to where its requester will collect it."""

from dataclasses import dataclass, field, replace
from typing import Protocol

from ingress.gate import Refusal
from ingress.web.client_side import ClientSide
from ingress.web.fields import Field
from ingress.web.stream import Stream


class Sink(Protocol):
    """Takes one answer."""

    @property
    def has_begun(self) -> bool: ...
    async def head(self, status: int, fields: list[Field], reason: bytes = b"") -> None: ...
    async def data(self, data: bytes) -> None: ...
    async def end(self, trailers: list[Field]) -> None: ...


class Broken(Exception):
    """The client is gone, or takes no more."""


class ClientSink:
    """Sends to the client of a connection."""

    def __init__(self, side: ClientSide, stream: Stream) -> None:
        self._side = side
        self._stream = stream

    @property
    def has_begun(self) -> bool:
        return self._side.has_answered

    async def head(self, status: int, fields: list[Field], reason: bytes = b"") -> None:
        await self._send(self._side.answer(status, fields, reason))

    async def data(self, data: bytes) -> None:
        await self._send(self._side.data(data))

    async def end(self, trailers: list[Field]) -> None:
        await self._send(self._side.end(trailers))

    async def _send(self, data: bytes) -> None:
        try:
            await self._stream.send(data)
        except OSError as error:
            raise Broken("the client left") from error


@dataclass(slots=True)
class StoredAnswer:
    """Keeps an answer until it is collected, up to `most` bytes."""

    most: int
    status: int = 0
    fields: list[Field] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    is_complete: bool = False

    @property
    def has_begun(self) -> bool:
        return False  # it can still be another

    async def head(self, status: int, fields: list[Field], reason: bytes = b"") -> None:
        self.status, self.fields = status, fields
        self.body.clear()

    async def data(self, data: bytes) -> None:
        if len(self.body) + len(data) > self.most:
            raise Broken("the answer is too long to be kept")
        self.body += data

    async def end(self, trailers: list[Field]) -> None:
        self.fields = [one for one in self.fields if one[0] != b"content-length"] + list(trailers)
        self.is_complete = True


@dataclass(frozen=True, slots=True)
class Said:
    """A whole answer of the gateway's own."""

    status: int
    fields: tuple[Field, ...]
    body: bytes

    def also(self, *more: Field) -> "Said":
        """With these header fields too."""
        return replace(self, fields=(*self.fields, *more))


class Words(Protocol):
    """How a protocol tells its client what the gateway has to say."""

    def refused(self, command: str, refusal: Refusal) -> Said: ...
    def failed(self, status: int, title: str, detail: str, hint: str = "") -> Said:
        """What went wrong, where no rule refused."""
        ...


async def say(sink: Sink, said: Said) -> None:
    """All of it."""
    length = (b"content-length", str(len(said.body)).encode())
    await sink.head(said.status, [*said.fields, length])
    await sink.data(said.body)
    await sink.end([])
