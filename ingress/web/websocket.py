"""One side of a WebSocket (RFC 6455), after its handshake: messages over a stream of bytes.

Fragments are put together (section 5.4 lets whoever is between do so where no extension was negotiated), and
pings are answered here.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from ingress.errors import ProtocolError
from ingress.web.stream import Stream

_LONGEST = 8 * 1024 * 1024  # bytes of a message; kubectl and kubelets send 32 KiB
_CLOSING_SECONDS = 2.0
_LONGEST_REASON = 123  # bytes; section 5.5: a control frame has 125, two of which are the code
# RFC 6455, section 7.4.1, and IANA's registry of close codes for 1014.
NORMAL, GOING_AWAY, WRONG, NO_CODE, NO_TEXT = 1000, 1001, 1002, 1005, 1007
REFUSED, BAD_GATEWAY = 1008, 1014


@dataclass(frozen=True, slots=True)
class Message:
    """`data` of a text is UTF-8."""

    data: bytes
    is_text: bool


@dataclass(frozen=True, slots=True)
class Closing:
    """Why a side closes. `code`: NO_CODE where it does not say."""

    code: int
    reason: str = ""


class WebSocket:
    """`early`: bytes that came with the handshake. `closed`: what the other side said when it closed."""

    def __init__(self, stream: Stream, *, is_server: bool, early: bytes) -> None:
        self.closed: Closing | None = None
        self._stream = stream
        self._early = early
        side = Side.SERVER if is_server else Side.CLIENT
        self._protocol = Protocol(side, state=State.OPEN, max_size=_LONGEST)

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Until the other side closes. Raises ProtocolError, and OSError where it is gone without having
        closed."""
        message = bytearray()
        is_text = False
        data, self._early = self._early, b""
        while True:
            if data:
                self._protocol.receive_data(data)
                for frame in self._protocol.events_received():
                    assert isinstance(frame, Frame)  # the handshake was ours
                    if frame.opcode is Opcode.CLOSE:
                        await self._flush()
                        self.closed = self._closing()
                        return
                    if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
                        is_text = frame.opcode is Opcode.TEXT
                    if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                        message += frame.data
                        if len(message) > _LONGEST:
                            raise ProtocolError("a message is too long")
                        if frame.fin:
                            if is_text:
                                await self._check_text(message)
                            yield Message(bytes(message), is_text)
                            message.clear()
                await self._flush()  # pongs
                if self._protocol.parser_exc is not None:
                    raise ProtocolError("frames that RFC 6455 does not permit, or a message that is too long")
            data = await self._stream.receive()
            if not data:
                raise ConnectionResetError("it closed the connection")

    async def binary(self) -> AsyncGenerator[bytes, None]:
        """Likewise, where the protocol above has binary messages alone."""
        async with contextlib.aclosing(self.messages()) as messages:
            async for message in messages:
                if message.is_text:
                    raise ProtocolError("a text message, where messages are binary")
                yield message.data

    async def send(self, message: bytes) -> None:
        """One binary message; nothing once either side has closed. Raises OSError."""
        await self.pass_on(Message(message, is_text=False))

    async def pass_on(self, message: Message) -> None:
        """One message; nothing once either side has closed. Raises OSError."""
        if self._protocol.state is not State.OPEN:
            return
        if message.is_text:
            self._protocol.send_text(message.data)
        else:
            self._protocol.send_binary(message.data)
        await self._flush()

    async def close(self, code: int, reason: str = "") -> None:
        """Says that it is over."""
        if self._protocol.state is not State.OPEN:
            return
        if code == NO_CODE:
            self._protocol.send_close()
        else:
            self._protocol.send_close(code, _short(reason))
        await self._flush()

    async def end(self, closing: Closing) -> None:
        """Says that it is over, and waits a moment for the other side to say so too: what is closed before is
        lost on its way."""
        with contextlib.suppress(OSError, ProtocolError, TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await self.close(closing.code, closing.reason)
                if self.closed is None:
                    async for _ in self.messages():
                        pass

    async def _check_text(self, message: bytearray) -> None:
        """RFC 6455, section 8.1: text that is not UTF-8 fails the connection."""
        try:
            message.decode()
        except UnicodeDecodeError:
            await self.close(NO_TEXT)
            raise ProtocolError("a text message that is not UTF-8") from None

    def _closing(self) -> Closing:
        said = self._protocol.close_rcvd
        return Closing(NO_CODE) if said is None else Closing(said.code, said.reason)

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                await self._stream.send(data)


def _short(reason: str) -> str:
    return reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
