"""A PostgreSQL client of the tests' own, which keeps every byte it is sent: nothing is hidden by a driver.

It shares no code with the gateway. It speaks simple and extended query over TLS, signs in with a password in
the clear, and is for one thread. PostgreSQL documentation, "Frontend/Backend Protocol", "Message Formats".
"""

import socket
import ssl
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_PROTOCOL = 196608
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """All that was sent up to ReadyForQuery."""

    messages: tuple[tuple[bytes, bytes], ...]  # type and body, in order

    @property
    def received(self) -> bytes:
        return b"".join(kind + body for kind, body in self.messages)

    @property
    def rows(self) -> list[list[bytes | None]]:
        """The values of each DataRow, and each CopyData as a row of one."""
        return [
            [body] if kind == b"d" else list(_values(body)) for kind, body in self.messages if kind in b"Dd"
        ]

    @property
    def error(self) -> dict[str, str]:
        """The fields of the first ErrorResponse, by their letter; empty without one."""
        for kind, body in self.messages:
            if kind == b"E":
                fields = body.rstrip(b"\0").split(b"\0")
                return {field[:1].decode(): field[1:].decode(errors="replace") for field in fields}
        return {}


class Wire:
    """A connection. Raises ConnectionError where the other side ends it, TimeoutError in silence."""

    def __init__(self, address: str, user: str, password: str, database: str, ca: Path | None) -> None:
        """`ca`: what verifies the other side; None: no TLS."""
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=_SECONDS)
        if ca is not None:
            self._socket.sendall(_SSL_REQUEST)
            assert self._socket.recv(1) == b"S"
            verifying = ssl.create_default_context(cafile=str(ca))
            self._socket = verifying.wrap_socket(self._socket, server_hostname=host)
        self._incoming = Incoming(self._socket)
        names = {"user": user, "database": database, "client_encoding": "UTF8"}
        settings = b"".join(part.encode() + b"\0" for pair in names.items() for part in pair)
        body = struct.pack("!i", _PROTOCOL) + settings + b"\0"
        self._socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self._send((b"p", password.encode() + b"\0"))
        assert not (answer := self._until_ready()).error, answer.error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None
    ) -> None:
        self._socket.close()

    def simple(self, text: str) -> Answer:
        """A text of one or more statements as one Query. COPY … FROM STDIN is given no rows."""
        self._send((b"Q", text.encode() + b"\0"))
        return self._until_ready()

    def extended(
        self, text: str, parameters: Sequence[str] = (), *, binary: bool = False, at_once: int = 0
    ) -> Answer:
        """A statement parsed, described, bound and executed; `at_once`: that many rows each Execute."""
        counts = struct.pack("!hh", 0, len(parameters))
        values = b"".join(struct.pack("!i", len(v.encode())) + v.encode() for v in parameters)
        bind = b"\0\0" + counts + values + struct.pack("!hh", 1, int(binary))
        execute = (b"E", b"\0" + struct.pack("!i", at_once))
        self._send(
            (b"P", b"\0" + text.encode() + b"\0\0\0"),
            (b"D", b"S\0"),
            (b"B", bind),
            (b"D", b"P\0"),
            *([execute] * (5 if at_once else 1)),
            (b"S", b""),
        )
        return self._until_ready()

    def _send(self, *messages: tuple[bytes, bytes]) -> None:
        self._socket.sendall(
            b"".join(kind + struct.pack("!i", len(body) + 4) + body for kind, body in messages)
        )

    def _until_ready(self) -> Answer:
        messages = []
        while True:
            kind, body = self._incoming.message()
            messages.append((kind, body))
            if kind == b"G":
                self._send((b"c", b""))
            if kind == b"Z":
                return Answer(tuple(messages))
            if kind == b"E" and body.startswith(b"SFATAL"):
                raise ConnectionError(Answer(tuple(messages)).error.get("M"))


class Incoming:
    """The messages that come from a socket, one by one."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._pending = b""

    def message(self) -> tuple[bytes, bytes]:
        """Type and body of the next one. Raises ConnectionError at the end."""
        kind, length = self._read(1), struct.unpack("!i", self._read(4))[0]
        return kind, self._read(length - 4)

    def _read(self, count: int) -> bytes:
        while len(self._pending) < count:
            received = self._socket.recv(65536)
            if not received:
                raise ConnectionError("the other side ended the connection")
            self._pending += received
        found, self._pending = self._pending[:count], self._pending[count:]
        return found


def _values(body: bytes) -> Iterator[bytes | None]:
    position = 2
    for _ in range(struct.unpack_from("!h", body)[0]):
        length = struct.unpack_from("!i", body, position)[0]
        position += 4
        yield None if length < 0 else body[position : position + length]
        position += max(length, 0)
