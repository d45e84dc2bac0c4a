"""Commands and rules for tests, as an ingress and the configuration would say them."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from processors.policy.bundle import Bundle, make_document, parse_bundle
from processors.policy.command import Command, Resource
from schemas.envelope import envelope
from schemas.events import CommandRequested
from schemas.ids import uuid7
from schemas.vocabulary import ContextItem, Facts, Intent, Principal, PrincipalKind, Stage

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)  # a Monday
AGENT_7 = Principal("agent-7", PrincipalKind.AGENT, ("agents",))
DANA = Principal("dana", PrincipalKind.PERSON, ("dba", "reviewers"))
ERIN = Principal("erin", PrincipalKind.PERSON, ("dba",))
OTTO = Principal("otto", PrincipalKind.PERSON, ("sales",))

READ = Facts((Intent.READ,), ("select",), ("public.orders",), ("public.orders.id",))
DELETE = Facts((Intent.WRITE,), ("delete",), ("public.orders",), ("public.orders.id",))
DROP = Facts((Intent.DDL,), ("drop_table",), ("public.orders",))

ORDERS = Resource("orders", {"env": "prod"})


def command(
    facts: Facts = READ,
    *,
    principal: Principal = AGENT_7,
    resource: Resource = ORDERS,
    text: str = "select id from orders",
    context: Mapping[str, str] | None = None,
    client_address: str = "10.1.2.3:50000",
    reason: str = "",
    ticket: str = "",
    unmask: tuple[str, ...] = (),
) -> Command:
    """What the policy sees of a command."""
    return Command(principal, resource, text, facts, context or {}, client_address, reason, ticket, unmask)


def requested(
    facts: Facts = READ,
    *,
    at: datetime = NOW,
    principal: Principal = AGENT_7,
    resource: str = "orders",
    text: str = "select id from orders",
    session: str = "",
    patience: timedelta = timedelta(seconds=15),
    **more: Any,
) -> CommandRequested:
    """An ingress asks. `more`: further fields of the event."""
    command_id = uuid7(at)
    fields: dict[str, Any] = {
        "principal": principal,
        "stage": Stage.EXECUTE,
        "protocol": "postgres",
        "text": text,
        "parameters": (),
        "sealed": b"",
        "digest": hashlib.sha256(command_id.encode()).hexdigest(),
        "context": (ContextItem("role", "app"), ContextItem("search_path", "public")),
        "facts": facts,
        "client_address": "127.0.0.1:53122",
        "reply_to": 0,
        "deadline": at + patience,
    }
    return CommandRequested(
        envelope=envelope(
            at,
            "ingress@test#1",
            session=session or uuid7(at),
            command=command_id,
            principal=principal.name,
            resource=resource,
            trace="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        **(fields | more),
    )


def rule(name: str, verdict: str, when: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A rule as the bundle's document has it; a review by the group dba unless `more` says otherwise."""
    review = {
        "reviewers": ["dba"],
        "approvals": 1,
        "timeout": 600.0,
        "on_timeout": "deny",
        "valid_for": 300.0,
    }
    terms = {"review": review} if verdict == "review" else {}
    return {"name": name, "verdict": verdict, "when": dict(when), **terms, **more}


def resource(name: str = "orders", **more: Any) -> dict[str, Any]:
    """A resource as the bundle's document has it."""
    return {"name": name, "labels": {"env": "prod"}, "columns": [], "detectors": [], **more}


USUAL = (
    rule("agents read freely", "allow", {"groups": ["agents"], "intents": ["read", "session"]}),
    rule("changes need a DBA", "review", {"labels": {"env": "prod"}, "intents": ["write", "ddl"]}),
    rule("nobody drops", "deny", {"statements": ["drop_table"]}, message="Dropping is not possible."),
)


def bundle(*rules: Mapping[str, Any], resources: Sequence[Mapping[str, Any]] = (resource(),)) -> Bundle:
    """A bundle of these rules, or of the usual ones."""
    return parse_bundle(make_document(rules or USUAL, resources))
