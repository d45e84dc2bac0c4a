"""Grants for tests, as the processors would say them."""

from datetime import datetime, timedelta
from typing import Any

from support.commands import AGENT_7, NOW

from schemas.envelope import envelope
from schemas.events import GrantIssued, GrantRevoked

RULE = "a" * 64  # the digest of a rule
FINGERPRINT = "f" * 64


def grant_issued(
    grant: str = "grant-1",
    *,
    at: datetime = NOW,
    lasts: timedelta = timedelta(minutes=10),
    session: str = "",
    resource: str = "orders",
    **more: Any,
) -> GrantIssued:
    """A grant of kind pattern to agent-7. `more`: further fields of the event."""
    fields: dict[str, Any] = {
        "fingerprint": FINGERPRINT,
        "pattern": "delete from orders where id = ‹value›",
        "issued_by": "dana",
        "expires_at": at + lasts,
        "uses": None,
        "approval": "approval-1",
        "rule": "changes need a DBA",
        "rules": (RULE,),
        "reviewers": ("dba",),
    }
    return GrantIssued(
        envelope=envelope(
            at, "processors@test#1", session=session, principal=AGENT_7.name, resource=resource
        ),
        grant=grant,
        **(fields | more),
    )


def grant_revoked(grant: str = "grant-1", *, at: datetime = NOW, by: str = "dana") -> GrantRevoked:
    """The end of a grant of agent-7."""
    return GrantRevoked(
        envelope=envelope(at, "api@test#1", principal=AGENT_7.name, resource="orders"),
        grant=grant,
        revoked_by=by,
        reason="enough",
    )
