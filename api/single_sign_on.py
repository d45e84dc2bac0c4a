"""Single sign-on with the OpenID provider of the configuration; the gateway is its client for everybody.

A browser goes there and comes back with a code (authorization code flow with PKCE); a terminal shows a link
and waits (device flow, RFC 8628). What either holds meanwhile is sealed; nothing is kept here. The client
secret and the provider's own tokens never leave the gateway in the clear.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
from authlib.common.security import generate_token
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from api.sealed import NotSealed, Seal
from infra.clock import Clock
from infra.config import Config, Oidc
from infra.identity.claims import find, has_groups, principal_of
from infra.identity.federation import taken_names
from infra.identity.jwt import Claims, Expected
from infra.identity.oidc_logout import ended_by, ends_of
from infra.identity.provider import Provider
from infra.identity.provisioning import Admit
from infra.identity.signed_in import IdentityUnavailable, Method, SignedIn, TokenRefused
from schemas.ids import uuid7

CALLBACK = "/sign-in/callback"
_ATTEMPT = "sign-in"  # what is sealed for whom
_DEVICE = "device code"
_REFRESH = "refresh token"
ATTEMPT_LASTS = timedelta(minutes=10)
_TIMEOUT = 10  # seconds
_HINT = "refresh_token"  # RFC 7009, section 2.1
_PENDING = ("authorization_pending", "slow_down")  # RFC 8628, section 3.5
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Pending(Exception):
    """The person has not confirmed yet. `error` is RFC 8628's word: authorization_pending or slow_down."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Device:
    """What a terminal shows and keeps while somebody signs in elsewhere (RFC 8628, section 3.2)."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who signed in, and what gets a new token for them later; empty where there is nothing."""

    signed_in: SignedIn
    refresh_token: str = ""


