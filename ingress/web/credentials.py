"""What the gateway puts into each request for an API, and must never show: its credential there."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from infra.config import StoredSecret
from infra.config.resources import HttpCredentials
from infra.credentials import Secrets
from ingress.web.fields import Field


@dataclass(frozen=True, slots=True)
class Granted:
    """The header fields of one request, and the secrets in them. `sign`: what makes a signed request of one
    that is ready to be sent, where the credential is of that kind."""

    fields: tuple[Field, ...] = ()
    secrets: tuple[bytes, ...] = ()
    sign: "Sign | None" = None

    @property
    def names(self) -> frozenset[bytes]:
        return frozenset(name for name, _ in self.fields)

    def applied(self, method: str, target: str, fields: tuple[Field, ...], body: bytes | None) -> "Granted":
        """All header fields of a request that is sent so, and the secrets in them. `body`: None where it is
        not known as a whole."""
        names = self.names
        fields = (*(one for one in fields if one[0] not in names), *self.fields)
        if self.sign is None:
            return Granted(fields, self.secrets)
        signed = self.sign(method, target, fields, body)
        return Granted(signed.fields, (*self.secrets, *signed.secrets))


Sign = Callable[[str, str, tuple[Field, ...], bytes | None], Granted]
"""Method, target, header fields and body of a request -> its header fields with the signature."""


class Stored:
    """A credential that somebody else renews. `current` reads it, so that one that was rotated counts."""

    def __init__(self, credentials: HttpCredentials, secrets: Secrets) -> None:
        self._credentials = credentials
        self._secrets = secrets
        self._refused = False

    @property
    def sets_authorization(self) -> bool:
        """Whether Authorization is the gateway's to send."""
        header = self._credentials.header
        names_it = header is not None and header.name.lower() == "authorization"
        return self._credentials.bearer is not None or self._credentials.basic is not None or names_it

    async def current(self) -> Granted:
        """For one request. Raises CredentialUnavailable."""
        credentials = self._credentials
        if credentials.bearer is not None:
            return bearer(await self._read(credentials.bearer))
        if credentials.basic is not None:
            password = await self._read(credentials.basic.password)
            # RFC 7617, section 2.
            pair = base64.b64encode(f"{credentials.basic.user}:{password}".encode())
            return Granted(((b"authorization", b"Basic " + pair),), forms_of(password, pair.decode()))
        if credentials.header is not None:
            value = await self._read(credentials.header.value)
            return Granted(((credentials.header.name.lower().encode(), value.encode()),), forms_of(value))
        return Granted()

    def forget(self) -> None:
        """The target refused it: the next request asks whoever keeps it."""
        self._refused = True

    async def _read(self, secret: StoredSecret) -> str:
        fresh, self._refused = self._refused, False
        return await self._secrets.read(secret, fresh=fresh)


class Renewed:
    """A credential that lives for a time. `renew`: another one, and for how many seconds it may be used."""

    def __init__(self, renew: Callable[[], Awaitable[tuple[Granted, float]]]) -> None:
        self._renew = renew
        self._lock = asyncio.Lock()
        self._granted = Granted()
        self._until = 0.0

    async def current(self) -> Granted:
        """One that is good now. Raises what `renew` raises."""
        async with self._lock:
            if time.monotonic() >= self._until:
                self._granted, seconds = await self._renew()
                self._until = time.monotonic() + seconds
            return self._granted

    def forget(self) -> None:
        """The target refused it: the next request gets another."""
        self._until = 0.0


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
