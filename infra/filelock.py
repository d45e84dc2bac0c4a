"""Locks between processes, on files. The kernel gives them back when their holders end, so none is stale."""

import asyncio
import contextlib
import fcntl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

_PAUSE = 0.05


async def take(path: Path, seconds: float | None = None) -> IO[str]:
    """The file, locked, once nobody else holds it. Closing it gives the lock back, unless a child that
    inherited it lives on. Raises TimeoutError after `seconds`; None waits for ever.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return file
                except BlockingIOError:
                    await asyncio.sleep(_PAUSE)
    except BaseException:
        file.close()
        raise


@contextlib.asynccontextmanager
async def alone(path: Path) -> AsyncIterator[None]:
    """The block runs in one process at a time; waits for its turn."""
    with await take(path):
        yield
