"""The section `identity`: who may come in."""

from typing import Self

from pydantic import Field, model_validator

from infra.config.values import Model
from schemas.vocabulary import Principal, PrincipalKind


class User(Model):
    name: str = Field(min_length=1, pattern=r"^[^:/\s]+$")
    kind: PrincipalKind
    groups: tuple[str, ...] = ()
    token_hash: str
    expires: str | None = None  # a date and time (ISO 8601) after which the token is refused

    @property
    def principal(self) -> Principal:
        return Principal(self.name, self.kind, self.groups)


class Identity(Model):
    users: tuple[User, ...] = ()

    @model_validator(mode="after")
    def _no_doubles(self) -> Self:
        names = [user.name for user in self.users]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"user {name} is there twice")
        return self
