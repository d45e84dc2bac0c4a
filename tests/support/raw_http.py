"""Bytes to an HTTP server that no client would send, and what comes back."""

import contextlib
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
    with socket.create_connection((host, int(port)), timeout=_SECONDS) as plain:
        with tls.wrap_socket(plain, server_hostname=host) as sock:
            sock.sendall(data)
            sock.settimeout(seconds)
            came = b""
            with contextlib.suppress(TimeoutError, OSError):
                while chunk := sock.recv(65536):
                    came += chunk
            return Came(came)
