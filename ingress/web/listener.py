"""A listener of HTTP clients: each connection from its first byte to its end."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable

import structlog

from ingress.web.stream import Stream

_log = structlog.get_logger()
_OPENING_SECONDS = 30.0
_TLS_HANDSHAKE = 0x16  # RFC 8446, section 5.1: the first byte of a ClientHello's record


class Listener:
    """`may_be_plain`: a client may also speak without TLS. `run`: serves a connection of a client, whose
    address is "host:port"."""

    def __init__(
        self, tls: ssl.SSLContext, run: Callable[[Stream, str], Awaitable[None]], *, may_be_plain: bool
    ) -> None:
        tls.set_alpn_protocols(["http/1.1"])
        self._tls = tls
        self._run = run
        self._may_be_plain = may_be_plain
        self._serving: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def serve(self, sock: socket.socket) -> None:
        """One client, to its end."""
        try:
            host, port = sock.getpeername()[:2]
            async with asyncio.timeout(_OPENING_SECONDS):
                stream = await self._open(sock)
        except (OSError, TimeoutError) as error:
            _log.info("client.not_let_in", error=str(error) or type(error).__name__)
            sock.close()
            return
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._run(stream, f"{host}:{port}")
        except Exception:
            # A bug ends the connection.
            _log.exception("client.failed", address=f"{host}:{port}")
            stream.abort()
        finally:
            self._serving.discard(task)

    async def _open(self, sock: socket.socket) -> Stream:
        is_plain = self._may_be_plain and await _first_byte(sock) != _TLS_HANDSHAKE
        loop = asyncio.get_running_loop()
        stream = Stream()
        await loop.connect_accepted_socket(lambda: stream, sock, ssl=None if is_plain else self._tls)
        return stream


async def _first_byte(sock: socket.socket) -> int:
    """The first byte the client sends, left where it is."""
    loop = asyncio.get_running_loop()
    while True:
        with contextlib.suppress(BlockingIOError):
            peeked = sock.recv(1, socket.MSG_PEEK)
            if not peeked:
                raise ConnectionResetError("the client left before it said anything")
            return peeked[0]
        readable = asyncio.Event()
        loop.add_reader(sock, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(sock)
