"""A role at the target for one command that people approved (docs/decisions/0050-a-role-for-a-command.md).

It has the privileges that the command's facts need, of those that the session's acting role has. While it is
there, the session can act as nothing else: what runs within the command and was not seen by its reviewers is
refused by the target itself.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from infra.credentials import Asker, CredentialUnavailable
from ingress.postgres.catalogue_reader import queries
from ingress.postgres.narrowing import ASK, Needs, NotNarrowed
from ingress.postgres.roles import SECONDS, Connect, Connection, Roles, role_name, unavailable, write

_log = structlog.get_logger()
_TRIES = 4
_LOCK_TIMEOUT = "set local lock_timeout = 3000"  # ms; whoever changed a table here may never end


class CommandRoles:
    """Of one session, for one command at a time. `roles` made the `session_role`, which acts as `acts_as` in
    this database."""

    def __init__(
        self, roles: Roles, connect: Connect, asker: Asker, session_role: str, acts_as: str, database: str
    ) -> None:
        self._roles = roles
        self._connect = connect
        self._asker = asker
        self._session_role = session_role
        self._acts_as = acts_as
        self._database = database
        self._queries = queries("command_roles.sql")

    @property
    def acts_as(self) -> str:
        return self._acts_as

    async def narrow(self, command: str, needs: Needs) -> str | NotNarrowed:
        """The name of a role with what the command needs, the only one that the session may act as now."""
        name = role_name(Asker(self._asker.principal, command))
        self._roles.keep(self._session_role, name)
        try:
            async with self._at_target("make a role for the command") as target:
                made = await self._tried(target, name, command, needs)
        except CredentialUnavailable as error:
            _log.warning("role.not_made", command=command, reason=error.reason)
            made = NotNarrowed(str(error), "Try again; the gateway's log has the details.")
        if isinstance(made, NotNarrowed):
            await self._roles.end_kept(self._session_role)
        return made

    async def widen(self) -> None:
        """The session may act as before; the command's role is dropped, now or by the next sweep. Raises
        CredentialUnavailable."""
        async with self._at_target("give the session its role back") as target:
            await write(target, self._queries["widen"], self._session_role, self._acts_as)
        await self._roles.end_kept(self._session_role)

    async def _tried(self, target: Connection, name: str, command: str, needs: Needs) -> str | NotNarrowed:
        """Two that grant on one table at once are told "tuple concurrently updated", as an internal error."""
        for tries_left in reversed(range(_TRIES)):
            try:
                async with target.transaction():
                    return await self._make(target, name, command, needs)
            except _Unfit as unfit:
                return unfit.why
            except (asyncpg.InternalServerError, asyncpg.DeadlockDetectedError):
                if not tries_left:
                    raise
        raise AssertionError("unreachable")

    async def _make(self, target: Connection, name: str, command: str, needs: Needs) -> str:
        """Raises _Unfit, and what was made is taken back."""
        if reason := await target.fetchval(self._queries["unfit"], list(needs.relations), needs.goes_on):
            raise _Unfit(NotNarrowed(reason, ASK))
        who = self._asker
        comment = (
            f"countersign: {who.principal.name}, session {who.session}, command {command}, "
            f"acts as {self._acts_as}"
        )
        await target.execute(_LOCK_TIMEOUT)
        await write(target, self._queries["make"], name, self._roles.lifetime)
        await write(target, self._queries["comment"], name, comment)
        privileges = sorted(needs.privileges)
        for row in await target.fetch(
            self._queries["grants"],
            name,
            self._acts_as,
            [need.relation for need in privileges],
            [need.privilege for need in privileges],
            [need.column for need in privileges],
            list(needs.schemas),
            list(needs.functions),
        ):
            if not row["is_grantable"]:
                reason = "the gateway may not pass on at the target what the command needs"
                raise _Unfit(NotNarrowed(reason, f"Its owner has to: {row['advice']}"))
            await target.execute(row["statement"])
        await write(target, self._queries["narrow"], self._session_role, name, self._acts_as)
        if await target.fetchval(self._queries["is_wide"], self._session_role, self._acts_as):
            reason = f"the session could still act as {self._acts_as}"
            raise _Unfit(NotNarrowed(reason, "Let only the gateway grant roles to the roles that it makes."))
        return name

    @asynccontextmanager
    async def _at_target(self, purpose: str) -> AsyncIterator[Connection]:
        """A connection to the session's database. Raises CredentialUnavailable."""
        with unavailable(purpose):
            async with asyncio.timeout(SECONDS):
                target = await self._connect(self._database)
                try:
                    yield target
                finally:
                    target.terminate()


class _Unfit(Exception):
    """The command must not run so."""

    def __init__(self, why: NotNarrowed) -> None:
        super().__init__(why.reason)
        self.why = why
