"""Bytes of one side: what is written when, and in how many pieces."""

import asyncio

import pytest

from ingress.web.stream import Stream


class Written(asyncio.Transport):
    """Keeps each write, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_closed
        self.pieces.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def can_write_eof(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As large as it wants."""


def open_stream() -> tuple[Stream, Written]:
    stream, written = Stream(), Written()
    stream.connection_made(written)
    return stream, written


async def test_what_is_sent_in_one_moment_is_written_in_one_piece() -> None:
    stream, written = open_stream()
    await stream.send(b"head")
    await stream.send(b"body")
    assert written.pieces == []
    await asyncio.sleep(0)
    assert written.pieces == [b"headbody"]
    await stream.send(b"more")
    await asyncio.sleep(0)
    assert written.pieces == [b"headbody", b"more"]


async def test_what_is_large_is_written_at_once_and_in_its_order() -> None:
    stream, written = open_stream()
    await stream.send(b"head")
    await stream.send(b"x" * 20_000)
    assert b"".join(written.pieces) == b"head" + b"x" * 20_000
    await stream.send(b"end")
    await asyncio.sleep(0)
    assert b"".join(written.pieces).endswith(b"xend")


async def test_nothing_is_lost_when_it_closes() -> None:
    stream, written = open_stream()
    await stream.send(b"last words")
    stream.close()
    await asyncio.sleep(0)
    assert written.pieces == [b"last words"]


async def test_what_was_not_written_is_dropped_with_its_connection() -> None:
    stream, written = open_stream()
    await stream.send(b"half an answer")
    stream.abort()
    await asyncio.sleep(0)
    assert written.pieces == []
    with pytest.raises(ConnectionResetError):
        await stream.send(b"more")


async def test_a_writer_waits_while_the_peer_takes_nothing() -> None:
    stream, written = open_stream()
    stream.pause_writing()
    sending = asyncio.ensure_future(stream.send(b"x"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not sending.done()
    stream.resume_writing()
    await sending
    assert written.pieces == [b"x"]
