"""The section `identity`: who may come in."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StrictBool, StrictStr, model_validator

from infra.config.values import Duration, Model, Secret, is_loopback
from schemas.vocabulary import Principal, PrincipalKind

NAME = r"^[^:/\s]+$"
"""What every principal's name is like, wherever it comes from."""


def _is_issuer(url: str) -> str:
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    # OpenID Connect Core 1.0, section 1.2: an issuer has no query and no fragment.
    if not is_safe or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("expected https://… without query, as the provider's tokens name it (iss)")
    return url


def _is_short(lifetime: timedelta) -> timedelta:
    if not timedelta(minutes=1) <= lifetime <= timedelta(hours=24):
        raise ValueError("expected between 1m and 24h")
    return lifetime


def _is_bounded(lifetime: timedelta) -> timedelta:
    if lifetime > timedelta(days=7):
        raise ValueError("expected at most 7d")
    return lifetime


Issuer = Annotated[str, AfterValidator(_is_issuer)]


class User(Model):
    name: str = Field(min_length=1, pattern=NAME)
    kind: PrincipalKind
    groups: tuple[str, ...] = ()
    token_hash: str
    expires: str | None = None  # a date and time (ISO 8601) after which the token is refused

    @property
    def principal(self) -> Principal:
        return Principal(self.name, self.kind, self.groups)


class Oidc(Model):
    """Single sign-on with an OpenID provider."""

    issuer: Issuer
    client_id: str = Field(min_length=1)
    client_secret: Secret | None = None  # none: a public client
    audience: str | None = None  # its access tokens for this audience are accepted as tokens
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    name_claim: str = "preferred_username"
    # A claim's name, or a path such as realm_access.roles; none: the provider's tokens say nothing of groups.
    groups_claim: str | None = "groups"
    groups: dict[str, str] | None = None  # the provider's group -> ours; with any, others do not count
    agent_groups: tuple[str, ...] = ()  # ours; their members are agents, all others persons
    clock_skew: Duration = timedelta(seconds=30)

    @model_validator(mode="after")
    def _id_tokens_are_no_access_tokens(self) -> Self:
        if self.audience == self.client_id:
            raise ValueError("audience: expected another than client_id, which is that of ID tokens")
        if "openid" not in self.scopes:
            raise ValueError("scopes: expected openid among them")
        return self


class Saml(Model):
    """Single sign-on with a SAML 2.0 identity provider."""

    metadata: Path  # the provider's own, a file: its entity id, its addresses, its certificates
    name_attribute: str | None = None  # none: the NameID
    groups_attribute: str = "groups"
    groups: dict[str, str] | None = None  # the provider's group -> ours; with any, others do not count
    agent_groups: tuple[str, ...] = ()  # ours; their members are agents, all others persons
    clock_skew: Duration = timedelta(seconds=30)


class Scim(Model):
    """The identity provider says who may come in, and who no longer (SCIM 2.0)."""

    token_hash: str  # of the provider's bearer token
    groups: dict[str, str] | None = None  # the directory's group -> ours; with any, others do not count


class Federated(Model):
    """JWTs of another issuer that are accepted as one principal's token."""

    issuer: Issuer
    audience: str = Field(min_length=1)
    # Claim, or path -> what it must be: a glob, a truth value, or several of which one must match.
    claims: dict[str, StrictStr | StrictBool | tuple[StrictStr, ...]] = Field(min_length=1)
    principal: str = Field(min_length=1, pattern=NAME)
    kind: PrincipalKind = PrincipalKind.AGENT
    groups: tuple[str, ...] = ()
    keys: Path | None = None  # a JWK set; none: what the issuer publishes
    clock_skew: Duration = timedelta(seconds=30)


class Tokens(Model):
    """The gateway's own tokens."""

    lifetime: Annotated[Duration, AfterValidator(_is_short)] = timedelta(hours=1)
    refresh: Annotated[Duration, AfterValidator(_is_bounded)] = timedelta(hours=12)


class Identity(Model):
    users: tuple[User, ...] = ()
    oidc: Oidc | None = None
    saml: Saml | None = None
    scim: Scim | None = None
    federated: tuple[Federated, ...] = ()
    tokens: Tokens = Tokens()
    administrators: tuple[str, ...] = ()  # groups that may revoke others' tokens

    @model_validator(mode="after")
    def _no_doubles(self) -> Self:
        names = [user.name for user in self.users]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"user {name} is there twice")
        return self
