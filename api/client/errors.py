"""What goes wrong between a program and the gateway.

GatewayError
├── Unreachable  nobody answered: whatever was asked for may have happened or not
└── Refused      the gateway answered with a problem (RFC 9457)
"""

from collections.abc import Mapping
from typing import Any


class GatewayError(Exception):
    """Nothing that was asked for was answered as it should be."""


class Unreachable(GatewayError):
    """The gateway does not answer."""


class Refused(GatewayError):
    """The gateway says what happened (`detail`) and what to do (`action`); `kind` names it for programs, such
    as "already-settled", and never changes. `extra`: further members of the problem."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.kind = str(problem.get("type", "")).rpartition(":")[2]
        self.detail = str(problem.get("detail", ""))
        self.action = str(problem.get("action", ""))
        known = ("type", "title", "status", "detail", "action")
        self.extra = {name: value for name, value in problem.items() if name not in known}
        super().__init__(f"{self.detail} {self.action}".strip() or f"the gateway answered {status}")
