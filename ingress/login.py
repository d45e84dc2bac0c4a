"""The steps of a login that all protocols share; a protocol supplies the wording."""

from typing import TypeVar

import structlog

from infra.config import Config, HttpResource, KubernetesResource, PostgresResource, SshResource
from infra.identity import (
    Identities,
    IdentityUnavailable,
    SignedIn,
    TokenRefused,
    TooManyGuesses,
    WrongToken,
)
from ingress.errors import LoginRefused

R = TypeVar("R", PostgresResource, SshResource, HttpResource, KubernetesResource)

_log = structlog.get_logger()


class Login:
    """Who may come in, and to what."""

    def __init__(self, config: Config, identities: Identities) -> None:
        self._config = config
        self._identities = identities

    async def sign_in(self, name: str, token: str, host: str) -> SignedIn:
        """Who signed in. Raises LoginRefused; a wrong name and a wrong token look alike."""
        try:
            return await self._identities.authenticate(name, token, host)
        except TokenRefused as refused:
            _log.warning("login.refused", principal=name, host=host, reason=str(refused))
            raise _refused(name, refused) from refused

    async def sign_in_by_token(self, token: str, host: str) -> SignedIn:
        """As `sign_in`, for protocols whose clients give no name: the token alone, or "NAME:TOKEN"."""
        try:
            return await self._identities.authenticate_token(token, host)
        except TokenRefused as refused:
            _log.warning("login.refused", host=host, reason=str(refused))
            raise _refused("", refused) from refused

    def sign_in_by_certificate(self, name: str, blob: bytes, host: str) -> SignedIn:
        """As `sign_in`, by an SSH certificate of the gateway's whose key the client has shown to have."""
        try:
            return self._identities.authenticate_certificate(name, blob)
        except TokenRefused as refused:
            _log.warning("login.refused", principal=name, host=host, reason=str(refused))
            raise _refused(name, refused) from refused

    def trusts_authority(self, authority: object) -> bool:
        """Whether certificates of this public key are the gateway's."""
        return self._identities.certificates.trusts(authority)

    def resource(self, name: str, kind: type[R]) -> R:
        """The resource of this kind that a principal asked for. Raises LoginRefused."""
        resource = self._config.resource(name)
        if not isinstance(resource, kind):
            raise LoginRefused(
                f'database "{name}" is not a resource of this gateway',
                "3D000",
                "Name a resource of the gateway's configuration as the database.",
            )
        return resource


def _refused(name: str, refused: TokenRefused) -> LoginRefused:
    user = f'user "{name}"' if name else "the caller"
    match refused:
        case TooManyGuesses():
            hint = "Then use the right token. Clients that have shown it before are not held back."
            return LoginRefused(f"{user}: {refused}", "28000", hint)
        case IdentityUnavailable():
            hint = "Try again; if it happens again, tell whoever runs the gateway."
            return LoginRefused(f"{user} cannot be signed in now: {refused}", "57P03", hint)
        case WrongToken():
            message = f"the token of {user} is not right, or has expired"
            hint = "Countersign takes the gateway token as the password, never the target's own."
            return LoginRefused(message, "28P01", hint)
        case _:
            hint = "Show another: `countersign login` gets one where there is single sign-on."
            return LoginRefused(f"{user} is not let in: {refused}", "28P01", hint)
