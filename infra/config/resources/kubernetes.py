"""Clusters, by their API server."""

import re
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
from infra.config.values import Model, Secret, StoredSecret


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
    is_selector(found[2])
    return selector


class SensitiveObjects(Sensitive):
    """Of a cluster: kinds whose contents are secret, and fields of others, a selector -> a mask."""

    kinds: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")], ...] = ("secrets",)
    fields: dict[
        Annotated[str, AfterValidator(_is_object_selector)], Annotated[str, AfterValidator(is_mask)]
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


def _is_tls_origin(address: str) -> str:
    if not is_origin(address).startswith("https://"):
        raise ValueError("expected https://host or https://host:port: tokens go there")
    return address


class KubernetesResource(Common):
    """A cluster, by its API server."""

    protocol: Annotated[Literal["kubernetes"], Served]
    address: Annotated[str, AfterValidator(_is_tls_origin)]
    hosts: tuple[Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")], ...] = ()
    credentials: KubernetesCredentials
    ca: Secret | None = None
    shells: Literal["none", "recorded"] = "none"
    sensitive: SensitiveObjects = SensitiveObjects()
