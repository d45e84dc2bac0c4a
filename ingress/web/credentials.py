"""What the gateway puts into each request for an API, and must never show: its credential there."""

import base64
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from infra.config.resources import HttpCredentials
from ingress.web.fields import Field


@dataclass(frozen=True, slots=True)
class Granted:
    """The header fields of one request, and the secrets in them."""

    fields: tuple[Field, ...] = ()
    secrets: tuple[bytes, ...] = ()

    @property
    def names(self) -> frozenset[bytes]:
        return frozenset(name for name, _ in self.fields)


def read_credentials(credentials: HttpCredentials, base: Path) -> Granted:
    """What does not change between requests. Raises ConfigError."""
    if credentials.bearer is not None:
        return bearer(credentials.bearer.read(base))
    if credentials.basic is not None:
        password = credentials.basic.password.read(base)
        # RFC 7617, section 2.
        pair = base64.b64encode(f"{credentials.basic.user}:{password}".encode())
        return Granted(((b"authorization", b"Basic " + pair),), forms_of(password, pair.decode()))
    if credentials.header is not None:
        value = credentials.header.value.read(base)
        return Granted(((credentials.header.name.lower().encode(), value.encode()),), forms_of(value))
    return Granted()


def bearer(token: str) -> Granted:
    """RFC 6750."""
    return Granted(((b"authorization", f"Bearer {token}".encode()),), forms_of(token))


def forms_of(*secrets: str) -> tuple[bytes, ...]:
    """Each secret as an answer may hold it: as it is, percent-encoded, in a JSON string, in base64."""
    found: list[bytes] = []
    for secret in secrets:
        plain = secret.encode()
        found += [plain, quote(secret, safe="").encode(), secret.replace("/", "\\/").encode()]
        found += [
            base64.b64encode(plain).rstrip(b"="),
            base64.urlsafe_b64encode(plain).rstrip(b"="),
            plain.hex().encode(),
        ]
    return tuple(dict.fromkeys(found))
