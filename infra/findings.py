"""What `countersign doctor` finds: one answer to one question, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it stands."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"  # it could not be looked at


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject`: a resource or a file. `said`: a sentence; `fix`: what to do, where it is not ok."""

    subject: str
    state: State
    said: str
    fix: str = ""
