"""Databases of PostgreSQL servers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from infra.config.resources.common import Common, Sensitive, Served, is_leasable, is_mask
from infra.config.values import Duration, HostPort, Model, Secret, StoredSecret


def _is_column_pattern(pattern: str) -> str:
    if pattern.count(".") != 2 or not all(pattern.split(".")):
        raise ValueError('expected "schema.table.column", each a name or *')
    return pattern


class SensitiveColumns(Sensitive):
    """Of a database: its columns as well, "schema.table.column" -> a mask."""

    columns: dict[
        Annotated[str, AfterValidator(_is_column_pattern)], Annotated[str, AfterValidator(is_mask)]
    ] = Field(default={})


class VaultDatabase(Model):
    """A role of Vault's database engine: Vault makes an account for each session."""

    role: str = Field(min_length=1)
    mount: str = "database"


class Ephemeral(Model):
    """Roles that the gateway makes: one for each session (docs/decisions/0020-a-role-for-each-session.md);
    where `privileges` says so, one for each approved command (docs/decisions/0050-a-role-for-a-command.md).
    """

    user: str  # who may make them: CREATEROLE, and ADMIN OPTION on the roles below
    password: StoredSecret | None = None
    role: str | None = None  # what sessions act as, where no group of theirs is in `roles`
    roles: dict[str, str] = Field(
        default={}
    )  # a group -> what its members' sessions act as; the first counts
    privileges: Literal["role", "facts", "facts_or_role"] = "role"  # of a command that people approved
    lifetime: Annotated[Duration, AfterValidator(is_leasable)] = timedelta(minutes=5)

    @model_validator(mode="after")
    def _somebody_acts(self) -> Self:
        if self.role is None and not self.roles:
            raise ValueError("expected role, roles, or both: what sessions may act as")
        if self.user in (self.role, *self.roles.values()):
            raise ValueError("user: expected another than the roles that sessions act as")
        return self

    def role_for(self, groups: Sequence[str]) -> str | None:
        """What a session of somebody in these groups acts as; None: nothing."""
        return next((role for group, role in self.roles.items() if group in groups), self.role)


class PostgresCredentials(Model):
    """What the gateway signs in to the target with; the client never sees it."""

    user: str | None = None
    password: StoredSecret | None = None
    vault: VaultDatabase | None = None
    ephemeral: Ephemeral | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.user, self.vault, self.ephemeral)) != 1:
            raise ValueError("expected exactly one of user (with password), vault and ephemeral")
        if self.password is not None and self.user is None:
            raise ValueError("expected user beside password")
        return self


class PostgresResource(Common):
    """A database of a PostgreSQL server."""

    protocol: Annotated[Literal["postgres"], Served]
    address: HostPort
    database: str | None = None
    credentials: PostgresCredentials
    tls: Literal["verify-full", "require", "disable"] = "verify-full"
    ca: Secret | None = None
    sensitive: SensitiveColumns = SensitiveColumns()
