"""The section `gateway`: where it keeps its state, what it stands on, where it listens."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ValidationInfo, model_validator

from infra.config.errors import Names
from infra.config.values import Duration, HostPort, Model, Secret, is_loopback


class KafkaSecurity(Model):
    """How to sign in to an external Kafka; the words are Kafka's own."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    username: str | None = None
    password: Secret | None = None
    ca: Secret | None = None
    certificate: Path | None = None
    key: Path | None = None


class ExternalKafka(Model):
    bootstrap: str
    security: KafkaSecurity = KafkaSecurity()


class ExternalClickHouse(Model):
    url: str


def _is_served(address: Any, info: ValidationInfo) -> Any:
    names: Names | None = info.context
    if names is not None and info.field_name not in names.protocols:
        raise ValueError(f"this version does not serve it, only {', '.join(sorted(names.protocols))}")
    return address


Ingress = Annotated[HostPort, AfterValidator(_is_served)]


class Listen(Model):
    """Where each ingress listens; one that is not listed does not start."""

    api: HostPort | None = None
    clickhouse: HostPort | None = None
    postgres: Ingress | None = None
    mysql: Ingress | None = None
    ssh: Ingress | None = None
    kubernetes: Ingress | None = None
    http: Ingress | None = None


class Tls(Model):
    """The gateway's own certificate: made by its own CA, or the user's."""

    mode: Literal["auto"] | None = None
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _auto_or_files(self) -> Self:
        if self.mode is None and (self.certificate is None or self.key is None):
            raise ValueError("expected mode: auto, or both certificate and key")
        return self


class AppRole(Model):
    """Vault's auth method for services."""

    role_id: str
    secret_id: Secret
    mount: str = "approle"


class KubernetesLogin(Model):
    """Vault's auth method for pods: by the token of their service account."""

    role: str
    mount: str = "kubernetes"
    token: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class VaultAuth(Model):
    """How the gateway signs in to Vault: exactly one."""

    token: Secret | None = None
    approle: AppRole | None = None
    kubernetes: KubernetesLogin | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.token, self.approle, self.kubernetes)) != 1:
            raise ValueError("expected exactly one of token, approle and kubernetes")
        return self


def _is_safe(url: str) -> str:
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not is_safe or not parts.hostname or parts.username:
        raise ValueError("expected https://…, or http:// on loopback: secrets come that way")
    return url.rstrip("/")


SafeUrl = Annotated[str, AfterValidator(_is_safe)]


class Vault(Model):
    """The HashiCorp Vault that targets' credentials come from."""

    url: SafeUrl
    auth: VaultAuth
    namespace: str | None = None
    ca: Path | None = None


class KubernetesApi(Model):
    """The Kubernetes API that secrets are read from, where the gateway does not run in that cluster."""

    url: SafeUrl
    token: Secret
    ca: Secret | None = None
    namespace: str = "default"


class Publishing(Model):
    """Who may put other rules in force than those of this file: one proposes them, another approves."""

    published_by: tuple[str, ...] = ()  # groups; none: nobody


class Gateway(Model):
    state: Path = Path(".countersign")
    kafka: Literal["embedded"] | ExternalKafka = "embedded"
    clickhouse: Literal["embedded"] | ExternalClickHouse = "embedded"
    listen: Listen = Listen()
    tls: Tls = Tls(mode="auto")
    auditors: tuple[str, ...] = ()
    policies: Publishing = Publishing()
    url: str | None = None  # how reviewers reach the API, for links; from listen.api when absent
    vault: Vault | None = None
    kubernetes: KubernetesApi | None = None  # none: that of the cluster it runs in
    verdict_timeout: Duration = timedelta(seconds=15)  # without a verdict by then a command is refused
    remind_every: Duration = timedelta(seconds=60)  # a client whose command waits for a reviewer
