"""The requests of one client's connection, one after the other: their heads, their bodies, their refusal."""

import asyncio
import base64
import binascii
import contextlib
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from infra.identity import SignedIn
from ingress.errors import LoginRefused
from ingress.login import Login
from ingress.web.answers.counting import Uninspectable
from ingress.web.answers.decoding import Decoder
from ingress.web.client_side import ClientSide, Fields
from ingress.web.fields import TOKEN
from ingress.web.sinks import Broken, ClientSink, Words, say
from ingress.web.stream import Stream
from ingress.web.strict import BadRequest, Head

T = TypeVar("T")

_log = structlog.get_logger()
INSPECTED = 1024 * 1024  # bytes of a request's body that are held and read before it is judged
_IDLE_SECONDS = 300.0
_HEAD_SECONDS = 60.0
_BODY_SECONDS = 60.0  # between two pieces of a request's body
_LINGER_SECONDS = 2.0
_BEARER = re.compile(rb"Bearer +([\x21-\x7e]+)", re.IGNORECASE)
_BASIC = re.compile(rb"Basic +([A-Za-z0-9+/]+={0,2})", re.IGNORECASE)
REALM = (b"www-authenticate", b'Bearer realm="countersign"')


class Requests:
    """One connection. `address`: the client's, "host:port". `inspected`: bytes of a body that are held."""

    def __init__(self, stream: Stream, address: str, words: Words, inspected: int = INSPECTED) -> None:
        self.stream = stream
        self.address = address
        self.side = ClientSide()
        self._words = words
        self._inspected = inspected

    async def each(self, serve: Callable[[Head], Awaitable[None]]) -> None:
        """Serves them until the connection is over."""
        try:
            while (head := await self._next_head()) is not None:
                await serve(head)
                if self.side.is_switched:
                    break
                while isinstance(self.side.body(), bytes):
                    pass  # what has come of a body that nobody wanted
                if not self.side.next_request():
                    await self._linger()
                    break
        except BadRequest as error:
            await self._refuse(error)
        except Broken:
            self.stream.abort()

    def sink(self) -> ClientSink:
        """Where the answer to the request at hand goes."""
        return ClientSink(self.side, self.stream)

    async def sign_in(self, head: Head, login: Login) -> tuple[SignedIn, bool]:
        """Who asks, and whether Authorization held the token. Raises LoginRefused."""
        own = head.field(TOKEN)
        token = own.decode("latin-1") if own is not None else _token(head.field(b"authorization") or b"")
        if not token:
            raise LoginRefused(
                "the request has no token of this gateway",
                "401",
                "Send Authorization: Bearer TOKEN, or X-Countersign-Token where the API needs Authorization.",
            )
        host = self.address.rpartition(":")[0]
        return await login.sign_in_by_token(token, host), own is None

    async def held_body(self, head: Head) -> tuple[bytes | None, bool]:
        """The request's body, decoded; its beginning and False where it is too long to be held."""
        if self.side.waits_for_100:
            await self.stream.send(self.side.go_on())
        if head.field(b"content-length") is None and head.field(b"transfer-encoding") is None:
            await self.next_piece()  # its end
            return None, True
        coding = head.field(b"content-encoding") or b""
        held = bytearray()
        try:
            decoder = Decoder(coding)
            while isinstance(piece := await self.next_piece(), bytes):
                for decoded in decoder.decode(piece):
                    held += decoded
                    if len(held) > self._inspected:
                        if coding.lower() not in (b"", b"identity"):
                            raise BadRequest("a compressed body may hold 1 MiB at most", 413)
                        return bytes(held), False
            decoder.finish()
        except Uninspectable as error:
            raise BadRequest(f"the request cannot be read: {error}", 415) from error
        return bytes(held), True

    async def unless_left(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of it; it is cancelled where the client leaves before. Raises Broken."""
        running = asyncio.ensure_future(work)
        left = asyncio.ensure_future(self.stream.left())
        try:
            await asyncio.wait((running, left), return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                raise Broken("the client left")
            return running.result()
        finally:
            for task in (running, left):
                task.cancel()
            await asyncio.gather(running, left, return_exceptions=True)

    async def next_piece(self) -> bytes | Fields:
        """The next of the request's body, or its trailers. Raises BadRequest."""
        while (piece := self.side.body()) is None:
            try:
                async with asyncio.timeout(_BODY_SECONDS):
                    self.side.receive(await self.stream.receive())
            except TimeoutError:
                raise BadRequest("the request's body does not come", 408) from None
        return piece

    async def _next_head(self) -> Head | None:
        """The next request's head; None when the client is done."""
        seconds = _IDLE_SECONDS
        while (head := self.side.head()) is None:
            try:
                async with asyncio.timeout(seconds):
                    data = await self.stream.receive()
            except TimeoutError:
                return None
            if not data:
                return None
            self.side.receive(data)
            seconds = _HEAD_SECONDS
        return head

    async def _refuse(self, error: BadRequest) -> None:
        """Says what is wrong with a request, and is done with the connection: where it ends is not known."""
        if self.side.has_answered:
            return  # a second answer would be taken for the next request's
        said = self._words.failed(error.status, "the request is refused", str(error), "Nothing was executed.")
        _log.info("request.refused", address=self.address, reason=str(error))
        self.side.give_up()
        with contextlib.suppress(Broken):
            await say(self.sink(), said.also((b"connection", b"close")))
            await self._linger()

    async def _linger(self) -> None:
        """Reads on for a moment: closing with bytes unread would take the answer away from the client."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                self.stream.finish_writing()
                while await self.stream.receive():
                    pass


def _token(authorization: bytes) -> str:
    """What the field's value shows of who asks, "TOKEN" or "NAME:TOKEN"; empty: nothing of the gateway's.

    Basic is for clients that keep passwords by host and show them to nobody else (netrc). The gateway never
    asks for it: a browser would keep it, too, and show it for any page.
    """
    if bearer := _BEARER.fullmatch(authorization):
        return bearer[1].decode()
    if basic := _BASIC.fullmatch(authorization):
        try:
            name, _, token = base64.b64decode(basic[1], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return f"{name}:{token}" if name else token  # RFC 7617, section 2
    return ""
