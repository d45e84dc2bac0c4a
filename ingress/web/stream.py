"""One side of an HTTP connection: bytes in, bounded, and bytes out, as fast as the peer takes them."""

import asyncio
from typing import cast

_MOST_UNREAD = 256 * 1024  # bytes kept before the peer's next ones are left in the network
_HIGH_WATER = 256 * 1024  # bytes waiting to be written before a writer has to wait
_TOGETHER = 16 * 1024  # bytes that wait for what is sent in the same moment: an answer's head and its body


class Stream(asyncio.Protocol):
    """A transport whose bytes are awaited."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._unread = 0
        self._ended = False
        self._paused = False
        self._unsent: list[bytes] = []
        self._unsent_size = 0
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of asyncio.Transport but not its class.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        self._chunks.append(data)
        self._unread += len(data)
        self._news.set()
        if self._unread >= _MOST_UNREAD and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._ended = True
        self._news.set()
        return False  # the transport closes itself

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._news.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # We call these

    @property
    def is_quiet(self) -> bool:
        """The peer is there, and has said nothing that was not read."""
        return not self._ended and not self._chunks

    async def receive(self) -> bytes:
        """The next bytes; b"" when the peer sends no more."""
        while not self._chunks and not self._ended:
            self._news.clear()
            await self._news.wait()
        if not self._chunks:
            return b""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._unread = 0
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
        return data

    async def left(self) -> None:
        """Returns once the peer sends no more. What it sends until then is kept, up to the bound."""
        while not self._ended:
            self._news.clear()
            await self._news.wait()

    async def send(self, data: bytes) -> None:
        """Writes; waits while the peer does not take it. Raises ConnectionResetError when it is gone."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the peer is gone")
        if data:
            if not self._unsent:
                asyncio.get_running_loop().call_soon(self._write)
            self._unsent.append(data)
            self._unsent_size += len(data)
            if self._unsent_size >= _TOGETHER:
                self._write()
        await self._writable.wait()

    def finish_writing(self) -> None:
        """Sends what is waiting, and the end of it."""
        self._write()
        if (
            self._transport is not None
            and self._transport.can_write_eof()
            and not self._transport.is_closing()
        ):
            self._transport.write_eof()

    def close(self) -> None:
        """Writes what is waiting, then closes."""
        self._write()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Closes at once."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self) -> None:
        """What was sent, in one piece: each write is a call of the system, and wakes the peer."""
        if self._unsent and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()
        self._unsent_size = 0
