"""One side of a connection: bytes of a transport, first awaited, then delivered as they come."""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

# Seconds without a byte before the peer is probed, between two probes, and how many may stay unanswered:
# what forgets idle connections on the way (firewalls, NAT, load balancers) does so after minutes.
_PROBES = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
_HIGH_WATER = 256 * 1024  # bytes waiting to be written before the other side is asked to pause


def keep_alive(sock: socket.socket) -> None:
    """Has the kernel probe the peer of an idle connection (RFC 9293, section 3.8.4). Raises OSError."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _PROBES:
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


class Channel(asyncio.Protocol):
    """While a connection is being opened its bytes are awaited with `receive`. After `deliver` they go
    straight to a function, which costs a task switch less for every read."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.is_congested = False  # more is waiting to be written than should
        self._chunks: list[bytes] = []
        self._lost = False
        self._news = asyncio.Event()
        self._on_data: Callable[[bytes], None] | None = None
        self._on_lost: Callable[[], None] | None = None
        self._on_congestion: Callable[[], None] | None = None
        self._paused = False

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of asyncio.Transport but not its class.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=_HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        if self._on_data is not None:
            self._on_data(data)
        else:
            self._chunks.append(data)
            self._news.set()

    def eof_received(self) -> bool:
        return False  # the transport closes itself

    def connection_lost(self, error: Exception | None) -> None:
        self._lost = True
        self.is_congested = False
        self._news.set()
        if self._on_lost is not None:
            self._on_lost()

    def pause_writing(self) -> None:
        self.is_congested = True
        if self._on_congestion is not None:
            self._on_congestion()

    def resume_writing(self) -> None:
        self.is_congested = False
        if self._on_congestion is not None:
            self._on_congestion()

    # We call these

    async def receive(self) -> bytes:
        """The next bytes; b"" when the peer has gone."""
        while not self._chunks and not self._lost:
            self._news.clear()
            await self._news.wait()
        return self._chunks.pop(0) if self._chunks else b""

    def deliver(
        self,
        on_data: Callable[[bytes], None],
        on_lost: Callable[[], None],
        on_congestion: Callable[[], None],
    ) -> None:
        """From now on calls these; what has come already is delivered at once."""
        self._on_data, self._on_lost, self._on_congestion = on_data, on_lost, on_congestion
        chunks, self._chunks = self._chunks, []
        for chunk in chunks:
            on_data(chunk)
        if self._lost:
            on_lost()

    def write(self, pieces: list[bytes]) -> None:
        if self.transport is None or self.transport.is_closing() or not pieces:
            return
        if len(pieces) == 1:
            self.transport.write(pieces[0])
        else:
            self.transport.write(b"".join(pieces))

    def read_on(self, wanted: bool) -> None:
        """Reads, or leaves the peer's bytes in the network until later."""
        if wanted != self._paused or self.transport is None or self.transport.is_closing():
            return
        self._paused = not wanted
        if wanted:
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def close(self) -> None:
        """Writes what is waiting, then closes."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Closes at once."""
        if self.transport is not None:
            self.transport.abort()
