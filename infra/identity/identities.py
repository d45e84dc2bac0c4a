"""Who asks: a name and what they show, or what they show alone -> who signed in.

What has the form of a JWT is a token of the gateway's own or of an issuer that the configuration trusts;
all else is tried as the token of a user of the configuration.
"""

from datetime import timedelta

from infra.clock import Clock, now
from infra.config import Config
from infra.identity.federation import OLDEST, Federation
from infra.identity.jwt import looks_like_jwt
from infra.identity.provisioning import Admit, Provisioning, everybody
from infra.identity.revocations import Revocations
from infra.identity.signed_in import SignedIn, TokenRefused
from infra.identity.ssh_certificates import CertificateReader
from infra.identity.tokens import TokenReader, is_own
from infra.identity.users import Users
from infra.keys import token_keys
from infra.ssh_keys import ssh_user_cas

WEB_SESSION = timedelta(hours=8)
"""How long a browser that signed in with a token stays signed in."""


class Identities:
    """Every way in of one configuration."""

    def __init__(
        self,
        users: Users,
        reader: TokenReader,
        certificates: CertificateReader,
        federation: Federation,
        revocations: Revocations,
    ) -> None:
        self._users = users
        self._reader = reader
        self.certificates = certificates
        self._federation = federation
        self._revocations = revocations

    async def authenticate(self, name: str, token: str, address: str = "") -> SignedIn:
        """Who signs in as `name`, from `address`. Raises TokenRefused."""
        if not looks_like_jwt(token):
            return await self._users.authenticate(name, token, address)
        signed_in = await self._jwt(token, name)
        if signed_in.principal.name != name:
            raise TokenRefused(f'the token is not that of "{name}"')
        return signed_in

    async def authenticate_token(self, token: str, address: str = "") -> SignedIn:
        """Whose bearer token this is: "NAME:TOKEN", or the token alone. Raises TokenRefused."""
        name, colon, rest = token.partition(":")
        if colon:
            return await self.authenticate(name, rest, address)
        if looks_like_jwt(token):
            return await self._jwt(token)
        return await self._users.authenticate_token(token, address)

    def authenticate_certificate(self, name: str, blob: bytes) -> SignedIn:
        """Who signs in as `name` with an SSH certificate of the gateway's. Raises TokenRefused."""
        signed_in = self.certificates.read(blob, name)
        self._revocations.check(signed_in)
        return signed_in

    async def _jwt(self, token: str, name: str = "") -> SignedIn:
        if is_own(token):
            signed_in = self._reader.read(token)
        else:
            signed_in = await self._federation.read(token, name)
        self._revocations.check(signed_in)
        return signed_in


def identities_of(
    config: Config, revocations: Revocations, admit: Admit = everybody, clock: Clock = now
) -> Identities:
    """What this configuration and the keys under its state folder say. Raises ConfigError."""
    return Identities(
        Users(config.identity.users, clock),
        TokenReader(token_keys(config.state), clock),
        CertificateReader(ssh_user_cas(config.state), clock),
        Federation(config, clock, admit=admit),
        revocations,
    )


def provisioning_of(config: Config, clock: Clock = now) -> Provisioning | None:
    """The directory of who may come in, where the identity provider keeps one here."""
    identity = config.identity
    if identity.scim is None:
        return None
    providers = (identity.oidc, identity.saml)
    agents = [group for provider in providers if provider is not None for group in provider.agent_groups]
    return Provisioning(identity.scim, agents, clock)


def revocations_of(config: Config, clock: Clock = now) -> Revocations:
    """What remembers revocations for as long as this configuration needs."""
    tokens = config.identity.tokens
    longest = max(tokens.lifetime, tokens.refresh, OLDEST, WEB_SESSION)
    return Revocations(longest + timedelta(hours=1), clock)
