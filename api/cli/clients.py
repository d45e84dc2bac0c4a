"""CLIENTS: protocol -> how its usual client is told where, who and with which token. Pure.

A secret goes into the client's environment, never among its arguments, which others on the machine can read.
"""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from api.cli.kubeconfig import make_kubeconfig


@dataclass(frozen=True, slots=True)
class Target:
    """One resource, and who connects to it."""

    resource: str
    host: str
    port: int
    principal: str
    token: str = field(repr=False)
    ca: Path | None  # what verifies the gateway; None: the system's
    folder: Path = Path()  # where a client's files are kept
    plugin: tuple[str, ...] = ()  # the command line that prints the token for a client that asks


@dataclass(frozen=True, slots=True)
class Client:
    """A command to run, and what its environment needs beside our own. Without a command, what is told is to
    be run by the user's own shell."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    files: Mapping[Path, str] = field(default_factory=dict)  # what it reads, without a secret in it
    said: str = ""  # to be told where nothing is run


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


def _kubectl(target: Target) -> Client:
    path = target.folder / f"{target.resource}.kubeconfig"
    host = f"[{target.host}]" if ":" in target.host else target.host
    server = f"https://{host}:{target.port}/clusters/{target.resource}"
    return Client(
        (),
        {"KUBECONFIG": str(path)},
        {path: make_kubeconfig(target.resource, server, target.ca, target.plugin)},
        f"export KUBECONFIG={shlex.quote(str(path))}",
    )


CLIENTS: Mapping[str, Callable[[Target], Client]] = {
    "postgres": _psql,
    "kubernetes": _kubectl,
}
