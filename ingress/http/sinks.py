"""Where an answer goes: to the client that waits, or to where its requester will collect it."""

from dataclasses import dataclass, field
from typing import Protocol

from ingress.http.client_side import ClientSide
from ingress.http.fields import Field
from ingress.http.refusal import make_problem, problem_fields
from ingress.http.stream import Stream


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


async def send_problem(sink: Sink, status: int, body: bytes, *more: Field) -> None:
    """A whole problem."""
    await sink.head(status, problem_fields(body, *more))
    await sink.data(body)
    await sink.end([])


async def send_failure(
    sink: Sink, status: int, title: str, detail: str, hint: str = "", *more: Field
) -> None:
    """What went wrong, where no rule refused."""
    await send_problem(sink, status, make_problem(status, title, detail=detail, hint=hint), *more)
