"""As whom the gateway signs in to PostgreSQL targets: for a session, and for itself."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import asyncpg

from infra.config import Config, PostgresResource
from infra.credentials import Account, Asker, CredentialUnavailable, Leases, Secrets
from infra.credentials.vault import VaultAccounts
from ingress.errors import TargetError
from ingress.postgres.command_roles import CommandRoles
from ingress.postgres.roles import Connection, Roles
from ingress.postgres.target_connection import Target, TargetRefused, open_target, tls_context
from schemas.vocabulary import Principal, PrincipalKind

_LONGEST_NAME = 63  # bytes of an application_name that PostgreSQL keeps
_VAULT_LIFETIME = 180.0  # seconds for which a lease of Vault's is renewed
_GATEWAY = Asker(Principal("countersign", PrincipalKind.AGENT, ()), "gateway")


@dataclass(frozen=True, slots=True)
class Opened:
    """A target that let a session in; call `leave` once it is over. `command_roles`: where commands get roles
    of their own; then the session does not act as its role yet."""

    target: Target
    leave: Callable[[], None]
    command_roles: CommandRoles | None = None


class Accounts:
    """All PostgreSQL resources'. Methods raise TargetError where there is no account, ConfigError."""

    def __init__(self, config: Config, secrets: Secrets) -> None:
        self._base = config.base
        self._secrets = secrets
        self._roles: dict[str, Roles] = {}
        self._leases: dict[str, Leases[Account]] = {}
        self._own: dict[str, Account] = {}
        for resource in config.resources:
            if isinstance(resource, PostgresResource):
                self._lease(resource)

    def _lease(self, resource: PostgresResource) -> None:
        """Where accounts are made for sessions, makes ready for that."""
        name, credentials = resource.name, resource.credentials
        if credentials.ephemeral is not None:
            roles = Roles(name, credentials.ephemeral, partial(self._connect, resource))
            self._roles[name] = roles
            self._leases[name] = Leases(name, roles, credentials.ephemeral.lifetime.total_seconds())
        elif credentials.vault is not None:
            assert self._secrets.vault is not None  # the configuration was checked
            maker = VaultAccounts(self._secrets.vault, credentials.vault)
            self._leases[name] = Leases(name, maker, _VAULT_LIFETIME)

    def start(self) -> None:
        for leases in self._leases.values():
            leases.start()

    async def stop(self) -> None:
        """Gives back what was made."""
        await asyncio.gather(*(leases.stop() for leases in self._leases.values()))
        for roles in self._roles.values():
            await roles.close()

    async def open(self, resource: PostgresResource, settings: dict[str, str], asker: Asker) -> Opened:
        """Signs in for a session. `settings`: start-up parameters, `database` among them."""
        if "replication" not in settings:  # there the name says which standby it is
            settings = {**settings, "application_name": application_name(asker, settings)}
        if (leases := self._leases.get(resource.name)) is not None:
            return await self._open_leased(resource, leases, settings, asker)
        account = await self.own(resource)
        try:
            return Opened(await open_target(resource, self._base, settings, account), _nothing)
        except TargetRefused:
            again = await self.own(resource, fresh=True)
            if again == account:
                raise
            return Opened(await open_target(resource, self._base, settings, again), _nothing)

    async def own(self, resource: PostgresResource, *, fresh: bool = False) -> Account:
        """What the gateway itself signs in as. `fresh`: the target refused the one before."""
        credentials = resource.credentials
        try:
            if credentials.vault is not None:
                leases, known = self._leases[resource.name], self._own.get(resource.name)
                if known is not None and not fresh:
                    return known
                self._own[resource.name] = made = await leases.take(_GATEWAY)
                if known is not None:
                    leases.give_back(known)
                return made
            user, password = credentials.user, credentials.password
            if credentials.ephemeral is not None:
                user, password = credentials.ephemeral.user, credentials.ephemeral.password
            assert user is not None  # the configuration was checked
            return Account(user, await self._secrets.read(password, fresh=fresh) if password else None)
        except CredentialUnavailable as error:
            raise TargetError(str(error), error.reason) from error

    async def connect(self, resource: PostgresResource, database: str, purpose: str) -> Connection:
        """A connection of the gateway's own. Raises asyncpg's errors as well."""
        account = await self.own(resource)
        try:
            return await self._connect_as(resource, account, database, purpose)
        except asyncpg.InvalidAuthorizationSpecificationError:
            again = await self.own(resource, fresh=True)
            if again == account:
                raise
            return await self._connect_as(resource, again, database, purpose)

    async def _connect(self, resource: PostgresResource, database: str) -> Connection:
        """For the roles of a resource, whose errors are CredentialUnavailable."""
        try:
            return await self.connect(
                resource, database or resource.database or resource.name, "countersign roles"
            )
        except TargetError as error:
            raise CredentialUnavailable(str(error), error.reason) from error

    async def _connect_as(
        self, resource: PostgresResource, account: Account, database: str, purpose: str
    ) -> Connection:
        return await asyncpg.connect(
            host=resource.address.host,
            port=resource.address.port,
            user=account.user,
            password=account.password,
            database=database,
            ssl=tls_context(resource, self._base) or False,
            server_settings={"application_name": purpose, "timezone": "UTC", "datestyle": "ISO"},
        )

    async def _open_leased(
        self, resource: PostgresResource, leases: Leases[Account], settings: dict[str, str], asker: Asker
    ) -> Opened:
        ephemeral = resource.credentials.ephemeral
        role = ephemeral.role_for(asker.principal.groups) if ephemeral is not None else None
        narrows = ephemeral is not None and ephemeral.privileges != "role" and "replication" not in settings
        if role is not None:
            settings = {**settings, "role": role if not narrows else "none"}
        try:
            account = await leases.take(asker)
            leave = partial(leases.give_back, account)
            try:
                target = await open_target(resource, self._base, settings, account)
                try:
                    await leases.used(account)
                except BaseException:
                    target.channel.abort()
                    raise
            except BaseException:
                leave()
                raise
        except CredentialUnavailable as error:
            raise TargetError(str(error), error.reason) from error
        if role is None or not narrows:
            return Opened(target, leave)
        connect = partial(self._connect, resource)
        roles, database = self._roles[resource.name], settings["database"]
        return Opened(target, leave, CommandRoles(roles, connect, asker, account.user, role, database))


def application_name(asker: Asker, settings: dict[str, str]) -> str:
    """What the target's log and pg_stat_activity show: who, by which session, and what the client said."""
    room = _LONGEST_NAME - len(asker.session) - 1
    who = f"{asker.principal.name[:room]}/{asker.session}"
    return f"{who} {settings.get('application_name', '')}".strip()


def _nothing() -> None:
    """Whoever is configured stays."""
