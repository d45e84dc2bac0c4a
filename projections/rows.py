"""What each event writes into which table; pure.

A row holds the columns that the event says something about; columns.py has what stands in the others.
Every row is a function of its event alone, so that an event written twice leaves what it left at first.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from projections.columns import Columns, Value
from schemas import events as e
from schemas.envelope import Envelope
from schemas.vocabulary import ApprovalState, Facts, Principal

_ALLOW, _DENY = 1, 2  # command_rows.decision: the stricter of two is the greater

_EARLIEST, _LATEST = 0, 10_413_791_999_999_999  # what DateTime64(6) holds: to the end of 2299


class Row(NamedTuple):
    """One row of one table."""

    table: str
    columns: Columns


class Place(NamedTuple):
    """Where a record stands in Kafka. `stored_at`: Kafka's time, milliseconds since 1970."""

    topic: str
    partition: int
    offset: int
    stored_at: int


def event_row(event: e.Event, place: Place, raw: bytes, chain: bytes) -> Row:
    """The row of `events`."""
    about = event.envelope
    return Row(
        "event_rows",
        {
            **_where(place),
            "id": about.id,
            "type": type(event).__name__,
            "version": min(max(about.version, 0), 2**32 - 1),
            "time": micros(about.time),
            "node": about.node,
            "session": about.session,
            "command": about.command,
            "principal": about.principal,
            "resource": about.resource,
            "trace": about.trace,
            "payload": _payload(event),
            "raw": raw,
            "raw_hash": hashlib.sha256(raw).digest(),
            "chain": chain,
        },
    )


def rejected_row(reason: str, place: Place, raw: bytes, chain: bytes) -> Row:
    """The row of `events` for bytes that are no event of ours. The bytes themselves may be anything, so
    only their hash is kept."""
    return Row(
        "event_rows",
        {
            **_where(place),
            "time": place.stored_at * 1000,
            "raw_hash": hashlib.sha256(raw).digest(),
            "reason": reason,
            "chain": chain,
        },
    )


def rows_of(event: e.Event, place: Place) -> Iterator[Row]:
    """What the event writes besides its row of `events`."""
    return ROWS[type(event)](event, place)


