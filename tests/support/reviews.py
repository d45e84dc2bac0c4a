"""Events of the approvals topic for tests, as the processors would say them."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.envelope import envelope
from schemas.events import ApprovalRequested, ApprovalSettled, ReviewDecided
from schemas.ids import approval_id, uuid7
from schemas.vocabulary import (
    Answer,
    ApprovalState,
    ContextItem,
    Facts,
    Fallback,
    GrantTerms,
    Intent,
    Obligations,
    Principal,
    PrincipalKind,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
NODE = "processors@test#1"
AGENT_7 = Principal("agent-7", PrincipalKind.AGENT, ("agents",))
DANA = Principal("dana", PrincipalKind.PERSON, ("dba", "reviewers"))
ERIN = Principal("erin", PrincipalKind.PERSON, ("dba", "reviewers"))
AUDREY = Principal("audrey", PrincipalKind.PERSON, ("compliance",))
DELETE = Facts(
    intents=(Intent.WRITE,),
    statements=("delete",),
    tables=("public.orders",),
    columns=("public.orders.id",),
)


def requested(
    at: datetime = NOW,
    *,
    principal: Principal = AGENT_7,
    text: str = "delete from orders where id = 7",
    resource: str = "orders",
    lasts: timedelta = timedelta(minutes=10),
    approvals: int = 1,
    facts: Facts = DELETE,
    **more: Any,
) -> ApprovalRequested:
    """A request for review by the group dba. `more`: further fields of the event."""
    command = uuid7(at)
    fields: dict[str, Any] = {
        "approval": approval_id(command),
        "principal": principal,
        "protocol": "postgres",
        "text": text,
        "parameters": (),
        "sealed": b"",
        "digest": hashlib.sha256(command.encode()).hexdigest(),
        "context": (ContextItem("role", "app"), ContextItem("search_path", "public")),
        "facts": facts,
        "client_address": "127.0.0.1:53122",
        "rule": "changes need a DBA",
        "policy_version": "9b1c",
        "reviewers": ("dba",),
        "approvals": approvals,
        "expires_at": at + lasts,
        "on_timeout": Fallback.DENY,
        "valid_for": 300.0,
        "obligations": Obligations(),
        "reply_to": 0,
    }
    return ApprovalRequested(
        envelope=envelope(
            at, NODE, session=uuid7(at), command=command, principal=principal.name, resource=resource
        ),
        **(fields | more),
    )


def decided(
    request: ApprovalRequested,
    reviewer: Principal = DANA,
    answer: Answer = Answer.APPROVE,
    *,
    at: datetime | None = None,
    comment: str = "OPS-12, fine",
    digest: str | None = None,
    grant: GrantTerms | None = None,
) -> ReviewDecided:
    """A reviewer's answer to this request."""
    return ReviewDecided(
        envelope=envelope(at or request.envelope.time + timedelta(seconds=20), "api@test#1"),
        approval=request.approval,
        reviewer=reviewer,
        answer=answer,
        comment=comment,
        digest=digest if digest is not None else request.digest,
        grant=grant,
    )


def settled(
    request: ApprovalRequested,
    state: ApprovalState = ApprovalState.APPROVED,
    *,
    at: datetime | None = None,
    decided_by: tuple[str, ...] = ("dana",),
    comment: str = "OPS-12, fine",
    digest: str = "",
    grant: GrantTerms | None = None,
) -> ApprovalSettled:
    """The end of this request."""
    return ApprovalSettled(
        envelope=envelope(at or request.envelope.time + timedelta(seconds=21), NODE),
        approval=request.approval,
        state=state,
        rule=request.rule,
        decided_by=decided_by,
        comment=comment,
        requested_at=request.envelope.time,
        digest=digest or request.digest,
        grant=grant,
    )
