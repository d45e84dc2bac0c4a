"""Sessions and positions in streams are their principal's: the gateway signs the server's ids. Pure.

The server knows the gateway alone: to it, all sessions are one client's. With the signature, an id of
somebody else is none, on every node of the gateway, and nothing has to be remembered.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

from schemas.vocabulary import Principal

_DOMAIN = b"countersign mcp binding v1"
_SIGNATURE = 32  # hexadecimal digits: 128 bits
# MCP 2025-11-25, transports: a session's id is of visible ASCII characters alone.
_ID = re.compile(r"[\x21-\x7e]{1,1024}")


@dataclass(frozen=True, slots=True)
class Bindings:
    """Of one principal at one resource."""

    key: bytes
    principal: Principal
    resource: str

    def bind_session(self, id: str) -> str | None:
        """The server's id of a session as the client gets it; None for one that is not of visible ASCII."""
        return self._bind("session", id)

    def session(self, bound: str) -> str | None:
        """The server's id; None where it is no id of this principal's."""
        return self._read("session", bound)

    def bind_event(self, session: str, id: str, *, answers: bool) -> str | None:
        """The position in a stream of this session (of the server's id). `answers`: the stream is that of a
        request, and may go on with its answer."""
        return self._bind(_kind(session, answers), id)

    def event(self, session: str, bound: str) -> tuple[str, bool] | None:
        """The server's id of the position, and whether answers may follow it; None where it is no position in
        a stream of this session."""
        for answers in (True, False):
            if (id := self._read(_kind(session, answers), bound)) is not None:
                return id, answers
        return None

    def _bind(self, kind: str, id: str) -> str | None:
        return f"{id}.{self._signature(kind, id)}" if _ID.fullmatch(id) is not None else None

    def _read(self, kind: str, bound: str) -> str | None:
        id, _, signature = bound.rpartition(".")
        if _ID.fullmatch(id) is None or not signature.isascii():
            return None
        return id if hmac.compare_digest(signature, self._signature(kind, id)) else None

    def _signature(self, kind: str, id: str) -> str:
        parts = (kind, self.resource, self.principal.name, self.principal.acts_for, id)
        said = _DOMAIN + b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.new(self.key, said, hashlib.sha256).hexdigest()[:_SIGNATURE]


def _kind(session: str, answers: bool) -> str:
    return f"{'answer' if answers else 'event'} {session}"
