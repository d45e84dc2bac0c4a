"""Access tokens for an API that wants OAuth 2, which the gateway gets by its own client credentials."""

from ssl import SSLContext

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from infra.config.resources import OAuth2Credentials
from infra.credentials import Secrets
from ingress.errors import TargetError
from ingress.web.credentials import Granted, Renewed, bearer, forms_of

_RENEWED_BEFORE = 30.0  # seconds of an access token's life that are not used
_LIFE = 300.0  # seconds, where the server does not say


class ClientCredentials:
    """Access tokens by the client-credentials grant (RFC 6749, section 4.4), each used until it expires."""

    sets_authorization = True

    def __init__(self, credentials: OAuth2Credentials, secrets: Secrets, tls: SSLContext | None) -> None:
        self._secrets = secrets
        self._credentials = credentials
        self._tls = tls
        self._token = Renewed(self._renew)

    async def current(self) -> Granted:
        """A token that is good now. Raises TargetError, CredentialUnavailable."""
        return await self._token.current()

    def forget(self) -> None:
        """The target refused it."""
        self._token.forget()

    async def _renew(self) -> tuple[Granted, float]:
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
        life = float(token.get("expires_in") or _LIFE)
        return Granted(access.fields, access.secrets + forms_of(secret)), life - _RENEWED_BEFORE