def micros(moment: datetime) -> int:
    """Microseconds since 1970, within what the tables hold."""
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return min(
        max((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds, _EARLIEST), _LATEST
    )


def time_in(identifier: str) -> int:
    """The milliseconds since 1970 that a UUIDv7 begins with; 0 for anything else."""
    try:
        value = uuid.UUID(identifier)
    except ValueError:
        return 0
    return min(value.int >> 80, _LATEST // 1000) if value.version == 7 else 0


def _long(value: int) -> int:
    """Within what an Int64 holds."""
    return min(max(value, -(2**63)), 2**63 - 1)


def _where(place: Place) -> dict[str, Value]:
    return {
        "topic": place.topic,
        "partition": place.partition,
        "offset": place.offset,
        "stored_at": max(place.stored_at, 0),
    }


def _payload(event: e.Event) -> str:
    """The event's own fields as JSON: bytes in base64, a recording's frames left out."""
    fields = msgspec.to_builtins(event, builtin_types=(bytes, datetime))
    del fields["envelope"]
    fields.pop("frames", None)
    return msgspec.json.encode(fields).decode()


def _principal(principal: Principal) -> dict[str, Value]:
    return {
        "principal": principal.name,
        "principal_kind": principal.kind.value,
        "groups": list(principal.groups),
        "acts_for": principal.acts_for,
    }


def _session_row(about: Envelope, said: Columns) -> Row:
    key: Columns = {"at": time_in(about.session), "session": about.session}
    return Row("session_rows", {**key, "resource": about.resource, **said})


def _command_row(about: Envelope, said: Columns) -> Row:
    key: Columns = {"at": time_in(about.command), "command": about.command}
    return Row("command_rows", {**key, "session": about.session, **said})


def _approval_row(about: Envelope, approval: str, said: Columns) -> Row:
    key: Columns = {"approval": approval, "at": time_in(about.command)}
    return Row("approval_rows", {**key, "session": about.session, "command": about.command, **said})


def _session_opened(event: e.SessionOpened, _place: Place) -> Iterator[Row]:
    yield _session_row(
        event.envelope,
        {
            **_principal(event.principal),
            "protocol": event.protocol,
            "database": event.database,
            "client_address": event.client_address,
            "client_name": event.client_name,
            "sign_in": event.method,
            "token": event.token,
            "node": event.envelope.node,
            "opened_at": micros(event.envelope.time),
        },
    )


def _session_closed(event: e.SessionClosed, _place: Place) -> Iterator[Row]:
    said: Columns = {"closed_at": micros(event.envelope.time), "close_reason": event.reason}
    yield _session_row(event.envelope, said)


def _session_terminated(event: e.SessionTerminated, _place: Place) -> Iterator[Row]:
    said: Columns = {"terminated_at": micros(event.envelope.time), "termination": event.reason}
    yield _session_row(event.envelope, said)


def _facts(facts: Facts) -> dict[str, Value]:
    return {
        "intents": [intent.value for intent in facts.intents],
        "statements": list(facts.statements),
        "tables": list(facts.tables),
    }


def _command_requested(event: e.CommandRequested, _place: Place) -> Iterator[Row]:
    facts = event.facts
    yield _command_row(
        event.envelope,
        {
            **_principal(event.principal),
            **_facts(facts),
            "node": event.envelope.node,
            "resource": event.envelope.resource,
            "protocol": event.protocol,
            "stage": event.stage.value,
            "text": event.text,
            "parameters": list(event.parameters),
            "digest": event.digest,
            "client_address": event.client_address,
            "columns": list(facts.columns),
            "functions": list(facts.functions),
            "programs": list(facts.programs),
            "methods": list(facts.methods),
            "paths": list(facts.paths),
            "verbs": list(facts.verbs),
            "kinds_of_object": list(facts.kinds_of_object),
            "namespaces": list(facts.namespaces),
            "probed": list(facts.probed),
            "unproven": list(facts.unproven),
            "reason": event.reason,
            "ticket": event.ticket,
            "requested_at": micros(event.envelope.time),
        },
    )


def _command_finished(event: e.CommandFinished, _place: Place) -> Iterator[Row]:
    about = event.envelope
    yield _command_row(
        about,
        {
            "ended": event.outcome.value,
            "rows": event.rows,
            "bytes": event.bytes,
            "microseconds": event.microseconds,
            "error_code": event.error_code,
            "error": event.error,
            "limit_reached": event.limit,
            "limit_rule": event.limit_rule,
            "masked": _long(sum(field.count for field in event.masked)),
            "finished_at": micros(about.time),
        },
    )
    for field in event.masked:
        yield Row(
            "masked_field_rows",
            {
                "at": time_in(about.command),
                "command": about.command,
                "field": field.field,
                "mask": field.mask,
                "count": field.count,
                "time": micros(about.time),
                "session": about.session,
                "principal": about.principal,
                "resource": about.resource,
            },
        )


def _command_abandoned(event: e.CommandAbandoned, _place: Place) -> Iterator[Row]:
    said: Columns = {"abandoned_at": micros(event.envelope.time), "abandon_reason": event.reason}
    yield _command_row(event.envelope, said)


def _command_allowed(event: e.CommandAllowed, _place: Place) -> Iterator[Row]:
    yield _command_row(
        event.envelope,
        {
            "decision": _ALLOW,
            "final_rule": event.rule,
            "policy_version": event.policy_version,
            "approval": event.approval,
            "grant": event.grant,
            "break_glass": event.break_glass,
            "unattended": int(event.unattended),
            "decided_by": list(event.decided_by),
            "comment": event.comment,
            "unmasked": list(event.obligations.unmasked),
            "decided_at": micros(event.envelope.time),
        },
    )


def _command_denied(event: e.CommandDenied, _place: Place) -> Iterator[Row]:
    yield _command_row(
        event.envelope,
        {
            "decision": _DENY,
            "final_rule": event.rule,
            "policy_version": event.policy_version,
            "message": event.message,
            "unattended": int(event.unattended),
            "approval": event.approval,
            "decided_by": list(event.decided_by),
            "comment": event.comment,
            "decided_at": micros(event.envelope.time),
        },
    )


def _approval_pending(event: e.ApprovalPending, _place: Place) -> Iterator[Row]:
    yield _command_row(
        event.envelope,
        {
            "approval": event.approval,
            "review_rule": event.rule,
            "held_at": micros(event.envelope.time),
        },
    )


def _approval_requested(event: e.ApprovalRequested, _place: Place) -> Iterator[Row]:
    yield _approval_row(
        event.envelope,
        event.approval,
        {
            **_principal(event.principal),
            **_facts(event.facts),
            "resource": event.envelope.resource,
            "protocol": event.protocol,
            "text": event.text,
            "parameters": list(event.parameters),
            "digest": event.digest,
            "client_address": event.client_address,
            "rule": event.rule,
            "policy_version": event.policy_version,
            "reviewers": list(event.reviewers),
            "approvals_needed": event.approvals,
            "on_timeout": event.on_timeout.value,
            "afterwards": int(event.afterwards),
            "requested_at": micros(event.envelope.time),
            "expires_at": micros(event.expires_at),
        },
    )


def _review_decided(event: e.ReviewDecided, _place: Place) -> Iterator[Row]:
    yield Row(
        "decision_rows",
        {
            "approval": event.approval,
            "id": event.envelope.id,
            "time": micros(event.envelope.time),
            "reviewer": event.reviewer.name,
            "reviewer_kind": event.reviewer.kind.value,
            "reviewer_groups": list(event.reviewer.groups),
            "answer": event.answer.value,
            "comment": event.comment,
            "digest": event.digest,
        },
    )


def _approval_settled(event: e.ApprovalSettled, _place: Place) -> Iterator[Row]:
    if event.state is ApprovalState.REVOKED:  # it was approved before, by others
        revoked: Columns = {
            "revoked_at": micros(event.envelope.time),
            "revoked_by": list(event.decided_by),
            "revocation": event.comment,
        }
        yield _approval_row(event.envelope, event.approval, revoked)
        return
    yield _approval_row(
        event.envelope,
        event.approval,
        {
            "state": event.state.value,
            "decided_by": list(event.decided_by),
            "comment": event.comment,
            "settled_at": micros(event.envelope.time),
        },
    )


def _approval_withdrawn(event: e.ApprovalWithdrawn, _place: Place) -> Iterator[Row]:
    said: Columns = {"withdrawn_at": micros(event.envelope.time), "withdrawal": event.reason}
    yield _approval_row(event.envelope, event.approval, said)


def _grant_issued(event: e.GrantIssued, _place: Place) -> Iterator[Row]:
    about = event.envelope
    yield Row(
        "grant_rows",
        {
            "grant": event.grant,
            "kind": event.kind.value,
            "principal": about.principal,
            "acts_for": event.acts_for,
            "resource": about.resource,
            "session": about.session,
            "pattern": event.pattern,
            "fingerprint": event.fingerprint,
            "intents": [intent.value for intent in event.intents],
            "rule": event.rule,
            "approval": event.approval,
            "issued_by": event.issued_by,
            "issued_at": micros(about.time),
            "starts_at": micros(event.starts_at or about.time),
            "expires_at": micros(event.expires_at),
            "uses": event.uses or 0,
            "reason": event.reason,
            "ticket": event.ticket,
            "comment": event.comment,
        },
    )


def _grant_revoked(event: e.GrantRevoked, _place: Place) -> Iterator[Row]:
    revoked: Columns = {
        "grant": event.grant,
        "revoked_at": micros(event.envelope.time),
        "revoked_by": event.revoked_by,
        "revocation": event.reason,
    }
    yield Row("grant_rows", revoked)


def _recording_chunk(event: e.RecordingChunk, place: Place) -> Iterator[Row]:
    about = event.envelope
    yield Row(
        "recording_rows",
        {
            "session": about.session,
            "sequence": event.sequence,
            "time": micros(about.time),
            "principal": about.principal,
            "resource": about.resource,
            "format": event.format,
            "bytes": len(event.frames),
            "topic": place.topic,
            "partition": place.partition,
            "offset": place.offset,
        },
    )


def _node_heartbeat(event: e.NodeHeartbeat, _place: Place) -> Iterator[Row]:
    yield Row(
        "node_rows",
        {
            "node": event.envelope.node,
            "role": event.role.value,
            "started_at": micros(event.started_at),
            "last_seen": micros(event.envelope.time),
        },
    )


def _only_in_events(_event: e.Event, _place: Place) -> Iterator[Row]:
    return iter(())


ROWS: dict[type[e.Event], Callable[[Any, Place], Iterator[Row]]] = {
    e.SessionOpened: _session_opened,
    e.SessionClosed: _session_closed,
    e.SessionTerminated: _session_terminated,
    e.CommandRequested: _command_requested,
    e.CommandFinished: _command_finished,
    e.CommandAbandoned: _command_abandoned,
    e.CommandAllowed: _command_allowed,
    e.CommandDenied: _command_denied,
    e.ApprovalPending: _approval_pending,
    e.ApprovalRequested: _approval_requested,
    e.ReviewDecided: _review_decided,
    e.ApprovalSettled: _approval_settled,
    e.ApprovalWithdrawn: _approval_withdrawn,
    e.RecordingChunk: _recording_chunk,
    e.NodeHeartbeat: _node_heartbeat,
    e.CommandRevoked: _only_in_events,
    e.GrantIssued: _grant_issued,
    e.GrantRevoked: _grant_revoked,
    e.AccessRequested: _only_in_events,
    e.ApprovalEscalated: _only_in_events,
    e.CommandEstimated: _only_in_events,
    e.PauseLifted: _only_in_events,
    e.TokenIssued: _only_in_events,
    e.TokensRevoked: _only_in_events,
    e.UserProvisioned: _only_in_events,
    e.GroupProvisioned: _only_in_events,
    e.EntryRemoved: _only_in_events,
    e.PolicyPublished: _only_in_events,
    e.PolicyProposed: _only_in_events,
    e.PolicyReviewed: _only_in_events,
    e.PolicySettled: _only_in_events,
    e.CheckpointSigned: _only_in_events,
    e.EventRejected: _only_in_events,
}
