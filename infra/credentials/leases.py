"""Credentials that are made for one session and end with it, whatever protocol they are for.

Each lives for a short time only and is renewed while its session lasts; what a gateway that died left behind
ends by itself, and is swept by the next. A protocol says how one is made (Maker); everything else is here.
"""

import asyncio
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import structlog

from infra.credentials.errors import CredentialUnavailable
from schemas.vocabulary import Principal

_log = structlog.get_logger()
_RENEWALS = 3  # in a lifetime, so that one that fails is not the end
_AT_MOST = 60.0  # seconds between two
_LAST_WORDS = 10.0  # seconds to give all back when the gateway stops

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a credential is made."""

    principal: Principal
    session: str


class Maker(Protocol[C]):
    """How credentials for one target are made; lifetimes are seconds. Methods raise CredentialUnavailable."""

    async def make(self, asker: Asker, lifetime: float) -> C:
        """One that ends by itself after `lifetime` at the latest."""

    async def used(self, credential: C, lifetime: float) -> None:
        """The target let its session in: nobody else may come in with it."""

    async def renew(self, credentials: list[C], lifetime: float) -> None:
        """They live for `lifetime` from now on."""

    async def end(self, credential: C) -> None:
        """It ends, and whatever still runs by it."""

    async def sweep(self) -> None:
        """What outlived its time ends, whoever made it."""


class Leases(Generic[C]):
    """Those of one target. `name`: of the resource, for the log."""

    def __init__(self, name: str, maker: Maker[C], lifetime: float) -> None:
        self._name = name
        self._maker = maker
        self._lifetime = lifetime
        self._held: set[C] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Sweeps now and from time to time, and renews what is held."""
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Gives back all that is held."""
        if self._task is not None:
            self._task.cancel()
        for credential in list(self._held):
            self.give_back(credential)
        if self._ending:
            await asyncio.wait(self._ending, timeout=_LAST_WORDS)

    async def take(self, asker: Asker) -> C:
        """One for this session. Raises CredentialUnavailable."""
        credential = await self._maker.make(asker, self._lifetime)
        self._held.add(credential)
        return credential

    async def used(self, credential: C) -> None:
        """Its session is signed in. Raises CredentialUnavailable."""
        await self._maker.used(credential, self._lifetime)

    def give_back(self, credential: C) -> None:
        """Its session is over. What cannot be ended now ends by itself, and is swept."""
        if credential not in self._held:
            return
        self._held.discard(credential)
        task = asyncio.create_task(self._end(credential))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, credential: C) -> None:
        try:
            await self._maker.end(credential)
        except CredentialUnavailable as error:
            _log.warning("credential.not_ended", resource=self._name, reason=error.reason)

    async def _keep(self) -> None:
        while True:
            try:
                if self._held:
                    await self._maker.renew(list(self._held), self._lifetime)
                await self._maker.sweep()
            except CredentialUnavailable as error:
                _log.warning("credential.not_renewed", resource=self._name, reason=error.reason)
            except Exception:
                # A bug here must not end renewing: sessions would end with it.
                _log.exception("credential.keeping_failed", resource=self._name)
            await asyncio.sleep(min(self._lifetime / _RENEWALS, _AT_MOST))
