"""A typed client of the gateway's API, for programs: `from api.client import Client`.

    with Client("https://gateway.example:8080", token) as gateway:
        for approval in gateway.approvals():
            print(approval.principal, approval.does, approval.can_decide)

- `gateway.py`: Client: approvals, grants, sessions, the audit log, rules.
- `models.py`: what is answered. New fields of a newer gateway are left out; a test holds that these are the
  names and types of its OpenAPI document.
- `errors.py`: what goes wrong.

It needs httpx and pydantic, and nothing else of ours.
"""

from api.client.errors import GatewayError, Refused, Unreachable
from api.client.gateway import Client
from api.client.models import (
    Approval,
    Change,
    Command,
    Decision,
    FoundCommand,
    Grant,
    GrantOffer,
    Proposal,
    Rules,
    Session,
    Simulation,
    Transfer,
)

__all__ = [
    "Approval",
    "Change",
    "Client",
    "Command",
    "Decision",
    "FoundCommand",
    "GatewayError",
    "Grant",
    "GrantOffer",
    "Proposal",
    "Refused",
    "Rules",
    "Session",
    "Simulation",
    "Transfer",
    "Unreachable",
]
