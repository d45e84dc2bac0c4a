"""Messages over a WebSocket, and what is none."""

import asyncio
import struct

import pytest

from ingress.errors import ProtocolError
from ingress.web.stream import Stream
from ingress.web.websocket import Closing, Message, WebSocket


class Sent(asyncio.Transport):
    """Keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.data += bytes(data)

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As large as it wants."""


def wire(*came: bytes) -> tuple[WebSocket, Sent]:
    stream, sent = Stream(), Sent()
    stream.connection_made(sent)
    for data in came:
        stream.data_received(data)
    stream.eof_received()
    return WebSocket(stream, is_server=True, early=b""), sent


def frame(data: bytes, opcode: int = 2, *, fin: bool = True, masked: bool = True) -> bytes:
    """RFC 6455, section 5.2; the mask is four zeros."""
    first = opcode | (0x80 if fin else 0)
    length = bytes((len(data),)) if len(data) < 126 else struct.pack("!BH", 126, len(data))
    flagged = bytes((length[0] | (0x80 if masked else 0),)) + length[1:]
    return bytes((first,)) + flagged + (b"\0\0\0\0" if masked else b"") + data


CLOSE = frame(struct.pack("!H", 1000), 8)


async def told(sent: Sent) -> bytes:
    """What the other side got: what is sent in one moment leaves after it."""
    await asyncio.sleep(0)
    return sent.data


async def messages(one: WebSocket) -> list[bytes]:
    return [message async for message in one.binary()]


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_messages_cut_anywhere(size: int) -> None:
    whole = frame(b"\0one") + frame(b"\1tw", fin=False) + frame(b"ping", 9) + frame(b"o", 0) + CLOSE
    one, sent = wire(*(whole[n : n + size] for n in range(0, len(whole), size)))
    assert await messages(one) == [b"\0one", b"\1two"]
    assert b"ping" in await told(sent)  # answered by a pong
    assert sent.data.endswith(struct.pack("!H", 1000))


@pytest.mark.parametrize(
    "data",
    [
        frame(b"x", 1),  # text
        frame(b"x", masked=False),  # a client masks (section 5.1)
        frame(b"x", 3),  # an opcode of nothing
        b"\xc2" + frame(b"x")[1:],  # a reserved bit
        frame(b"x", 0),  # a continuation of nothing
        frame(b"x", fin=False) + frame(b"y"),  # a new message inside another
        frame(b"x" * 200, 9),  # a ping that is too long
        b"\x82\xff" + struct.pack("!Q", 1 << 40) + b"\0\0\0\0",  # a terabyte
    ],
)
async def test_what_is_no_message_ends_it(data: bytes) -> None:
    one, _ = wire(data)
    with pytest.raises(ProtocolError):
        await messages(one)


async def test_an_end_without_a_close_is_no_close() -> None:
    one, _ = wire(frame(b"\0x"))
    with pytest.raises(ConnectionResetError):
        await messages(one)


async def test_nothing_is_sent_after_the_close() -> None:
    one, sent = wire(CLOSE)
    assert await messages(one) == []
    before = await told(sent)
    await one.send(b"\1late")
    assert await told(sent) == before


async def test_text_is_told_from_bytes_and_put_together() -> None:
    one, _ = wire(frame(b"na\xc3", 1, fin=False) + frame(b"\xafve", 0) + frame(b"\xff") + CLOSE)
    assert [message async for message in one.messages()] == [
        Message("naïve".encode(), is_text=True),
        Message(b"\xff", is_text=False),
    ]
    assert one.closed == Closing(1000)


async def test_text_that_is_no_utf_8_is_told_so() -> None:
    one, sent = wire(frame(b"\xff", 1))
    with pytest.raises(ProtocolError):
        [message async for message in one.messages()]
    assert (await told(sent)).endswith(struct.pack("!H", 1007))


@pytest.mark.parametrize(
    ("said", "closed"),
    [
        (b"", Closing(1005)),
        (struct.pack("!H", 4001) + b"why", Closing(4001, "why")),
    ],
)
async def test_why_the_other_side_closes(said: bytes, closed: Closing) -> None:
    one, _ = wire(frame(said, 8))
    assert await messages(one) == []
    assert one.closed == closed


async def test_a_reason_is_cut_between_characters() -> None:
    one, sent = wire(CLOSE)
    await one.end(Closing(1008, "é" * 100))
    assert (await told(sent))[4:].startswith("é".encode())
    assert sent.data[4 : 4 + 122].decode() == "é" * 61
