"""A stream that says when nothing came for a moment."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ingress.web.pauses import with_pauses


async def test_silence_is_told_where_somebody_keeps_something() -> None:
    go_on = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        await go_on.wait()
        yield b"two"

    came = []
    async for piece in with_pauses(pieces(), lambda: True):
        came.append(piece)
        if piece is None:
            go_on.set()
    assert came == [b"one", None, b"two"]


async def test_silence_is_nothing_where_nobody_keeps_anything() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.sleep(0.1)
        yield b"two"

    assert [piece async for piece in with_pauses(pieces(), lambda: False)] == [b"one", b"two"]


async def test_an_error_of_the_stream_goes_to_its_reader() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        [piece async for piece in with_pauses(pieces(), lambda: True)]
