"""Access tokens for an API that wants OAuth 2, which the gateway gets by its own client credentials."""

import asyncio
import time
from ssl import SSLContext

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from infra.config.resources import OAuth2Credentials
from infra.credentials import Secrets
from ingress.errors import TargetError
from ingress.web.credentials import Granted, bearer, forms_of

_RENEWED_BEFORE = 30.0  # seconds of an access token's life that are not used
_LIFE = 300.0  # seconds, where the server does not say


class ClientCredentials:
    """Access tokens by the client-credentials grant (RFC 6749, section 4.4), each used until it expires."""

    sets_authorization = True

    def __init__(self, credentials: OAuth2Credentials, secrets: Secrets, tls: SSLContext | None) -> None:
        self._secrets = secrets
        self._credentials = credentials
        self._tls = tls
        self._lock = asyncio.Lock()
        self._granted = Granted()
        self._until = 0.0

    async def current(self) -> Granted:
        """A token that is good now. Raises TargetError, CredentialUnavailable."""
        async with self._lock:
            if time.monotonic() >= self._until:
                await self._renew()
            return self._granted

    def forget(self) -> None:
        """The target refused it: the next request gets another."""
        self._until = 0.0

    async def _renew(self) -> None:
        wanted = self._credentials
        secret = await self._secrets.read(wanted.client_secret)
        async with AsyncOAuth2Client(
            wanted.client_id,
            secret,
            scope=wanted.scope or None,
            verify=self._tls if self._tls is not None else True,
            trust_env=False,
        ) as client:
            try:
                token = await client.fetch_token(wanted.token_url, grant_type="client_credentials")
            except (httpx.HTTPError, OAuthError, ValueError) as error:
                raise TargetError("the gateway gets no token for this API", type(error).__name__) from error
        access = bearer(str(token["access_token"]))
        self._granted = Granted(access.fields, access.secrets + forms_of(secret))
        self._until = time.monotonic() + float(token.get("expires_in") or _LIFE) - _RENEWED_BEFORE
