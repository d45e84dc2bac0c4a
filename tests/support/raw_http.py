"""Bytes to an HTTP server that no client would send, and what comes back."""

import contextlib
import re
import socket
import ssl
from dataclasses import dataclass

_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Came:
    """All that came back until the server closed, or had answered and said no more."""

    data: bytes

    @property
    def status(self) -> int:
        """Of the first answer; 0 where there is none."""
        words = self.data.split(b" ", 2)
        return int(words[1]) if len(words) == 3 and words[0].startswith(b"HTTP/1.") else 0

    @property
    def answers(self) -> int:
        return self.data.count(b"HTTP/1.1 ")


def say(address: str, data: bytes) -> Came:
    """Sends, says that there is no more, and reads to the end."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=_SECONDS) as sock:
        sock.sendall(data)
        came = b""
        while chunk := sock.recv(65536):
            came += chunk
    return Came(came)


def say_over_tls(address: str, tls: ssl.SSLContext, data: bytes, seconds: float = 2.0) -> Came:
    """Likewise over TLS, where half a connection cannot be closed: what has come once nothing more comes, in
    an answer or within a time."""
    host, _, port = address.rpartition(":")
    plain = socket.create_connection((host, int(port)), timeout=_SECONDS)
    with plain, tls.wrap_socket(plain, server_hostname=host) as sock:
        sock.sendall(data)
        sock.settimeout(seconds)
        came = b""
        with contextlib.suppress(TimeoutError, OSError):
            while not _is_whole(came) and (chunk := sock.recv(65536)):
                came += chunk
        return Came(came)


def _is_whole(came: bytes) -> bool:
    """Whether an answer with a length is there as a whole, or a WebSocket that has said that it closes."""
    head, end, body = came.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    if end and head.startswith(b"HTTP/1.1 101"):
        return b"\x88\x02\x03" in body  # RFC 6455, section 5.5.1: a close frame with a status of 1xxx
    return bool(end) and length is not None and len(body) >= int(length[1])
