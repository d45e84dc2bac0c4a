"""Cancel keys of the gateway's own: each cancels one session's statement and nothing else.

PostgreSQL documentation, "Canceling Requests in Progress" (55.2.8).
"""

import hmac
import os
from collections.abc import Callable


class CancelKeys:
    """Process id and secret -> whom to tell."""

    def __init__(self) -> None:
        self._sessions: dict[int, tuple[bytes, Callable[[], None]]] = {}

    def issue(self, cancel: Callable[[], None]) -> tuple[int, bytes]:
        """A new key; `cancel` is called when somebody shows it."""
        while (pid := int.from_bytes(os.urandom(4), "big") >> 1) in self._sessions:
            pass
        secret = os.urandom(4)  # what protocol 3.0 has room for
        self._sessions[pid] = (secret, cancel)
        return pid, secret

    def revoke(self, pid: int) -> None:
        self._sessions.pop(pid, None)

    def use(self, pid: int, secret: bytes) -> None:
        """Cancels, or does nothing: the protocol answers neither way."""
        expected, cancel = self._sessions.get(pid, (b"", None))
        if cancel is not None and hmac.compare_digest(expected, secret):
            cancel()
