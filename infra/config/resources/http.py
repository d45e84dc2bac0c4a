"""HTTP APIs, and MCP servers, which are some."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from infra.config.resources.common import (
    ClientCertificate,
    Common,
    Sensitive,
    Served,
    is_mask,
    is_origin,
    is_selector,
)
from infra.config.values import Duration, Model, Secret, StoredSecret
from schemas.vocabulary import Intent


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


class SensitiveFields(Sensitive):
    """Of an API: fields of its answers as well, a selector -> a mask."""

    fields: dict[Annotated[str, AfterValidator(is_selector)], Annotated[str, AfterValidator(is_mask)]] = (
        Field(default={})
    )
    uninspected: tuple[Annotated[str, Field(pattern=r"^[a-z*]+/[a-z0-9*.+-]+$")], ...] = ()


class McpServer(Model):
    """The API is an MCP server: its commands are calls of tools."""

    path: str = Field(default="/mcp", pattern=r"^/[A-Za-z0-9._~/-]*$")
    tools: dict[str, tuple[Intent, ...]] = Field(default={})  # a glob of names -> what such tools are for
    hold: Duration = timedelta(seconds=50)  # how long a client waits for reviewers until it is answered


class HttpResource(Common):
    """An HTTP API."""

    protocol: Annotated[Literal["http"], Served]
    address: Annotated[str, AfterValidator(is_origin)]
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
