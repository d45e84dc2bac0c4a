"""The section `resources`: a model for each protocol, in `postgres.py`, `ssh.py`, `http.py` and
`kubernetes.py`; `common.py` has what several have.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from infra.config.resources.common import ClientCertificate, Common
from infra.config.resources.http import (
    AwsCredentials,
    BasicCredentials,
    HeaderCredential,
    HttpCredentials,
    HttpResource,
    McpServer,
    OAuth2Credentials,
    SensitiveFields,
)
from infra.config.resources.kubernetes import (
    Impersonation,
    KubernetesCredentials,
    KubernetesResource,
    SensitiveObjects,
    ServiceAccount,
)
from infra.config.resources.postgres import (
    Ephemeral,
    PostgresCredentials,
    PostgresResource,
    SensitiveColumns,
    VaultDatabase,
)
from infra.config.resources.ssh import HostKeyAuthority, SshCertificate, SshCredentials, SshResource

__all__ = [
    "UNKNOWN_PROTOCOL",
    "AwsCredentials",
    "BasicCredentials",
    "ClientCertificate",
    "Common",
    "Ephemeral",
    "HeaderCredential",
    "HostKeyAuthority",
    "HttpCredentials",
    "HttpResource",
    "Impersonation",
    "KubernetesCredentials",
    "KubernetesResource",
    "McpServer",
    "OAuth2Credentials",
    "PostgresCredentials",
    "PostgresResource",
    "Resource",
    "Resources",
    "SensitiveColumns",
    "SensitiveFields",
    "SensitiveObjects",
    "ServiceAccount",
    "SshCertificate",
    "SshCredentials",
    "SshResource",
    "VaultDatabase",
]

UNKNOWN_PROTOCOL = "unknown_protocol"
"""pydantic's type of the error for a resource of no protocol we know."""


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
