"""Hosts behind SSH."""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from infra.config.resources.common import Common, Sensitive, Served, is_leasable
from infra.config.values import Duration, HostPort, Model, StoredSecret, is_network

_HOST_KEY = re.compile(r"(?:ssh|ecdsa|sk-)[\w@.-]+ [A-Za-z0-9+/]+={0,2}(?: [^\n]*)?")


def _is_host_key(key: str) -> str:
    if not _HOST_KEY.fullmatch(key.strip()):
        raise ValueError('expected a public host key such as "ssh-ed25519 AAAA…" (ssh-keyscan shows it)')
    return key.strip()


class SshCertificate(Model):
    """A certificate of the gateway's own CA for each session, which the host trusts."""

    lifetime: Annotated[Duration, AfterValidator(is_leasable)] = timedelta(minutes=2)
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
