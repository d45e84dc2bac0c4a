"""The configuration file. Its names are a contract with users (docs/configuration.md).

`file.py` reads it into `document.py`'s Config, whose sections are `gateway.py`, `identity.py`,
`resources/` (a model for each protocol), `policies.py` and `notifications.py`; `values.py` has what they
are made of, `errors.py` what may be wrong.
"""

from infra.config.document import Config
from infra.config.errors import ConfigError, Names
from infra.config.file import DEFAULT_PATH, load, parse
from infra.config.gateway import ExternalClickHouse, ExternalKafka, Gateway, KafkaSecurity, Listen, Tls
from infra.config.identity import Federated, Identity, Oidc, Saml, Scim, User
from infra.config.notifications import (
    AppriseEndpoint,
    Endpoint,
    JiraProject,
    Notifications,
    PagerDutyService,
    ServiceNowTable,
    SlackChannel,
    TeamsEndpoint,
    TicketsOf,
    WebhookEndpoint,
)
from infra.config.policies import Policy
from infra.config.resources import (
    HostKeyAuthority,
    HttpResource,
    KubernetesResource,
    PostgresResource,
    Resource,
    SshResource,
)
from infra.config.values import Address, Secret, StoredSecret, parse_address

__all__ = [
    "DEFAULT_PATH",
    "Address",
    "AppriseEndpoint",
    "Config",
    "ConfigError",
    "Endpoint",
    "ExternalClickHouse",
    "ExternalKafka",
    "Federated",
    "Gateway",
    "HostKeyAuthority",
    "HttpResource",
    "Identity",
    "JiraProject",
    "KafkaSecurity",
    "KubernetesResource",
    "Listen",
    "Names",
    "Notifications",
    "Oidc",
    "PagerDutyService",
    "Policy",
    "PostgresResource",
    "Resource",
    "Saml",
    "Scim",
    "Secret",
    "ServiceNowTable",
    "SlackChannel",
    "SshResource",
    "StoredSecret",
    "TeamsEndpoint",
    "TicketsOf",
    "Tls",
    "User",
    "WebhookEndpoint",
    "load",
    "parse",
    "parse_address",
]
