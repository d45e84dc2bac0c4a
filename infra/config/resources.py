"""The section `resources`: a model for each protocol, and what all of them have."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    model_validator,
)

from infra.config.values import Duration, HostPort, Model, Secret, StoredSecret, is_network, known
from schemas.vocabulary import Intent

_HOST_KEY = re.compile(r"(?:ssh|ecdsa|sk-)[\w@.-]+ [A-Za-z0-9+/]+={0,2}(?: [^\n]*)?")

UNKNOWN_PROTOCOL = "unknown_protocol"
"""pydantic's type of the error for a resource of no protocol we know."""


def _is_mask(mask: str, info: ValidationInfo) -> str:
    return known(mask, info, "masks", "mask")


def _is_detector(detector: str, info: ValidationInfo) -> str:
    return known(detector, info, "detectors", "detector")


def _is_column_pattern(pattern: str) -> str:
    if pattern.count(".") != 2 or not all(pattern.split(".")):
        raise ValueError('expected "schema.table.column", each a name or *')
    return pattern


class Sensitive(Model):
    """What must not leave the gateway as it is, wherever it stands."""

    detect: tuple[Annotated[str, AfterValidator(_is_detector)], ...] = ()
    shown_to: tuple[str, ...] = ()  # groups whose reviewers may see what of a command was sealed


class SensitiveColumns(Sensitive):
    """Of a database: its columns as well, "schema.table.column" -> a mask."""

    columns: dict[
        Annotated[str, AfterValidator(_is_column_pattern)], Annotated[str, AfterValidator(_is_mask)]
    ] = Field(default={})


class Common(Model):
    """What every resource has."""

    name: str = Field(min_length=1, pattern=r"^[^:/\s]+$")
    labels: dict[str, str] = Field(default={})
    owners: tuple[str, ...] = ()  # groups that review, where a rule says `owners: true`
    recording: Literal["full", "preview", "metadata"] = "full"


def _is_served(protocol: str, info: ValidationInfo) -> str:
    return known(protocol, info, "protocols", "protocol this version serves")


Served = AfterValidator(_is_served)


class VaultDatabase(Model):
    """A role of Vault's database engine: Vault makes an account for each session."""

    role: str = Field(min_length=1)
    mount: str = "database"


def _is_leasable(lifetime: timedelta) -> timedelta:
    if not timedelta(seconds=5) <= lifetime <= timedelta(hours=1):
        raise ValueError("expected between 5s and 1h")
    return lifetime


class Ephemeral(Model):
    """Roles that the gateway makes, one for each session (docs/decisions/0020-a-role-for-each-session.md)."""

    user: str  # who may make them: CREATEROLE, and ADMIN OPTION on the roles below
    password: StoredSecret | None = None
    role: str | None = None  # what sessions act as, where no group of theirs is in `roles`
    roles: dict[str, str] = Field(
        default={}
    )  # a group -> what its members' sessions act as; the first counts
    lifetime: Annotated[Duration, AfterValidator(_is_leasable)] = timedelta(minutes=5)

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


def _is_host_key(key: str) -> str:
    if not _HOST_KEY.fullmatch(key.strip()):
        raise ValueError('expected a public host key such as "ssh-ed25519 AAAA…" (ssh-keyscan shows it)')
    return key.strip()


class SshCertificate(Model):
    """A certificate of the gateway's own CA for each session, which the host trusts."""

    lifetime: Annotated[Duration, AfterValidator(_is_leasable)] = timedelta(minutes=2)
    source_addresses: tuple[Annotated[str, AfterValidator(is_network)], ...] = ()


class SshCredentials(Model):
    """What the gateway signs in to the host with: exactly one of a key, a password and certificates."""

    user: str
    private_key: StoredSecret | None = None
    password: StoredSecret | None = None
    certificate: SshCertificate | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.private_key, self.password, self.certificate)) != 1:
            raise ValueError("expected exactly one of private_key, password and certificate")
        return self


class HostKeyAuthority(Model):
    """The host shows a certificate of this authority, for its name in `address`."""

    ca: Annotated[str, AfterValidator(_is_host_key)]


