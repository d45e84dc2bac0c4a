"""The read model of the grants topic: what was granted, and what of it was revoked. Pure.

It says whether a grant's time is over; how often a grant was used is in the audit log.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from schemas.events import Event, GrantIssued, GrantRevoked

REACH = timedelta(days=400)  # how far back grants are read at the start: none lasts longer
_KEPT_FOR = timedelta(days=8)  # after its end; older ones are in the audit log


class GrantState(StrEnum):
    """How a grant stands."""

    UPCOMING = "upcoming"  # its window has not begun
    ACTIVE = "active"
    REVOKED = "revoked"
    ENDED = "ended"  # its time is over


@dataclass(frozen=True, slots=True)
class Entry:
    """One grant, and its revocation."""

    issued: GrantIssued
    revoked: GrantRevoked | None = None

    @property
    def id(self) -> str:
        return self.issued.grant

    @property
    def starts_at(self) -> datetime:
        return self.issued.starts_at or self.issued.envelope.time

    def state(self, now: datetime) -> GrantState:
        if self.revoked is not None:
            return GrantState.REVOKED
        if now >= self.issued.expires_at:
            return GrantState.ENDED
        return GrantState.ACTIVE if now >= self.starts_at else GrantState.UPCOMING


class Register:
    """All grants, but those that ended long ago."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def apply(self, event: Event) -> None:
        """Takes in one event of the topic; a repeat changes nothing."""
        match event:
            case GrantIssued():
                self._entries.setdefault(event.grant, Entry(event))
            case GrantRevoked():
                entry = self._entries.get(event.grant)
                if entry is not None and entry.revoked is None:
                    self._entries[event.grant] = replace(entry, revoked=event)

    def entries(self, now: datetime) -> Iterator[Entry]:
        """The newest first."""
        self._forget(now)
        yield from sorted(self._entries.values(), key=lambda entry: entry.issued.envelope.time, reverse=True)

    def find(self, prefix: str) -> list[Entry]:
        """The grants whose id is, or begins with, `prefix`."""
        return [entry for id, entry in self._entries.items() if id.startswith(prefix)]

    def _forget(self, now: datetime) -> None:
        for entry in list(self._entries.values()):
            if entry.issued.expires_at + _KEPT_FOR < now:
                del self._entries[entry.id]
