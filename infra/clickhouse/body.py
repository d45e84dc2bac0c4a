"""A request's body: decompressed, read a piece at a time, and the sign that the client has left."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from infra.clickhouse.compression import CORRUPT, decoder
from infra.clickhouse.embedded import EngineError

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientLeft(Exception):
    """The client closed the connection; nobody waits for an answer."""


class Body:
    """The body of one ASGI request."""

    def __init__(self, receive: Receive, content_encoding: str) -> None:
        found = decoder(content_encoding)
        if found is None:
            raise EngineError(48, "NOT_IMPLEMENTED", f"Unknown compression method: {content_encoding}")
        self._receive = receive
        self._decoder = found
        self._is_read = False

    async def pieces(self) -> AsyncIterator[bytes]:
        """What is still to come. Raises ClientLeft; EngineError when it does not decompress."""
        while not self._is_read:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            self._is_read = not message.get("more_body", False)
            if message.get("body"):
                try:
                    yield self._decoder.decompress(message["body"])
                except CORRUPT as error:
                    raise EngineError(
                        354, "ZLIB_INFLATE_FAILED", f"The body does not decompress: {error}"
                    ) from error

    async def until_left(self) -> None:
        """Returns when the client has left. To be called once the body is read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