class SshResource(Common):
    """A host behind SSH."""

    protocol: Annotated[Literal["ssh"], Served]
    address: HostPort
    host_key: Annotated[str, AfterValidator(_is_host_key)] | HostKeyAuthority
    credentials: SshCredentials
    shells: Literal["none", "lines", "recorded"] = "none"
    environment: tuple[str, ...] = ("LANG", "LC_*")  # globs of variables a client may set on the host
    timeout: Duration = timedelta(seconds=20)  # that the host may be silent; thrice, once it is signed in to
    sensitive: Sensitive = Sensitive()


class BasicCredentials(Model):
    """RFC 7617."""

    user: str
    password: StoredSecret


class HeaderCredential(Model):
    """An API key in a header of the API's own."""

    name: str = Field(pattern=r"^[A-Za-z0-9-]+$")
    value: StoredSecret


class OAuth2Credentials(Model):
    """RFC 6749, section 4.4: the gateway gets itself tokens by its client credentials."""

    token_url: str = Field(pattern=r"^https?://")
    client_id: str
    client_secret: StoredSecret
    scope: str = ""


class AwsCredentials(Model):
    """An access key of AWS: each request is signed with it (Signature Version 4)."""

    region: str = Field(pattern=r"^[a-z0-9-]+$")
    service: str = Field(pattern=r"^[a-z0-9-]+$")
    access_key: StoredSecret
    secret_key: StoredSecret
    session_token: StoredSecret | None = None

    @property
    def is_s3(self) -> bool:
        """S3 alone takes paths as they are and bodies that are not signed, and is told how one was hashed."""
        return self.service == "s3"


class ClientCertificate(Model):
    """What the gateway shows an API that asks for a certificate: PEM files."""

    certificate: Path
    key: Path


class HttpCredentials(Model):
    """What the gateway puts into each request for the API; the client never sees it."""

    bearer: StoredSecret | None = None
    basic: BasicCredentials | None = None
    header: HeaderCredential | None = None
    oauth2: OAuth2Credentials | None = None
    aws: AwsCredentials | None = None
    client_certificate: ClientCertificate | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = (self.bearer, self.basic, self.header, self.oauth2, self.aws)
        if sum(way is not None for way in ways) > 1:
            raise ValueError("expected at most one of bearer, basic, header, oauth2 and aws")
        return self


_SELECTOR = re.compile(r"\$(?:\.\.?(?:[^.\[\]*'\s]+|\*)|\[\*\]|\['[^']+'\])+")


def _is_selector(selector: str) -> str:
    if _SELECTOR.fullmatch(selector) is None or selector.endswith("[*]"):
        raise ValueError("expected a selector such as $.customer.email or $..email")
    return selector


class SensitiveFields(Sensitive):
    """Of an API: fields of its answers as well, a selector -> a mask."""

    fields: dict[Annotated[str, AfterValidator(_is_selector)], Annotated[str, AfterValidator(_is_mask)]] = (
        Field(default={})
    )
    uninspected: tuple[Annotated[str, Field(pattern=r"^[a-z*]+/[a-z0-9*.+-]+$")], ...] = ()


_ORIGIN = re.compile(r"https?://(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")


def _is_origin(address: str) -> str:
    if _ORIGIN.fullmatch(address) is None:
        raise ValueError("expected https://host or https://host:port, without a path")
    return address


def _is_tls_origin(address: str) -> str:
    if not _is_origin(address).startswith("https://"):
        raise ValueError("expected https://host or https://host:port: tokens go there")
    return address


class McpServer(Model):
    """The API is an MCP server: its commands are calls of tools."""

    path: str = Field(default="/mcp", pattern=r"^/[A-Za-z0-9._~/-]*$")
    tools: dict[str, tuple[Intent, ...]] = Field(default={})  # a glob of names -> what such tools are for
    hold: Duration = timedelta(seconds=50)  # how long a client waits for reviewers until it is answered


