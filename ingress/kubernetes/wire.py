"""One side of a WebSocket (RFC 6455), after its handshake: messages over a stream of bytes."""

from collections.abc import AsyncGenerator

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from ingress.errors import ProtocolError
from ingress.web.stream import Stream

_LONGEST = 8 * 1024 * 1024  # bytes of a message; clients and kubelets send 32 KiB
NORMAL, GOING_AWAY, WRONG, INTERNAL = 1000, 1001, 1002, 1011  # RFC 6455, section 7.4.1


class Wire:
    """`early`: bytes that came with the handshake."""

    def __init__(self, stream: Stream, *, is_server: bool, early: bytes) -> None:
        self._stream = stream
        self._early = early
        side = Side.SERVER if is_server else Side.CLIENT
        self._protocol = Protocol(side, state=State.OPEN, max_size=_LONGEST)

    async def messages(self) -> AsyncGenerator[bytes, None]:
        """Binary messages, until the other side closes. Raises ProtocolError, and OSError where it is gone
        without having closed."""
        message = bytearray()
        data, self._early = self._early, b""
        while True:
            if data:
                self._protocol.receive_data(data)
                for frame in self._protocol.events_received():
                    assert isinstance(frame, Frame)  # the handshake was ours
                    if frame.opcode is Opcode.CLOSE:
                        await self._flush()
                        return
                    if frame.opcode is Opcode.TEXT:
                        raise ProtocolError("a text message, where messages are binary")
                    if frame.opcode in (Opcode.BINARY, Opcode.CONT):
                        message += frame.data
                        if len(message) > _LONGEST:
                            raise ProtocolError("a message is too long")
                        if frame.fin:
                            yield bytes(message)
                            message.clear()
                await self._flush()  # pongs
                if self._protocol.close_expected() and self._protocol.state is not State.OPEN:
                    raise ProtocolError("frames that RFC 6455 does not permit")
            data = await self._stream.receive()
            if not data:
                raise ConnectionResetError("it closed the connection")

    async def send(self, message: bytes) -> None:
        """One binary message; nothing once either side has closed. Raises OSError."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_binary(message)
            await self._flush()

    async def close(self, code: int, reason: str = "") -> None:
        """Says that it is over."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason[:100])
            await self._flush()

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                await self._stream.send(data)
