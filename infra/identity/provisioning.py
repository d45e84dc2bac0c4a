"""Who of those that sign in may come in, where the identity provider says so (SCIM): `identity.scim`.

Persons of single sign-on must be in the directory, and active there; its groups are theirs as well. Before
the topic is read up nobody can say who is, so nobody is let in by it.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from infra.clock import Clock, now
from infra.config import Scim
from infra.identity.directory import Directory, DirectoryGroup
from infra.identity.signed_in import IdentityUnavailable, TokenRefused
from infra.kafka.bus import Bus, Received
from infra.kafka.following import Following
from schemas.events import Event
from schemas.topics import DIRECTORY
from schemas.vocabulary import Principal, PrincipalKind

Admit = Callable[[Principal], Principal]
"""Whoever single sign-on names -> the principal that they are here. Raises TokenRefused."""


def everybody(principal: Principal) -> Principal:
    """Admits whom the provider signs in, where it provisions nobody."""
    return principal


class NotProvisioned(TokenRefused):
    """The identity provider has not provisioned this person, or has taken them out."""


class Provisioning:
    """The directory as Kafka has it. `follow` keeps it up to date."""

    def __init__(self, scim: Scim, agent_groups: Iterable[str], clock: Clock = now) -> None:
        self._names = scim.groups
        self._agent_groups = frozenset(agent_groups)
        self._clock = clock
        self._following: Following | None = None
        self._next = 0  # the offset after the last event that was taken
        self._awaited: dict[str, asyncio.Future[None]] = {}  # by the id of an event
        self.directory = Directory()

    @property
    def is_current(self) -> bool:
        return self._following is not None and self._following.is_current

    async def follow(self, bus: Bus) -> None:
        """Reads the topic until it is cancelled. `bus` is, or will be, connected."""
        self._following = Following(bus, DIRECTORY, None, self.take, self._clock)
        await self._following.run()

    def take(self, received: Received) -> None:
        """Takes in one event of the topic; again after a lost connection, from the first: once is enough."""
        if received.offset < self._next:
            return
        self._next = received.offset + 1
        self.directory.apply(received.event)
        awaited = self._awaited.pop(received.event.envelope.id, None)
        if awaited is not None and not awaited.done():
            awaited.set_result(None)

    def expect(self, event: Event) -> asyncio.Future[None]:
        """Done once this event, which is about to be published, was read back."""
        self._awaited[event.envelope.id] = future = asyncio.get_running_loop().create_future()
        return future

    def admit(self, principal: Principal) -> Principal:
        """The principal with the name and the groups of the directory. Raises NotProvisioned,
        IdentityUnavailable."""
        if not self.is_current:
            raise IdentityUnavailable("who is provisioned cannot be read from Kafka")
        user = self.directory.user(principal.name)
        if user is None or not user.is_active:
            raise NotProvisioned(f'"{principal.name}" is not provisioned by the identity provider (SCIM)')
        ours = (self.ours(group) for group in self.directory.groups_of(user))
        groups = {*principal.groups, *(group for group in ours if group)}
        is_agent = not groups.isdisjoint(self._agent_groups)
        kind = PrincipalKind.AGENT if is_agent else PrincipalKind.PERSON
        # Revocations name whom the directory names: its spelling is what counts.
        return replace(principal, name=user.name, kind=kind, groups=tuple(sorted(groups)))

    def ours(self, group: DirectoryGroup) -> str:
        """What a group of the directory is called here; empty where it does not count."""
        return group.name if self._names is None else self._names.get(group.name, "")