class SingleSignOn:
    """One provider, as its client."""

    def __init__(
        self, config: Config, oidc: Oidc, provider: Provider, admit: Admit, seal: Seal, clock: Clock
    ) -> None:
        self._oidc = oidc
        self.issuer = oidc.issuer
        self._admit = admit
        self._provider = provider
        self._seal = seal
        self._clock = clock
        self._secret = oidc.client_secret
        self._base = config.base
        self._taken = taken_names(config)
        self._lasts = config.identity.tokens.refresh
        self._lifetime = config.identity.tokens.lifetime
        self._scope = " ".join(oidc.scopes)
        self._callback = config.api_url + CALLBACK
        self._home = f"{config.api_url}/sign-in"

    async def begin(self, next: str) -> tuple[str, str]:
        """Where to send a browser, and what it must bring back. Raises IdentityUnavailable."""
        attempt = {"state": generate_token(43), "nonce": generate_token(43), "verifier": generate_token(64)}
        endpoint = await self._provider.endpoint("authorization_endpoint")
        asked = {
            "response_type": "code",
            "client_id": self._oidc.client_id,
            "redirect_uri": self._callback,
            "scope": self._scope,
            "state": attempt["state"],
            "nonce": attempt["nonce"],
            "code_challenge": create_s256_code_challenge(attempt["verifier"]),
            "code_challenge_method": "S256",
        }
        url = add_params_to_uri(endpoint, list(asked.items()))
        sealed = self._seal.seal(_ATTEMPT, {**attempt, "next": next}, self._clock() + ATTEMPT_LASTS)
        return url, sealed

    async def finish(self, attempt: str, answer: Mapping[str, str]) -> tuple[SignedIn, str]:
        """Who came back from the provider, and where they wanted to go. Raises TokenRefused."""
        kept = self._open(_ATTEMPT, attempt)
        # RFC 6749, section 10.12: the answer must be to what this very browser was sent for.
        if not hmac.compare_digest(str(answer.get("state", "")).encode(), kept["state"].encode()):
            raise TokenRefused("this browser did not ask to sign in, or asked again since")
        # RFC 9207, section 2.4.
        if "iss" in answer and answer["iss"] != self._oidc.issuer:
            raise TokenRefused("the answer is that of another identity provider")
        if "code" not in answer:
            raise TokenRefused(f"the identity provider refused: {_word(answer.get('error', 'no code'))}")
        tokens = await self._post(
            "token_endpoint",
            grant_type="authorization_code",
            code=answer["code"],
            redirect_uri=self._callback,
            code_verifier=kept["verifier"],
        )
        signed_in = (await self._arrival(tokens, nonce=kept["nonce"])).signed_in
        # A browser cannot be renewed unseen as a token is: the provider is asked again after as long.
        until = signed_in.since + self._lifetime
        return replace(signed_in, until=until), str(kept["next"])

    async def begin_device(self) -> Device:
        """A sign-in that a person confirms on another device. Raises TokenRefused."""
        # PKCE (RFC 7636), as for codes: some clients must use it. A provider that does not know it here
        # ignores it (RFC 6749, section 3.1).
        verifier = generate_token(64)
        said = await self._post(
            "device_authorization_endpoint",
            scope=self._scope,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        lasts = timedelta(seconds=int(said["expires_in"]))
        kept = {"code": said["device_code"], "verifier": verifier}
        return Device(
            device_code=self._seal.seal(_DEVICE, kept, self._clock() + lasts),
            user_code=said["user_code"],
            verification_uri=said["verification_uri"],
            verification_uri_complete=said.get("verification_uri_complete", ""),
            expires_in=int(said["expires_in"]),
            interval=int(said.get("interval", 5)),  # RFC 8628, section 3.2
        )

    async def finish_device(self, device_code: str) -> Arrival:
        """Who confirmed. Raises Pending while nobody has, TokenRefused."""
        kept = self._open(_DEVICE, device_code)
        tokens = await self._post(
            "token_endpoint",
            grant_type=_DEVICE_GRANT,
            device_code=kept["code"],
            code_verifier=kept["verifier"],
        )
        return await self._arrival(tokens)

    async def refresh(self, refresh_token: str) -> Arrival:
        """The same sign-in, with what the provider says about the person now. Raises TokenRefused."""
        kept = self._open(_REFRESH, refresh_token)
        since = datetime.fromisoformat(kept["since"])
        tokens = await self._post("token_endpoint", grant_type="refresh_token", refresh_token=kept["token"])
        return await self._arrival({"refresh_token": kept["token"], **tokens}, kept=kept, since=since)

    async def forget(self, refresh_token: str) -> None:
        """Has the provider end what it keeps for this sign-in, where it can (RFC 7009)."""
        kept = self._open(_REFRESH, refresh_token)
        if "revocation_endpoint" in await self._provider.metadata():
            await self._post("revocation_endpoint", token=kept["token"], token_type_hint=_HINT)

    async def ended(self, logout_token: str) -> str:
        """The id of what the provider says is over. Raises TokenRefused."""
        expected = Expected(self._oidc.issuer, self._oidc.client_id, self._oidc.clock_skew)
        claims = await self._provider.verify(logout_token, expected)
        return ended_by(self._oidc.issuer, claims, self._clock())

    async def leave(self) -> str:
        """Where a browser ends its session at the provider, too. Raises IdentityUnavailable.

        OpenID Connect RP-Initiated Logout 1.0, section 2. Without the ID token, which is not kept, the
        provider asks the person whether they mean it.
        """
        endpoint = await self._provider.endpoint("end_session_endpoint")
        asked = {"client_id": self._oidc.client_id, "post_logout_redirect_uri": self._home}
        return str(add_params_to_uri(endpoint, list(asked.items())))

    async def _arrival(
        self,
        tokens: Mapping[str, Any],
        *,
        nonce: str = "",
        kept: Mapping[str, Any] | None = None,
        since: datetime | None = None,
    ) -> Arrival:
        """`kept`, `since`: of the sign-in that is refreshed."""
        claims = await self._claims(tokens, nonce, kept)
        principal = self._admit(principal_of(claims, self._oidc, self._taken))
        if kept is not None and (claims.get("sub"), principal.name) != (kept["sub"], kept["name"]):
            raise TokenRefused("the identity provider names somebody else now: sign in again")
        since = since or self._clock()
        until = since + self._lasts
        sign_in = str(kept["sign_in"]) if kept is not None else uuid7(since)
        ends = ends_of(self._oidc.issuer, claims) or tuple(kept.get("ends", ()) if kept is not None else ())
        signed_in = SignedIn(principal, Method.OIDC, since, until, sign_in, (*ends, sign_in))
        if "refresh_token" not in tokens:
            return Arrival(signed_in)
        remembered = {
            "token": tokens["refresh_token"],
            "sub": claims["sub"],
            "name": principal.name,
            "since": since.isoformat(),
            "sign_in": sign_in,
            "ends": ends,
        }
        return Arrival(signed_in, self._seal.seal(_REFRESH, remembered, until))

    async def _claims(self, tokens: Mapping[str, Any], nonce: str, kept: Mapping[str, Any] | None) -> Claims:
        text = tokens.get("id_token")
        claims: Claims = {}
        if isinstance(text, str):
            expected = Expected(self._oidc.issuer, self._oidc.client_id, self._oidc.clock_skew)
            claims = await self._provider.verify(text, expected)
            self._check(claims, nonce)
        elif kept is None:  # OpenID Connect Core 1.0, section 12.2: a refresh may go without one
            raise TokenRefused("the identity provider sent no ID token: is the scope openid permitted?")
        if find(claims, self._oidc.name_claim) is None or not has_groups(claims, self._oidc):
            more = await self._user_info(str(tokens["access_token"]))
            # Section 5.3.2: another subject's answer "MUST NOT be used".
            if more.get("sub") != claims.get("sub", kept["sub"] if kept is not None else None):
                raise TokenRefused("the identity provider's answers are about different persons")
            claims = {**more, **claims}
        return claims

    def _check(self, claims: Claims, nonce: str) -> None:
        # OpenID Connect Core 1.0, section 3.1.3.7, steps 4, 5 and 11.
        audience, party = claims.get("aud"), claims.get("azp")
        names_party = party is not None or (isinstance(audience, list) and len(audience) > 1)
        if names_party and party != self._oidc.client_id:
            raise TokenRefused("the token was issued to another client")
        if nonce and not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise TokenRefused("the token answers another sign-in")

    async def _user_info(self, access_token: str) -> dict[str, Any]:
        endpoint = await self._provider.endpoint("userinfo_endpoint")
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT) as client:
                answer = await client.get(endpoint, headers={"Authorization": f"Bearer {access_token}"})
                answer.raise_for_status()
                said = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise IdentityUnavailable("the identity provider says nothing about the person") from error
        if not isinstance(said, dict):
            raise TokenRefused("the identity provider's userinfo is not a JSON object")
        return said

    async def _post(self, endpoint: str, **form: str) -> Mapping[str, Any]:
        """What the provider answers its client. Raises TokenRefused, Pending."""
        url = await self._provider.endpoint(endpoint)
        secret = self._secret.read(self._base) if self._secret is not None else None
        # RFC 6749, section 2.3.1: what every provider takes; a public client has nothing to prove.
        auth = httpx.BasicAuth(quote(self._oidc.client_id), quote(secret)) if secret is not None else None
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT, auth=auth) as client:
                answer = await client.post(url, data={"client_id": self._oidc.client_id, **form})
            said = answer.json() if answer.content else {}
        except (httpx.HTTPError, ValueError) as error:
            raise IdentityUnavailable("the identity provider does not answer") from error
        if not isinstance(said, dict):
            raise TokenRefused("the identity provider's answer is not a JSON object")
        if answer.is_success:
            return said
        if said.get("error") in _PENDING:
            raise Pending(said["error"])
        raise TokenRefused(f"the identity provider refused: {_word(said.get('error', answer.status_code))}")

    def _open(self, purpose: str, text: str) -> dict[str, Any]:
        try:
            return self._seal.open(purpose, text, self._clock())
        except NotSealed as error:
            raise TokenRefused(str(error)) from error


def _word(error: object) -> str:
    """An error code of RFC 6749, section 5.2; anything else could be foreign text."""
    text = str(error)
    return text if text.replace("_", "").isalnum() and len(text) < 60 else "for a reason of its own"
