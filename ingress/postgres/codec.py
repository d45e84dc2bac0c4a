"""Bytes -> messages, whatever way the bytes are cut. Sans-IO, bounded.

A message is a type byte, a length that counts itself, and a body (PostgreSQL documentation, "Message
Formats"). Rows come in blocks: a run of whole DataRow or CopyData messages stays one piece of bytes, so
that a million rows cost a million steps of one tight loop and nothing else.
"""

import struct
from dataclasses import dataclass

from ingress.errors import ClientError, ProtocolError, TargetError

_LENGTH = struct.Struct("!I")

# PostgreSQL's own bounds: libpq-be.h MAX_STARTUP_PACKET_LENGTH; PQ_SMALL_MESSAGE_LIMIT; a 1 GB allocation.
MAX_STARTUP = 10_000
MAX_SMALL = 10_000
MAX_CLIENT_MESSAGE = 64 * 1024 * 1024
MAX_TARGET_MESSAGE = 256 * 1024 * 1024

_CLIENT_TYPES = frozenset(b"BCDEFHPQSXcdfp")
_SMALL_CLIENT_TYPES = frozenset(b"CDEHSXc")
_TARGET_TYPES = frozenset(b"123ACDEGHIKNRSTVWZcdnstv")
_ROWS = frozenset(b"Dd")  # DataRow, CopyData


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its type and its body, without the length."""

    kind: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        """The message as it stood on the wire."""
        return self.kind + _LENGTH.pack(len(self.body) + 4) + self.body


@dataclass(frozen=True, slots=True)
class Block:
    """A run of whole messages of one type (b"D" DataRow or b"d" CopyData), as they stood on the wire."""

    kind: bytes
    data: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Oversized:
    """A row or a piece of COPY data that is longer than passes the gateway: it is read past, never held.

    `length`: its bytes on the wire, the type's byte aside.
    """

    length: int


class ClientReader:
    """Messages of a client after start-up. `limit` bounds one message's length."""

    def __init__(self, limit: int = MAX_CLIENT_MESSAGE) -> None:
        self._buffer = bytearray()
        self._needed = 5  # bytes that must be there before the next message can be whole
        self._limit = limit

    def receive_data(self, data: bytes) -> None:
        self._buffer += data

    @property
    def buffered(self) -> int:
        """Bytes received and not yet given as messages."""
        return len(self._buffer)

    @property
    def is_starved(self) -> bool:
        """No message can come of what is there: only more bytes help."""
        return len(self._buffer) < self._needed

    def next_message(self) -> Message | None:
        """The next whole message, or None until more bytes come.

        Raises ClientError for a type that no client sends, or a length out of bounds.
        """
        buffer = self._buffer
        if len(buffer) < 5:
            if buffer and buffer[0] not in _CLIENT_TYPES:
                raise ClientError(f"invalid frontend message type {buffer[0]}")
            return None
        kind = buffer[0]
        if kind not in _CLIENT_TYPES:
            raise ClientError(f"invalid frontend message type {kind}")
        length = _LENGTH.unpack_from(buffer, 1)[0]
        limit = MAX_SMALL if kind in _SMALL_CLIENT_TYPES else self._limit
        if not 4 <= length <= limit:
            raise ClientError(
                f"a message of type {chr(kind)} is {length} bytes long; at most {limit} are accepted"
            )
        self._needed = length + 1
        if len(buffer) < length + 1:
            return None
        body = bytes(memoryview(buffer)[5 : length + 1])
        del buffer[: length + 1]
        self._needed = 5
        return Message(bytes((kind,)), body)


class TargetReader:
    """Messages and blocks of rows of a server."""

    def __init__(self, limit: int = MAX_TARGET_MESSAGE) -> None:
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._needed = 5
        self._passing = 0  # bytes of an oversized row that are still to come
        self._limit = limit

    def receive_data(self, data: bytes) -> list[Message | Block | Oversized]:
        """What is whole now, in order. Raises TargetError for what no server sends, and for a message that is
        too long and no row.

        What is not whole is kept and not looked at again until its length is there.
        """
        if self._passing:
            passed = min(self._passing, len(data))
            self._passing -= passed
            data = data[passed:]
        if self._pending:
            self._pending.append(data)
            self._pending_size += len(data)
            if self._pending_size < self._needed:
                return []
            data = b"".join(self._pending)
            self._pending.clear()
        found, used = self._cut(data)
        rest = data[used:]
        self._pending = [rest] if rest else []
        self._pending_size = len(rest)
        return found

    def _cut(self, data: bytes) -> tuple[list[Message | Block | Oversized], int]:
        found: list[Message | Block | Oversized] = []
        position, end, unpack = 0, len(data), _LENGTH.unpack_from
        self._needed = 5
        while position + 5 <= end:
            kind = data[position]
            if kind in _ROWS:
                start, count = position, 0
                while position + 5 <= end and data[position] == kind:
                    length = unpack(data, position + 1)[0]
                    after = position + 1 + length
                    if after > end or length < 4:
                        break
                    position = after
                    count += 1
                if count:
                    found.append(Block(data[start : start + 1], data[start:position], count))
                    if position + 5 > end or data[position] != kind:
                        continue
            elif kind not in _TARGET_TYPES:
                raise TargetError("the target sent a message of an unknown type")
            length = unpack(data, position + 1)[0]
            if kind in _ROWS and length > self._limit:
                found.append(Oversized(length))
                position += 1 + length
                self._passing = max(position - end, 0)
                position = min(position, end)
                continue
            if not 4 <= length <= self._limit:
                raise TargetError(
                    f"the target sent a message of {length} bytes; at most {self._limit} pass the gateway"
                )
            after = position + 1 + length
            if after > end:
                self._needed = after - position
                break
            found.append(Message(data[position : position + 1], data[position + 5 : after]))
            position = after
        return found, position


def startup_packet(data: bytes) -> tuple[bytes, int] | None:
    """The body of the packet without type at the start of `data`, and its length in all, once whole.

    Raises ProtocolError for a length out of bounds.
    """
    if len(data) < 4:
        return None
    length = _LENGTH.unpack_from(data)[0]
    if not 8 <= length <= MAX_STARTUP:
        raise ProtocolError(f"a start-up packet of {length} bytes is not accepted")
    if len(data) < length:
        return None
    return bytes(data[4:length]), length
