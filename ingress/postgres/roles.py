"""Roles at a PostgreSQL target, made for one session each (docs/decisions/0020-a-role-for-each-session.md).

A role is a member of the one that the session acts as, may come in once, and nobody knows its password
but the gateway that made it. While its session lasts, its VALID UNTIL is moved on; a role whose time is over
is a leftover of a gateway that died, and whoever finds it ends what runs by it and drops it.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeAlias

import asyncpg
import structlog

from infra.config.resources import Ephemeral
from infra.credentials import Account, Asker, CredentialUnavailable
from ingress.postgres.catalogue_reader import queries

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Connect = Callable[[str], Awaitable[Connection]]
"""A connection of the administrative user's to this database ("" for the resource's own)."""

_log = structlog.get_logger()
SECONDS = 15.0  # for one thing that is asked of the target
_TO_SIGN_IN = 60.0  # seconds for which a role that nobody has come in by is valid
_TO_END = 3000  # milliseconds for its sessions to end
_TRIES = 3  # to drop one
_OLDEST = 14  # whose pg_terminate_backend waits
_LONGEST_NAME = 63  # bytes, PostgreSQL's NAMEDATALEN - 1
_ITERATIONS = 4096  # RFC 7677, section 4: "at least 4096"


class Roles:
    """Those of one resource (leases.Maker)."""

    def __init__(self, resource: str, ephemeral: Ephemeral, connect: Connect) -> None:
        self._resource = resource
        self._ephemeral = ephemeral
        self._connect = connect
        self._queries = queries("roles.sql")
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._kept: dict[str, str] = {}  # a session's role -> that of the command it runs

    @property
    def lifetime(self) -> float:
        """Seconds for which a role is valid that is not renewed."""
        return self._ephemeral.lifetime.total_seconds()

    async def make(self, asker: Asker, lifetime: float) -> Account:
        parent = self._ephemeral.role_for(asker.principal.groups)
        if parent is None:
            raise CredentialUnavailable(
                "no role at the target is configured for your groups",
                "credentials.ephemeral has no role for them",
            )
        name, password = role_name(asker), secrets.token_urlsafe(32)
        seconds = min(_TO_SIGN_IN, lifetime)
        comment = (
            f"countersign: {asker.principal.name} on {self._resource}, session {asker.session}, "
            f"acts as {parent}"
        )
        async with self._at_target("make a role for the session") as target, target.transaction():
            verifier = scram_verifier(password, secrets.token_bytes(16))
            await self._write(target, "make", name, verifier, seconds, parent)
            await self._write(target, "comment", name, comment)
        return Account(name, password)

    async def used(self, credential: Account, lifetime: float) -> None:
        async with self._at_target("close the session's role") as target:
            await self._write(target, "used", credential.user, lifetime)

    async def renew(self, credentials: list[Account], lifetime: float) -> None:
        names = [credential.user for credential in credentials]
        names += [self._kept[name] for name in names if name in self._kept]
        async with self._at_target("renew the roles of sessions") as target, target.transaction():
            await self._write(target, "renew", names, lifetime)

    async def end(self, credential: Account) -> None:
        async with self._at_target("drop the role of a session") as target:
            await self._drop(target, credential.user)
            if (of_command := self._kept.pop(credential.user, None)) is not None:
                await self._drop(target, of_command)

    def keep(self, session_role: str, role: str) -> None:
        """This role is made for a command of a session: it lives and ends with the session's, or before."""
        self._kept[session_role] = role

    async def end_kept(self, session_role: str) -> None:
        """The command of the session is over, or was never begun: its role is dropped. What cannot be dropped
        now ends by itself, and is swept."""
        if (role := self._kept.pop(session_role, None)) is None:
            return
        try:
            async with self._at_target("drop the role of a command") as target:
                await self._drop(target, role)
        except CredentialUnavailable as error:
            _log.warning("role.not_dropped", resource=self._resource, role=role, reason=error.reason)

    async def sweep(self) -> None:
        async with self._at_target("look for roles that were left behind") as target:
            failed: Exception | None = None
            for row in await target.fetch(self._queries["expired"]):
                _log.warning("role.left_behind", resource=self._resource, role=row["rolname"])
                try:
                    await self._drop(target, row["rolname"])
                except (CredentialUnavailable, asyncpg.PostgresError) as error:  # the others go all the same
                    failed = error
            if failed is not None:
                raise failed

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _drop(self, target: Connection, name: str) -> None:
        """Drops it, where it is there. Gateways take turns; one that came by another database of the server
        sees no lock of this one, and either is told "tuple concurrently updated"."""
        await target.execute(self._queries["lock"], name)
        try:
            for tries_left in reversed(range(_TRIES)):
                try:
                    await self._drop_once(target, name)
                    return
                except asyncpg.PostgresError as error:
                    if not tries_left or isinstance(error, asyncpg.LockNotAvailableError):
                        raise
        finally:
            if not target.is_closed():  # its locks end with it
                await target.execute(self._queries["unlock"], name)

    async def _drop_once(self, target: Connection, name: str) -> None:
        """Ends what runs by it, gives what it owns to what it acted as, and drops it."""
        await self._write(target, "close", name)
        if not all(row[0] for row in await target.fetch(self._queries["terminate"], name, _TO_END)):
            raise CredentialUnavailable("", f"a session of {name} does not end; it is tried again")
        owned = [row["datname"] for row in await target.fetch(self._queries["owned"], name)]
        if owned:
            heir = await target.fetchval(self._queries["heir"], name)
            if heir is None:  # dropping what it owns would lose it
                raise CredentialUnavailable(
                    "", f"{name} owns something, and is a member of no role to get it"
                )
            for database in dict.fromkeys(database or "" for database in owned):
                await self._disown(database, name, heir)
        await self._write(target, "drop", name)

    async def _disown(self, database: str, name: str, heir: str) -> None:
        there = await self._connect(database)
        try:
            await self._write(there, "disown", name, heir)
        finally:
            there.terminate()

    async def _write(self, target: Connection, query: str, *given: object) -> None:
        await write(target, self._queries[query], *given)

    @asynccontextmanager
    async def _at_target(self, purpose: str) -> AsyncIterator[Connection]:
        """The administrative connection, for one at a time. Raises CredentialUnavailable."""
        with unavailable(purpose):
            async with self._lock, asyncio.timeout(SECONDS):
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._connect("")
                    if (version := self._connection.get_server_version().major) < _OLDEST:
                        await self.close()
                        raise _unavailable(purpose, f"PostgreSQL {version} is older than {_OLDEST}")
                try:
                    yield self._connection
                except BaseException:
                    # It may be in the middle of anything, a transaction for one.
                    await self.close()
                    raise


