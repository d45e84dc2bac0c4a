"""What every event carries besides its own fields."""

from dataclasses import dataclass
from datetime import datetime

from schemas.ids import uuid7


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Who says what happened when, and to what it belongs. Empty strings mean "does not apply"."""

    id: str  # UUIDv7; a repeat of the same event has the same id
    time: datetime  # UTC, microseconds
    node: str  # the process that says it: "ingress@host#incarnation"
    version: int = 1  # of the event's schema
    session: str = ""
    command: str = ""
    principal: str = ""
    resource: str = ""
    trace: str = ""  # W3C traceparent


def envelope(
    now: datetime,
    node: str,
    *,
    id: str = "",
    session: str = "",
    command: str = "",
    principal: str = "",
    resource: str = "",
    trace: str = "",
) -> Envelope:
    """The envelope of something that happens `now`; give `id` where a repeat must be the same event."""
    return Envelope(
        id=id or uuid7(now),
        time=now,
        node=node,
        session=session,
        command=command,
        principal=principal,
        resource=resource,
        trace=trace,
    )


def envelope_about(about: Envelope, now: datetime, node: str, *, id: str = "") -> Envelope:
    """The envelope of something that happens `now` to what another event is about."""
    return envelope(
        now,
        node,
        id=id,
        session=about.session,
        command=about.command,
        principal=about.principal,
        resource=about.resource,
        trace=about.trace,
    )
