"""The leanest client there is: signs in, sends one query, and counts the bytes of the answer.

It keeps nothing and parses no row, so that what is measured is the way and not the client
(PostgreSQL 15 documentation, "Frontend/Backend Protocol"). It reads as slowly as it is told.
"""

import asyncio
import ssl
import struct
from dataclasses import dataclass

from bench.ways import Way

_SSL_REQUEST = struct.pack(">ii", 8, 80877103)
_PIECE = 1 << 18


class Refused(Exception):
    """The server answered with an ErrorResponse; the message is its text."""


@dataclass(frozen=True, slots=True)
class Client:
    """A session that is ready for a query."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read_all(self, sql: str, *, pause_every: int = 0, pause: float = 0.0) -> int:
        """Bytes of the answer. Pauses `pause` seconds after each `pause_every` bytes."""
        self.writer.write(_message(b"Q", sql.encode() + b"\0"))
        await self.writer.drain()
        total, paused_at, last = 0, 0, b""
        # An answer ends in ReadyForQuery: Z, length 5, the transaction's state.
        while not (last.startswith(b"Z\0\0\0\5") and len(last) == 6):
            piece = await self.reader.read(_PIECE)
            if not piece:
                raise Refused("the connection ended in the answer")
            if total == 0 and piece[:1] == b"E":
                raise Refused(piece.decode(errors="replace"))
            total += len(piece)
            last = (last + piece)[-6:]
            if pause_every and total - paused_at >= pause_every:
                paused_at = total
                await asyncio.sleep(pause)
        return total

    async def close(self) -> None:
        self.writer.write(_message(b"X", b""))
        self.writer.close()
        await self.writer.wait_closed()


async def connect(way: Way) -> Client:
    """A session over TLS, signed in with a cleartext password (as tokens are). Raises Refused."""
    reader, writer = await asyncio.open_connection(way.host, way.port, limit=1 << 20)
    writer.write(_SSL_REQUEST)
    if await reader.readexactly(1) != b"S":
        raise Refused("no TLS")
    await writer.start_tls(ssl.create_default_context(cafile=way.ca), server_hostname=way.host)
    names = f"user\0{way.user}\0database\0{way.database}\0\0".encode()
    writer.write(struct.pack(">ii", 8 + len(names), 3 << 16) + names)
    while True:
        kind, body = await _receive(reader)
        if kind == b"E":
            raise Refused(body.decode(errors="replace"))
        if kind == b"R" and body == struct.pack(">i", 3):  # AuthenticationCleartextPassword
            writer.write(_message(b"p", way.password.encode() + b"\0"))
        elif kind == b"R" and body != bytes(4):
            raise Refused("it asks for another kind of sign-in than a cleartext password")
        elif kind == b"Z":
            return Client(reader, writer)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">i", 4 + len(body)) + body


async def _receive(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind, length = struct.unpack(">ci", await reader.readexactly(5))
    return kind, await reader.readexactly(length - 4)
