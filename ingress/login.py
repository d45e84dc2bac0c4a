"""The steps of a login that all protocols share; a protocol supplies the wording."""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from typing import TypeVar

import structlog

from infra.config import Config, HttpResource, PostgresResource, SshResource
from infra.identity import Identities
from ingress.errors import LoginRefused
from schemas.vocabulary import Principal

R = TypeVar("R", PostgresResource, SshResource, HttpResource)

_log = structlog.get_logger()
_REMEMBERED = 10_000  # addresses and names with failures
_FREE = 3  # failures before the next answer is delayed
_LONGEST = 5.0  # seconds


class Login:
    """Who may come in. Repeated failures of a name from an address are answered ever more slowly."""

    def __init__(self, config: Config, identities: Identities) -> None:
        self._config = config
        self._identities = identities
        self._failures: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def sign_in(self, name: str, token: str, host: str) -> Principal:
        """The principal. Raises LoginRefused; a wrong name and a wrong token look alike."""
        return await self._let_in(
            name,
            host,
            self._identities.authenticate(name, token),
            LoginRefused(
                f'the token of user "{name}" is not right, or has expired',
                "28P01",
                "Countersign takes the gateway token as the password, never the target's own.",
            ),
        )

    async def sign_in_by_token(self, token: str, host: str) -> Principal:
        """As `sign_in`, for protocols whose clients give no name: the token alone, or "NAME:TOKEN"."""
        return await self._let_in(
            "",
            host,
            self._identities.authenticate_token(token),
            LoginRefused("the token is not right, or has expired", "401", "Send the gateway's token."),
        )

    async def _let_in(
        self,
        name: str,
        host: str,
        authenticated: Coroutine[None, None, Principal | None],
        refused: LoginRefused,
    ) -> Principal:
        key = (name, host)
        failures = self._failures.get(key, 0)
        if failures >= _FREE and name:
            await asyncio.sleep(min(_LONGEST, 0.25 * 2 ** (failures - _FREE)))
        principal = await authenticated
        if principal is None:
            self._failures[key] = failures + 1
            self._failures.move_to_end(key)
            if len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)
            _log.warning("login.refused", principal=name, host=host)
            if failures >= _FREE and not name:
                # A good token must not wait for others' bad ones: which it is shows only now.
                await asyncio.sleep(min(_LONGEST, 0.25 * 2 ** (failures - _FREE)))
            raise refused
        self._failures.pop(key, None)
        return principal

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