class HttpResource(Common):
    """An HTTP API."""

    protocol: Annotated[Literal["http"], Served]
    address: Annotated[str, AfterValidator(_is_origin)]
    hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")], ...] = ()
    credentials: HttpCredentials = HttpCredentials()
    ca: Secret | None = None
    ignores_case: bool = False
    encoded_slashes: Literal["refuse", "keep"] = "refuse"
    openapi: Path | None = None
    graphql: Annotated[str, Field(pattern=r"^/")] | None = None
    mcp: McpServer | None = None
    sensitive: SensitiveFields = SensitiveFields()

    @model_validator(mode="after")
    def _is_one_kind_of_api(self) -> Self:
        if self.mcp is not None and (self.openapi is not None or self.graphql is not None):
            raise ValueError("expected neither openapi nor graphql beside mcp: it serves nothing else")
        return self


class ServiceAccount(Model):
    """A service account of the cluster, for which the gateway asks for tokens of a few minutes."""

    namespace: str = Field(pattern=r"^[a-z0-9-]+$")
    name: str = Field(pattern=r"^[a-z0-9.-]+$")


class Impersonation(Model):
    """Requests run as the principal: its user and groups of the cluster are `prefix` and their names."""

    prefix: str = Field(default="countersign:", pattern=r"^[!-~]+$")

    @model_validator(mode="after")
    def _is_nobodys_else(self) -> Self:
        if self.prefix.startswith("system:"):
            raise ValueError("expected a prefix that does not begin with system:, as the cluster's own do")
        return self


class KubernetesCredentials(Model):
    """What the gateway signs in to the cluster with; the client never sees it."""

    token: StoredSecret | None = None
    client_certificate: ClientCertificate | None = None
    impersonate: Impersonation | None = None
    service_account: ServiceAccount | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.token is None) == (self.client_certificate is None):
            raise ValueError("expected exactly one of token and client_certificate")
        return self


_OBJECT_SELECTOR = re.compile(r"(?:([a-z0-9.-]+):)?(\$.+)")


def _is_object_selector(selector: str) -> str:
    found = _OBJECT_SELECTOR.fullmatch(selector)
    if found is None:
        raise ValueError("expected a selector such as $.spec.email or configmaps:$.data.password")
    _is_selector(found[2])
    return selector


class SensitiveObjects(Sensitive):
    """Of a cluster: kinds whose contents are secret, and fields of others, a selector -> a mask."""

    kinds: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")], ...] = ("secrets",)
    fields: dict[
        Annotated[str, AfterValidator(_is_object_selector)], Annotated[str, AfterValidator(_is_mask)]
    ] = Field(default={})

    @property
    def selectors(self) -> tuple[tuple[str, str], ...]:
        """Every selector and its mask, "KIND:$.path"; the fields' own come first."""
        contents = [(f"{kind}:$.{name}.*", "full") for kind in self.kinds for name in _CONTENTS]
        return (*self.fields.items(), *contents, *_ALWAYS)


_ALWAYS = (
    ("serviceaccounts:$.status.token", "full"),
    ("tokenreviews.authentication.k8s.io:$.spec.token", "full"),
)
_CONTENTS = ("data", "stringData", "binaryData")


class KubernetesResource(Common):
    """A cluster, by its API server."""

    protocol: Annotated[Literal["kubernetes"], Served]
    address: Annotated[str, AfterValidator(_is_tls_origin)]
    hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")], ...] = ()
    credentials: KubernetesCredentials
    ca: Secret | None = None
    shells: Literal["none", "recorded"] = "none"
    sensitive: SensitiveObjects = SensitiveObjects()


def _protocol(value: Any) -> str | None:
    found = value.get("protocol") if isinstance(value, Mapping) else getattr(value, "protocol", None)
    return found if isinstance(found, str) else None


Resource = PostgresResource | SshResource | HttpResource | KubernetesResource

Resources = tuple[
    Annotated[
        Annotated[PostgresResource, Tag("postgres")]
        | Annotated[SshResource, Tag("ssh")]
        | Annotated[HttpResource, Tag("http")]
        | Annotated[KubernetesResource, Tag("kubernetes")],
        Discriminator(
            _protocol,
            custom_error_type=UNKNOWN_PROTOCOL,
            custom_error_message="expected a protocol, one of http, kubernetes, postgres, ssh",
        ),
    ],
    ...,
]
