"""Facts and times in words, for people. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from schemas.vocabulary import ApprovalState, Intent

Weight = Literal["light", "medium", "heavy"]


@dataclass(frozen=True, slots=True)
class IntentWords:
    """An intent for a reviewer: what it means, and how much it should weigh."""

    text: str
    weight: Weight


INTENTS: dict[Intent, IntentWords] = {
    Intent.READ: IntentWords("reads data", "light"),
    Intent.PROBE: IntentWords("finds out about masked values", "heavy"),
    Intent.SESSION: IntentWords("changes settings of its session", "light"),
    Intent.WRITE: IntentWords("changes data", "medium"),
    Intent.BULK_WRITE: IntentWords("changes data without bound", "heavy"),
    Intent.DDL: IntentWords("changes the schema", "medium"),
    Intent.EXPORT: IntentWords("takes data out", "heavy"),
    Intent.CREDENTIAL: IntentWords("touches credentials", "heavy"),
    Intent.ADMIN: IntentWords("administers the target", "heavy"),
    Intent.EXEC: IntentWords("runs a program on the target", "heavy"),
    Intent.NETWORK: IntentWords("opens network connections", "heavy"),
    Intent.UNKNOWN: IntentWords("does something that cannot be proven", "heavy"),
}

STATES: dict[ApprovalState, str] = {
    ApprovalState.PENDING: "waits for a decision",
    ApprovalState.APPROVED: "approved",
    ApprovalState.REJECTED: "rejected",
    ApprovalState.TIMED_OUT: "timed out",
    ApprovalState.WITHDRAWN: "withdrawn by the requester",
    ApprovalState.REVOKED: "revoked",
}


def duration(span: timedelta) -> str:
    """ "9m 41s", "2h 5m", "3d 4h"; "0s" for nothing and less."""
    seconds = max(0, int(span.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")]
    while len(parts) > 1 and parts[0][0] == 0:
        parts.pop(0)
    return " ".join(f"{number}{unit}" for number, unit in parts[:2] if number or len(parts) == 1) or "0s"


def time_left(until: datetime, now: datetime) -> str:
    return f"{duration(until - now)} left" if until > now else "time is up"


def moment(at: datetime) -> str:
    """ "2026-03-02 09:30:00 UTC"."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
