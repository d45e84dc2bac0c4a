"""One request to a target and its answer, both streamed."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from ingress.errors import TargetError
from ingress.web.client_side import Fields
from ingress.web.stream import Stream
from ingress.web.target_connection import Target, TargetConnection
from ingress.web.target_side import AnswerHead

Rest = Callable[[], Awaitable[bytes | Fields]]
"""The next piece of a request's body; its trailers at the end."""


class Exchange:
    """A request under way. Use with `async with`: its connection is given back or closed at the end."""

    def __init__(self, target: Target, connection: TargetConnection) -> None:
        self._target = target
        self._connection = connection
        self._sending: asyncio.Task[None] | None = None
        self.is_sent = False  # the target may have acted on it
        self._is_complete = False
        self.trailers: Fields = ()

    async def __aenter__(self) -> "Exchange":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        if self._is_complete:
            self._target.give_back(self._connection)
        else:
            self._connection.stream.abort()

    async def send(
        self, method: str, target: str, fields: Fields, body: bytes | None, rest: Rest | None
    ) -> None:
        """Sends the request; what comes by `rest` is sent while the answer is awaited. Raises TargetError."""
        side, stream = self._connection.side, self._connection.stream
        data = side.request(method, target, fields) + side.data(body or b"")
        if rest is None:
            data += side.end()
        self.is_sent = True
        try:
            await stream.send(data)
        except OSError as error:
            raise TargetError("the target closed the connection") from error
        if rest is not None:
            self._sending = asyncio.create_task(self._send_rest(rest))

    async def _send_rest(self, rest: Rest) -> None:
        side = self._connection.side
        try:
            while isinstance(piece := await rest(), bytes):
                if not await self._is_sent_on(side.data(piece)):
                    return
            # Trailers came after the verdict: nobody judged them.
            await self._is_sent_on(side.end())
        except BaseException:
            self._connection.stream.abort()  # half a body must not look like a whole one
            raise

    async def _is_sent_on(self, data: bytes) -> bool:
        """False where the target takes no more: its answer, or the absence of one, says why."""
        try:
            await self._connection.stream.send(data)
        except OSError:
            return False
        return True

    def switched(self) -> tuple[Stream, bytes]:
        """After the head of a 101: the connection, and what has come in its new protocol."""
        return self._connection.stream, self._connection.side.trailing

    async def head(self) -> AnswerHead:
        """The answer's head. Raises TargetError."""
        found = await self._next()
        if not isinstance(found, AnswerHead):
            raise TargetError("the target's answer has no head")
        return found

    async def body(self) -> AsyncGenerator[bytes, None]:
        """The answer's body; `trailers` after it. Raises TargetError."""
        while isinstance(piece := await self._next(), bytes):
            yield piece
        assert not isinstance(piece, AnswerHead)
        self.trailers = piece
        self._is_complete = self._sending is None or self._sending.done()

    async def _next(self) -> AnswerHead | bytes | Fields:
        side, stream = self._connection.side, self._connection.stream
        while (found := side.next()) is None:
            side.receive(await stream.receive())
        return found
