"""The values that configurations are made of: durations, addresses, secrets."""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from infra.config.errors import ConfigError, Names

_KUBERNETES_NAME = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"  # RFC 1123, as Kubernetes names its objects
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(value: Any) -> timedelta:
    """A duration such as "30s", "10m" or "2h". Raises ValueError."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        return timedelta(seconds=float(match[1]) * _UNITS[match[2]])
    if isinstance(value, timedelta):
        return value
    raise ValueError("expected a duration such as 30s, 10m or 2h")


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether this host is the machine itself."""
    return host in ("localhost", "::1") or host.startswith("127.")


def parse_address(value: Any) -> Address:
    """ "host:port" or "[v6]:port". Raises ValueError."""
    if isinstance(value, Address):
        return value
    host, colon, port = str(value).rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ValueError("expected host:port")
    return Address(host.removeprefix("[").removesuffix("]"), int(port))


HostPort = Annotated[Address, BeforeValidator(parse_address)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Secret(Model):
    """Where a secret is; it is read when it is used and never kept in the configuration."""

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("expected exactly one of env and file")
        return self

    def read(self, base: Path) -> str:
        """The secret. Raises ConfigError where it is not there. `base`: the configuration's folder."""
        if self.env is not None:
            value = os.environ.get(self.env)
            if value is None:
                raise ConfigError([f"the environment variable {self.env} is not set"])
            return value
        assert self.file is not None
        path = base / self.file
        try:
            return path.read_text().strip()
        except OSError as error:
            raise ConfigError([f"the secret file {self.file} cannot be read: {error.strerror}"]) from error


class VaultKey(Model):
    """A value of HashiCorp Vault's KV engine."""

    path: str = Field(min_length=1)  # below its mount, as `vault kv get -mount=MOUNT PATH` takes it
    key: str = Field(min_length=1)
    mount: str = "secret"
    version: Literal[1, 2] = 2  # of the engine there


class KubernetesKey(Model):
    """A value of a Kubernetes secret."""

    name: str = Field(min_length=1, pattern=_KUBERNETES_NAME)
    key: str = Field(min_length=1, pattern=r"^[A-Za-z0-9._-]+$")
    namespace: str | None = Field(default=None, pattern=_KUBERNETES_NAME)  # none: the gateway's own


class StoredSecret(Model):
    """Where a secret of a target is: as Secret, or in a store that is asked (infra/credentials/)."""

    env: str | None = None
    file: Path | None = None
    vault: VaultKey | None = None
    kubernetes: KubernetesKey | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.env, self.file, self.vault, self.kubernetes)) != 1:
            raise ValueError("expected exactly one of env, file, vault and kubernetes")
        return self

    @property
    def local(self) -> Secret:
        """Of env and file."""
        return Secret(env=self.env, file=self.file)


def is_network(network: str) -> str:
    """The network or address as it was written. Raises ValueError for what is none."""
    import ipaddress

    ipaddress.ip_network(network)
    return network


def known(value: str, info: ValidationInfo, kind: str, word: str) -> str:
    names: Names | None = info.context
    if names is not None:
        known = getattr(names, kind)
        if value not in known:
            raise ValueError(f"expected a {word}, one of {', '.join(sorted(known))}")
    return value
