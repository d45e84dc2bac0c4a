"""Configurations for tests: the users, resources and rules most of them want, each part replaceable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from support.postgres import Postgres

from infra.identity import hash_token

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Someone:
    """A user of the configuration, with the token in the clear."""

    name: str
    kind: str
    groups: tuple[str, ...]

    @property
    def token(self) -> str:
        return f"token-of-{self.name}"


AGENT = Someone("agent-7", "agent", ("agents",))
DANA = Someone("dana", "person", ("dba", "reviewers"))
ERIN = Someone("erin", "person", ("dba", "reviewers"))  # a second reviewer
AUDREY = Someone("audrey", "person", ("compliance",))  # an auditor
EVERYONE = (AGENT, DANA, ERIN, AUDREY)

SENSITIVE: Document = {
    "columns": {
        "public.customers.email": "email",
        "public.customers.card": "card",
        "*.*.ssn": "full",
        "public.payments*.card": "card",
    },
    "detect": ["card_number", "iban", "email", "us_ssn", "aws_key", "private_key", "jwt"],
}

POLICIES: tuple[Document, ...] = (
    {
        "name": "agents read freely",
        "when": {"groups": ["agents", "dba"], "resources": ["orders"], "intents": ["read", "session"]},
        "verdict": "allow",
    },
    {
        "name": "changes need a DBA",
        "when": {
            "labels": {"env": "prod"},
            "intents": ["write", "bulk_write", "ddl", "export", "credential"],
        },
        "verdict": "review",
        "review": {"reviewers": ["dba"], "approvals": 1, "timeout": "60s", "valid_for": "30s"},
    },
    {
        "name": "nobody drops production data",
        "when": {
            "labels": {"env": "prod"},
            "statements": ["drop_database", "drop_table", "truncate"],
        },
        "verdict": "deny",
        "message": "Dropping production data is not possible through the gateway.",
    },
    {
        "name": "anything goes on plain",
        "when": {"resources": ["plain"]},
        "verdict": "allow",
    },
)

MASKED: Document = {
    f"public.t_masks*.{mask}{kind}": mask
    for mask in ("hash", "tokenise", "noise", "year", "month", "partial", "full", "null")
    for kind in ("", "_int", "_uuid", "_numeric", "_moment")
}


REPLICATION: tuple[Document, ...] = (
    {
        "name": "replication goes through",
        "when": {"resources": ["replicated"], "statements": ["replication"], "intents": ["admin", "export"]},
        "verdict": "allow",
    },
    {
        "name": "replication sets its search path",
        "when": {"resources": ["replicated"], "intents": ["read", "session"]},
        "verdict": "allow",
    },
)


TOKENS: tuple[Document, ...] = (
    {
        "name": "agents look up by tokens",
        "when": {"groups": ["agents"], "resources": ["tokens"], "intents": ["read", "session"]},
        "verdict": "allow",
    },
    {
        "name": "cards by their tokens",
        "when": {"groups": ["agents"], "resources": ["tokens"], "unmask": ["public.customers.card"]},
        "verdict": "review",
        "review": {"reviewers": ["dba"], "timeout": "60s", "valid_for": "30s"},
    },
    {
        "name": "anything goes on tokens",
        "when": {"groups": ["dba"], "resources": ["tokens"]},
        "verdict": "allow",
    },
)


def _on_limited(name: str, **more: Any) -> Document:
    """A rule for commands on `limited` that have the rule's name in a comment."""
    return {"name": name, "when": {"resources": ["limited"], "command": name}, "verdict": "allow", **more}


LIMITS: tuple[Document, ...] = (
    {"name": "anything goes on limited", "when": {"resources": ["limited"]}, "verdict": "allow"},
    {"name": "anything goes on masked", "when": {"resources": ["masked"]}, "verdict": "allow"},
    _on_limited("few rows", limits={"rows": 10}),
    _on_limited("few bytes", limits={"bytes": 2000}),
    _on_limited("quick", limits={"time": "300ms"}),
    _on_limited("cheap", limits={"cost": 1000}),
    _on_limited("looking", limits={"read_only": True}),
    _on_limited("say why", require=["reason"]),
    _on_limited("three times", limits={"commands": "3/h"}),
)


@cache
def _hash(token: str) -> str:
    return hash_token(token, salt=token.encode().ljust(16, b".")[:16])


def user(someone: Someone, **more: Any) -> Document:
    """An entry of identity.users."""
    return {
        "name": someone.name,
        "kind": someone.kind,
        "groups": list(someone.groups),
        "token_hash": _hash(someone.token),
        **more,
    }


def postgres_resource(name: str, postgres: Postgres, database: str = "sample", **more: Any) -> Document:
    """A resource over TLS (where it has it), verified, signed in to as `app`. The password is in the file
    `app.password`."""
    verified = {"tls": "verify-full", "ca": {"file": str(postgres.ca)}}
    return {
        "name": name,
        "protocol": "postgres",
        "address": postgres.address,
        "database": database,
        "credentials": {"user": "app", "password": {"file": "app.password"}},
        **(verified if postgres.has_tls else {"tls": "disable"}),
        **more,
    }


def configuration(
    *,
    listen: Mapping[str, str],
    resources: Sequence[Document],
    policies: Sequence[Document] = (*POLICIES, *LIMITS, *REPLICATION, *TOKENS),
    users: Sequence[Someone] = EVERYONE,
    gateway: Mapping[str, Any] | None = None,
) -> Document:
    """A whole configuration document. `gateway`: further keys of that section."""
    return {
        "gateway": {
            "state": "state",
            "listen": dict(listen),
            "auditors": ["compliance"],
            **(gateway or {}),
        },
        "identity": {"users": [user(someone) for someone in users]},
        "resources": list(resources),
        "policies": list(policies),
    }


def usual_resources(postgres: Postgres, database: str = "sample") -> list[Document]:
    """One database as `orders` (production, sensitive columns, detectors), `plain` (nothing sensitive),
    `limited` (a command chooses its rules by a comment), `masked` (a table with a column of each mask),
    `replicated` (signed in to as who may replicate) and `tokens` (cards masked by tokens)."""
    return [
        postgres_resource("orders", postgres, database, labels={"env": "prod"}, sensitive=SENSITIVE),
        postgres_resource("plain", postgres, database),
        postgres_resource("limited", postgres, database),
        postgres_resource("masked", postgres, database, sensitive={"columns": MASKED}),
        postgres_resource(
            "replicated",
            postgres,
            database,
            credentials={"user": "replicator", "password": {"file": "app.password"}},
        ),
        postgres_resource(
            "tokens",
            postgres,
            database,
            recording="full",
            sensitive={"columns": {"public.customers.card": "tokenise", "public.payments*.card": "tokenise"}},
        ),
    ]


def write_configuration(folder: Path, document: Document, secrets: Mapping[str, str]) -> Path:
    """`folder/countersign.yaml` and the secret files beside it, `secrets`: file name -> content."""
    for name, content in secrets.items():
        path = folder / name
        path.write_text(content)
        path.chmod(0o600)
    path = folder / "countersign.yaml"
    with path.open("w") as file:
        YAML(typ="safe").dump(document, file)
    return path
