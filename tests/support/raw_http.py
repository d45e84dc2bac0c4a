"""Bytes to an HTTP server that no client would send, and what comes back."""

import socket
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
