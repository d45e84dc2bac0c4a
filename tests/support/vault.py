"""A small HashiCorp Vault: the few requests of the gateway, answered as Vault's API documentation says.

tests/credentials/test_vault.py holds it to that: with VAULT_ADDR and VAULT_TOKEN it runs against a real one.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from support.json_server import Answer, running_json_server


@dataclass(slots=True)
class FakeVault:
    """`make_account`, `end_account`: what its database engine does for a role, and undoes."""

    make_account: Callable[[str], tuple[str, str]]
    end_account: Callable[[str], None]
    url: str = ""
    root: str = field(default_factory=lambda: f"hvs.{secrets.token_urlsafe(12)}")
    role_id: str = "role-of-countersign"
    secret_id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    seconds: int = 3600  # for which a token lives that a login gives
    values: dict[str, dict[str, str]] = field(default_factory=dict)  # path below `secret` -> what is there
    tokens: dict[str, float] = field(default_factory=dict)  # those logins gave -> until when
    leases: dict[str, str] = field(default_factory=dict)  # lease -> account
    renewed: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, headers: Message, body: dict[str, Any]) -> Answer:
        path, token = path.removeprefix("/v1/"), headers.get("X-Vault-Token", "")
        self.requests.append(f"{method} {path}")
        if path == "auth/approle/login":
            if (body.get("role_id"), body.get("secret_id")) != (self.role_id, self.secret_id):
                return 400, {"errors": ["invalid role or secret ID"]}
            return 200, self._new_token()
        if token != self.root and self.tokens.get(token, 0) < time.monotonic():
            return 403, {"errors": ["permission denied"]}
        parts = path.split("/")
        match [method, *parts]:
            case ["GET", "auth", "token", "lookup-self"]:
                return 200, {"data": {"ttl": self.seconds}}
            case [_, "auth", "token", "renew-self"]:
                if token == self.root:
                    return 400, {"errors": ["lease is not renewable"]}
                self.tokens[token] = time.monotonic() + self.seconds
                return 200, {"auth": {"client_token": token, "lease_duration": self.seconds}}
            case ["POST", "secret", "data", *rest]:
                self.values["/".join(rest)] = body["data"]
                return 200, {"data": {"version": 1}}
            case ["GET", "secret", "data", *rest]:
                if (found := self.values.get("/".join(rest))) is None:
                    return 404, {"errors": []}
                return 200, {"data": {"data": found, "metadata": {"version": 1}}}
            case ["GET", "database", "creds", role]:
                user, password = self.make_account(role)
                lease = f"database/creds/{role}/{secrets.token_hex(8)}"
                self.leases[lease] = user
                data = {"username": user, "password": password}
                return 200, {"lease_id": lease, "lease_duration": 3600, "renewable": True, "data": data}
            case ["PUT", "sys", "leases", "renew"]:
                if body["lease_id"] not in self.leases:
                    return 400, {"errors": ["lease not found"]}
                self.renewed.append(body["lease_id"])
                return 200, {"lease_id": body["lease_id"], "lease_duration": body["increment"]}
            case ["PUT", "sys", "leases", "revoke"]:
                if user := self.leases.pop(body["lease_id"], ""):
                    self.end_account(user)
                return 204, {}
        return 403, {"errors": ["permission denied"]}

    def _new_token(self) -> dict[str, Any]:
        token = f"hvs.{secrets.token_urlsafe(12)}"
        self.tokens[token] = time.monotonic() + self.seconds
        return {"auth": {"client_token": token, "lease_duration": self.seconds, "renewable": True}}


def _no_account(role: str) -> tuple[str, str]:
    return f"v-{role}-{secrets.token_hex(4)}", secrets.token_urlsafe(12)


@contextmanager
def running_vault(
    make_account: Callable[[str], tuple[str, str]] = _no_account,
    end_account: Callable[[str], None] = lambda user: None,
) -> Iterator[FakeVault]:
    """One on a free port of 127.0.0.1."""
    vault = FakeVault(make_account, end_account)

    with running_json_server(vault.answer) as vault.url:
        yield vault
