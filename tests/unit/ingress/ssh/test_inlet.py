"""What is let in by a way from the host, and what no longer is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import asyncssh
import pytest

from ingress.ssh.forwarding import MOST_STREAMS
from ingress.ssh.inlet import Inlet
from ingress.ssh.passage import Ends, Passage


class _Writer:
    """An end that only counts how often it was closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


def _inlet() -> Inlet:
    return Inlet(cast(Passage, None))  # nothing passes here


async def _admit(inlet: Inlet, connect: Callable[[], Awaitable[Any]]) -> object:
    return await inlet.admit(connect, lambda serve: serve)


async def test_nothing_comes_in_once_it_is_closed() -> None:
    inlet = _inlet()
    inlet.close()

    async def connect() -> Ends:
        raise AssertionError("the client is not asked")

    with pytest.raises(asyncssh.ChannelOpenError, match="closed"):
        await _admit(inlet, connect)


async def test_what_was_on_its_way_when_it_closed_does_not_come_in() -> None:
    inlet, writer = _inlet(), _Writer()

    async def connect() -> tuple[None, _Writer]:
        inlet.close()
        return None, writer

    with pytest.raises(asyncssh.ChannelOpenError, match="closed"):
        await _admit(inlet, connect)
    assert writer.closed == 1


async def test_those_on_their_way_count_too() -> None:
    inlet, answered = _inlet(), asyncio.Event()

    async def connect() -> tuple[None, None]:
        await answered.wait()
        return None, None

    coming = [asyncio.create_task(_admit(inlet, connect)) for _ in range(MOST_STREAMS)]
    await asyncio.sleep(0)
    with pytest.raises(asyncssh.ChannelOpenError, match="too many"):
        await _admit(inlet, connect)
    answered.set()
    assert len(await asyncio.gather(*coming)) == MOST_STREAMS
