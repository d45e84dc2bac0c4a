"""What `countersign doctor` finds: one answer to one question, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

CLOSE_THE_NETWORK = (
    "Let the network refuse connections from here: in a cloud, let the target's security group take its port "
    "from the gateway's group alone; in Kubernetes, let a NetworkPolicy name the gateway's pods alone."
)
"""What to do about a target that can be reached past the gateway, whatever it speaks."""


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
