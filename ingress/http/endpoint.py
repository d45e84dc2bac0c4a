"""What serves HTTP clients: one for each listener of an ingress."""

import asyncio
import contextlib
import socket
import ssl

import structlog

from infra.config import Config, HttpResource
from infra.keys import secret
from ingress.http.apis import Apis
from ingress.http.caller import Caller, Shared
from ingress.http.deferred import DeferredRequests
from ingress.http.stream import Stream
from ingress.login import Login
from ingress.session import Services
from processors.masking.keyed import make_masks
from processors.masking.scan import make_scanner

_log = structlog.get_logger()
_OPENING_SECONDS = 30.0
_TLS_HANDSHAKE = 0x16  # RFC 8446, section 5.1: the first byte of a ClientHello's record


class HttpEndpoint:
    """TLS with the gateway's certificate; on loopback a client may also speak plainly."""

    def __init__(self, config: Config, login: Login, services: Services, tls: ssl.SSLContext) -> None:
        tls.set_alpn_protocols(["http/1.1"])
        self._config = config
        self._tls = tls
        self._apis = Apis(config, services.secrets)
        masks = make_masks(secret(config.state, "masking"))
        self._shared = Shared(config, login, services, self._apis, DeferredRequests(), masks)
        address = config.gateway.listen.http
        self._may_be_plain = address is not None and address.is_loopback
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        for resource in self._config.resources:
            if isinstance(resource, HttpResource) and resource.sensitive.detect:
                make_scanner(resource.sensitive.detect)  # compiled now, not while a client waits

    async def stop(self, reason: str) -> None:
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._shared.deferred.stop()
        self._apis.close()

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
            await Caller(stream, f"{host}:{port}", self._shared).run()
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
