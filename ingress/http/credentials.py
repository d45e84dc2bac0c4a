"""What the gateway puts into each request for an API, and must never show: its credential there."""

import asyncio
import base64
import time
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from urllib.parse import quote

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from infra.config.resources import HttpCredentials, OAuth2Credentials
from ingress.errors import TargetError
from ingress.http.fields import Field

_RENEWED_BEFORE = 30.0  # seconds of an access token's life that are not used
_LIFE = 300.0  # seconds, where the server does not say


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
        return _bearer(credentials.bearer.read(base))
    if credentials.basic is not None:
        password = credentials.basic.password.read(base)
        # RFC 7617, section 2.
        pair = base64.b64encode(f"{credentials.basic.user}:{password}".encode())
        return Granted(((b"authorization", b"Basic " + pair),), _forms(password, pair.decode()))
    if credentials.header is not None:
        value = credentials.header.value.read(base)
        return Granted(((credentials.header.name.lower().encode(), value.encode()),), _forms(value))
    return Granted()


class ClientCredentials:
    """Access tokens by the client-credentials grant (RFC 6749, section 4.4), each used until it expires."""

    def __init__(self, credentials: OAuth2Credentials, base: Path, tls: SSLContext | None) -> None:
        self._secret = credentials.client_secret.read(base)
        self._credentials = credentials
        self._tls = tls
        self._lock = asyncio.Lock()
        self._granted = Granted()
        self._until = 0.0

    async def current(self) -> Granted:
        """A token that is good now. Raises TargetError."""
        async with self._lock:
            if time.monotonic() >= self._until:
                await self._renew()
            return self._granted

    def forget(self) -> None:
        """The target refused it: the next request gets another."""
        self._until = 0.0

    async def _renew(self) -> None:
        wanted = self._credentials
        async with AsyncOAuth2Client(
            wanted.client_id,
            self._secret,
            scope=wanted.scope or None,
            verify=self._tls if self._tls is not None else True,
            trust_env=False,
        ) as client:
            try:
                token = await client.fetch_token(wanted.token_url, grant_type="client_credentials")
            except (httpx.HTTPError, OAuthError, ValueError) as error:
                raise TargetError("the gateway gets no token for this API", type(error).__name__) from error
        bearer = _bearer(str(token["access_token"]))
        self._granted = Granted(bearer.fields, bearer.secrets + _forms(self._secret))
        self._until = time.monotonic() + float(token.get("expires_in") or _LIFE) - _RENEWED_BEFORE


def _bearer(token: str) -> Granted:
    return Granted(((b"authorization", f"Bearer {token}".encode()),), _forms(token))


def _forms(*secrets: str) -> tuple[bytes, ...]:
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