async def write(target: Connection, query: str, *given: object) -> None:
    """Runs the statements that this query writes."""
    for row in await target.fetch(query, *given):
        await target.execute(row[0])


@contextmanager
def unavailable(purpose: str) -> Iterator[None]:
    """Whatever fails of asking the target is CredentialUnavailable."""
    try:
        yield
    except asyncpg.PostgresError as error:
        raise _unavailable(purpose, f"{error.sqlstate}: {error.args[0]}") from error
    except (OSError, asyncpg.InterfaceError, TimeoutError) as error:
        raise _unavailable(purpose, str(error) or type(error).__name__) from error


def _unavailable(purpose: str, reason: str) -> CredentialUnavailable:
    return CredentialUnavailable(f"the gateway could not {purpose}", reason)


def role_name(asker: Asker) -> str:
    """A name that tells who it is, in ASCII, for databases of any encoding: cs_agent-7_0f3a1b2c4d5e."""
    end = "_" + re.sub(r"[^0-9a-z]", "", asker.session)[-12:]
    principal = re.sub(r"[^A-Za-z0-9@.-]", "-", asker.principal.name)
    return "cs_" + principal[: _LONGEST_NAME - len("cs_") - len(end)] + end


def scram_verifier(password: str, salt: bytes) -> str:
    """What PostgreSQL keeps of a password (its documentation of pg_authid.rolpassword; RFC 5802, section 3).

    It is made here so that a target that logs statements never sees the password.
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    in_base64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(_ITERATIONS, *in_base64)
