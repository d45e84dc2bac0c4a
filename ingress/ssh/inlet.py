"""A way from the host to the client, open under one command: each connection that comes in is part of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncssh

from ingress.ssh.forwarding import MOST_STREAMS
from ingress.ssh.passage import AtLimit, Ends, Passage, Reader, Writer

Session = TypeVar("Session")


class Inlet:
    """`passage`: the command's. At most MOST_STREAMS connections at a time."""

    def __init__(self, passage: Passage) -> None:
        self._passage = passage
        self._streams: set[asyncio.Task[None]] = set()
        self._coming = 0
        self._ended = asyncio.Event()
        self._at_limit = False

    @property
    def is_open(self) -> bool:
        """Whether connections are still let in."""
        return not self._ended.is_set()

    def close(self) -> None:
        """No more connections; those there are end."""
        self._ended.set()

    async def stay(self) -> None:
        """Holds it open until it is closed, and reports to the ledger."""
        await self._passage.run(self._until_closed(), outlasts_client=False)

    async def admit(
        self,
        connect: Callable[[], Awaitable[Ends]],
        session: Callable[[Callable[[Reader, Writer], Awaitable[None]]], Session],
    ) -> Session:
        """The host's end of a connection that came in, once the client took it. `connect`: to the client.
        Raises ChannelOpenError."""
        if not self.is_open:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "it is closed")
        if len(self._streams) + self._coming >= MOST_STREAMS:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many connections")
        self._coming += 1
        try:
            client = await connect()
        finally:
            self._coming -= 1
        if not self.is_open:  # since a moment ago
            client[1].close()
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "it is closed")

        async def serve(from_host: Reader, to_host: Writer) -> None:
            task = asyncio.create_task(self._join(client, (from_host, to_host)))
            self._streams.add(task)
            task.add_done_callback(self._streams.discard)

        return session(serve)

    async def _join(self, client: Ends, host: Ends) -> None:
        try:
            await self._passage.join(client, host)
        except AtLimit:
            self._at_limit = True
            self.close()
        except (asyncssh.Error, OSError):
            pass  # one connection broke; the next may hold

    async def _until_closed(self) -> None:
        try:
            await self._ended.wait()
        finally:
            self._ended.set()
            for task in self._streams:
                task.cancel()
            await asyncio.gather(*self._streams, return_exceptions=True)
        if self._at_limit:
            raise AtLimit
