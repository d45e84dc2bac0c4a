"""What the client of a stream sends, read from the beginning: its pings are answered while it waits."""

import asyncio
from collections import deque

from ingress.errors import ProtocolError
from ingress.kubernetes.channels import STDIN
from ingress.web.websocket import WebSocket

_MOST = 1024 * 1024  # bytes kept before the client's next messages are left in the network
_CTRL_C = b"\x03"


class Keyboard:
    """Use with `async with`."""

    def __init__(self, client: WebSocket, *, has_terminal: bool) -> None:
        self._client = client
        self._has_terminal = has_terminal
        self._messages: deque[bytes] = deque()
        self._size = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._reading: asyncio.Task[None] | None = None
        self._is_cancelled = False

    async def __aenter__(self) -> "Keyboard":
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._reading is not None
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def wants_out(self) -> None:
        """Returns when the client no longer wants its command: Ctrl-C at a terminal. Raises what ended the
        client's side: ConnectionResetError, ProtocolError."""
        while not self._is_cancelled:
            self._check()
            self._news.clear()
            await self._news.wait()

    async def read(self) -> bytes:
        """The next message. Raises ConnectionResetError, ProtocolError."""
        while not self._messages:
            self._check()
            self._news.clear()
            await self._news.wait()
        message = self._messages.popleft()
        self._size -= len(message)
        self._room.set()
        return message

    def _check(self) -> None:
        assert self._reading is not None
        if self._reading.done():
            error = self._reading.exception()
            raise (
                error if isinstance(error, OSError | ProtocolError) else ConnectionResetError("it has closed")
            )

    async def _read(self) -> None:
        try:
            async for message in self._client.binary():
                self._messages.append(message)
                self._size += len(message)
                if self._has_terminal and message[:1] == bytes((STDIN,)) and _CTRL_C in message:
                    self._is_cancelled = True
                self._news.set()
                while self._size >= _MOST:
                    self._room.clear()
                    await self._room.wait()
        finally:
            self._news.set()
