"""Cancel keys of the gateway's own: each cancels one session's statement and nothing else.

The process id is the target's, which clients compare with pg_backend_pid() and with the sender of a
notification; the secret is ours. PostgreSQL documentation, "Canceling Requests in Progress" (55.2.8).
"""

import hmac
import os
from collections.abc import Callable

_SHORT = 4  # bytes: what protocol 3.0 has room for
_LONG = 32  # what PostgreSQL 18 itself gives to clients of 3.2 ("BackendKeyData": up to 256)


class CancelKeys:
    """Process id and secret -> whom to tell."""

    def __init__(self) -> None:
        self._sessions: dict[int, dict[bytes, Callable[[], None]]] = {}

    def issue(self, pid: int, minor: int, cancel: Callable[[], None]) -> bytes:
        """A new secret for a client of protocol 3.`minor`; `cancel` is called when somebody shows it.

        Targets of several resources may have the same process id.
        """
        sessions = self._sessions.setdefault(pid, {})
        while (secret := os.urandom(_LONG if minor >= 2 else _SHORT)) in sessions:
            pass
        sessions[secret] = cancel
        return secret

    def revoke(self, pid: int, secret: bytes) -> None:
        sessions = self._sessions.get(pid, {})
        sessions.pop(secret, None)
        if not sessions:
            self._sessions.pop(pid, None)

    def use(self, pid: int, secret: bytes) -> None:
        """Cancels, or does nothing: the protocol answers neither way."""
        for known, cancel in list(self._sessions.get(pid, {}).items()):
            if hmac.compare_digest(known, secret):
                cancel()
