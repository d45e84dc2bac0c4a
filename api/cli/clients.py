"""CLIENTS: protocol -> how its usual client is told where, who and with which token. Pure.

A secret goes into the client's environment, never among its arguments, which others on the machine can read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Target:
    """One resource, and who connects to it."""

    resource: str
    host: str
    port: int
    principal: str
    token: str = field(repr=False)
    ca: Path | None  # what verifies the gateway; None: the system's


@dataclass(frozen=True, slots=True)
class Client:
    """A command to run, and what its environment needs beside our own."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)


def _psql(target: Target) -> Client:
    # PostgreSQL documentation, "Environment Variables" of libpq (34.15): every client over libpq reads them.
    return Client(
        ("psql",),
        {
            "PGHOST": target.host,
            "PGPORT": str(target.port),
            "PGUSER": target.principal,
            "PGPASSWORD": target.token,
            "PGDATABASE": target.resource,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(target.ca) if target.ca is not None else "system",
        },
    )


CLIENTS: Mapping[str, Callable[[Target], Client]] = {
    "postgres": _psql,
}
