"""Other issuers' JWTs -> who signed in: workloads (`identity.federated`), and the provider's access tokens
where `identity.oidc.audience` says so."""

from datetime import timedelta
from pathlib import Path

from infra.clock import Clock, now
from infra.config import Config, Federated, Oidc
from infra.identity.claims import meets, principal_of
from infra.identity.jwt import Claims, Expected, UnknownKey, moment, unverified
from infra.identity.provider import Fetch, Provider, fetch
from infra.identity.provisioning import Admit, everybody
from infra.identity.signed_in import Method, SignedIn, TokenRefused
from schemas.vocabulary import Principal

OLDEST = timedelta(hours=24)
"""A JWT that was issued earlier is refused: it could outlive the memory of a revocation."""


class Federation:
    """The issuers that the configuration trusts, and for what."""

    def __init__(
        self, config: Config, clock: Clock = now, fetch: Fetch = fetch, admit: Admit = everybody
    ) -> None:
        self._clock = clock
        self._admit = admit
        self._entries = config.identity.federated
        self._oidc = config.identity.oidc
        self._taken = taken_names(config)
        wanted = {(entry.issuer, entry.keys) for entry in self._entries}
        if self._oidc is not None:
            wanted.add((self._oidc.issuer, None))
        self._providers = {
            (issuer, keys): Provider(issuer, config.base / keys if keys is not None else None, clock, fetch)
            for issuer, keys in wanted
        }

    async def read(self, text: str, name: str = "") -> SignedIn:
        """Whose JWT this is; `name`: who they say they are. Raises TokenRefused."""
        _, claimed = unverified(text)
        issuer, audience = claimed.get("iss"), claimed.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        oidc = self._oidc
        if oidc is not None and oidc.issuer == issuer and oidc.audience in audiences and oidc.audience:
            claims = await self._verified(text, oidc, oidc.audience, None)
            principal = self._admit(principal_of(claims, oidc, self._taken))
            return _signed_in(principal, claims, Method.OIDC, oidc.clock_skew)
        entries = [e for e in self._entries if e.issuer == issuer and e.audience in audiences]
        if not entries:
            raise TokenRefused("tokens of this issuer for this audience are not accepted")
        return await self._of_entries(text, entries, name)

    async def _of_entries(self, text: str, entries: list[Federated], name: str) -> SignedIn:
        refusal = TokenRefused("no entry of identity.federated has the claims of this token")
        found: dict[Principal, SignedIn] = {}
        for entry in entries:
            try:
                claims = await self._verified(text, entry, entry.audience, entry.keys)
            except UnknownKey as unknown:  # clusters may share an issuer's name, each with its own keys
                refusal = unknown
                continue
            if meets(claims, entry) and name in ("", entry.principal):
                principal = Principal(entry.principal, entry.kind, entry.groups)
                found[principal] = _signed_in(principal, claims, Method.FEDERATED, entry.clock_skew)
        if not found:
            raise refusal
        if len(found) > 1:
            raise TokenRefused("the token is that of several principals: sign in with the name of one")
        return next(iter(found.values()))

    async def _verified(
        self, text: str, trusted: Federated | Oidc, audience: str, keys: Path | None
    ) -> Claims:
        provider = self._providers[trusted.issuer, keys]
        claims = await provider.verify(text, Expected(trusted.issuer, audience, trusted.clock_skew))
        if self._clock() - moment(claims, "iat") > OLDEST:
            raise TokenRefused("the token was issued more than 24 hours ago: use short-lived ones")
        return claims


def taken_names(config: Config) -> frozenset[str]:
    """The names that the configuration gives away: nobody has them by what a provider says."""
    users = (user.name for user in config.identity.users)
    return frozenset((*users, *(entry.principal for entry in config.identity.federated)))


def _signed_in(principal: Principal, claims: Claims, method: Method, leeway: timedelta) -> SignedIn:
    # Without an id of its own a token is known by whose it is and when it was issued.
    identifier = str(claims.get("jti", ""))
    sign_in = f"{claims['iss']} {identifier}" if identifier else ""
    return SignedIn(
        principal,
        method,
        moment(claims, "iat"),
        moment(claims, "exp") + leeway,
        sign_in,
        (sign_in,) if sign_in else (),
    )
