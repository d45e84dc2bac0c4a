"""The tables' columns as the projector writes them, and the values that say nothing."""

from collections.abc import Mapping
from typing import Final

Value = str | int | bytes | list[str] | list[str | None]
Columns = Mapping[str, Value]

_STRINGS: Final[list[str]] = []

DEFAULTS: dict[str, dict[str, Value]] = {
    "event_rows": {
        **dict.fromkeys(("topic", "id", "type", "node", "session", "command", "principal", "resource"), ""),
        **dict.fromkeys(("trace", "payload", "reason"), ""),
        **dict.fromkeys(("partition", "offset", "stored_at", "version", "time"), 0),
        **dict.fromkeys(("raw", "raw_hash", "chain"), b""),
    },
    "session_rows": {
        **dict.fromkeys(("at", "opened_at", "closed_at", "terminated_at"), 0),
        **dict.fromkeys(("session", "principal", "principal_kind", "resource", "protocol", "database"), ""),
        **dict.fromkeys(("client_address", "client_name", "node", "close_reason", "termination"), ""),
        **dict.fromkeys(("acts_for", "sign_in", "token"), ""),
        "groups": _STRINGS,
    },
    "command_rows": {
        **dict.fromkeys(("at", "requested_at", "held_at", "decided_at", "finished_at", "abandoned_at"), 0),
        **dict.fromkeys(("decision", "rows", "bytes", "microseconds", "masked", "unattended"), 0),
        **dict.fromkeys(("command", "session", "node", "principal", "principal_kind", "resource"), ""),
        **dict.fromkeys(("protocol", "stage", "text", "digest", "client_address", "review_rule"), ""),
        **dict.fromkeys(("approval", "final_rule", "policy_version", "message", "comment", "ended"), ""),
        **dict.fromkeys(("error_code", "error", "abandon_reason", "reason", "ticket"), ""),
        **dict.fromkeys(("limit_reached", "limit_rule", "acts_for", "grant", "break_glass"), ""),
        **dict.fromkeys(("groups", "parameters", "intents", "statements", "tables", "columns"), _STRINGS),
        **dict.fromkeys(("functions", "programs", "methods", "paths", "probed"), _STRINGS),
        **dict.fromkeys(("verbs", "kinds_of_object", "namespaces"), _STRINGS),
        **dict.fromkeys(("unproven", "decided_by", "unmasked"), _STRINGS),
    },
    "approval_rows": {
        **dict.fromkeys(("at", "requested_at", "expires_at", "settled_at", "withdrawn_at", "revoked_at"), 0),
        **dict.fromkeys(("approval", "session", "command", "principal", "principal_kind", "resource"), ""),
        **dict.fromkeys(("protocol", "text", "digest", "client_address", "rule", "policy_version"), ""),
        **dict.fromkeys(("on_timeout", "state", "comment", "withdrawal", "revocation", "acts_for"), ""),
        **dict.fromkeys(("groups", "parameters", "intents", "statements", "tables"), _STRINGS),
        **dict.fromkeys(("reviewers", "decided_by", "revoked_by"), _STRINGS),
        **dict.fromkeys(("approvals_needed", "afterwards"), 0),
    },
    "grant_rows": {
        **dict.fromkeys(("grant", "kind", "principal", "acts_for", "resource", "session", "pattern"), ""),
        **dict.fromkeys(("fingerprint", "rule", "approval", "issued_by", "reason", "ticket", "comment"), ""),
        **dict.fromkeys(("revoked_by", "revocation"), ""),
        **dict.fromkeys(("issued_at", "starts_at", "expires_at", "uses", "revoked_at"), 0),
        "intents": _STRINGS,
    },
    "decision_rows": {
        **dict.fromkeys(("approval", "id", "reviewer", "reviewer_kind", "answer", "comment", "digest"), ""),
        "time": 0,
        "reviewer_groups": _STRINGS,
    },
    "masked_field_rows": {
        **dict.fromkeys(("at", "count", "time"), 0),
        **dict.fromkeys(("command", "field", "mask", "session", "principal", "resource"), ""),
    },
    "recording_rows": {
        **dict.fromkeys(("session", "principal", "resource", "format", "topic"), ""),
        **dict.fromkeys(("sequence", "time", "bytes", "partition", "offset"), 0),
    },
    "node_rows": {"node": "", "role": "", "started_at": 0, "last_seen": 0},
}
"""Every column the projector writes, by table, with the value that says nothing. Times are microseconds
since 1970 (`at` and `stored_at`: milliseconds)."""
