"""A stream that says when nothing came for a moment."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable

PAUSE = 0.05  # seconds


async def with_pauses(
    pieces: AsyncIterator[bytes], keeps: Callable[[], bool]
) -> AsyncGenerator[bytes | None, None]:
    """The pieces, and None where none came for a moment while `keeps()`."""
    coming: asyncio.Future[bytes | None] | None = None
    try:
        while True:
            if not keeps() and coming is None:
                data = await anext(pieces, None)
            else:
                coming = coming or asyncio.ensure_future(anext(pieces, None))
                await asyncio.wait((coming,), timeout=PAUSE)
                if not coming.done():
                    yield None
                    await asyncio.wait((coming,))
                data, coming = coming.result(), None
            if data is None:
                return
            yield data
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
