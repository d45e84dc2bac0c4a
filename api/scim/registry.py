"""Writes the directory: an event for each change, and the end of what somebody no longer has.

Tokens end *before* the entry is written, and those of the next moments with them: whoever fails in between is
asked again by the provider, and a process that has not heard yet gives out nothing that lasts.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import timedelta

from api.issuing import Issuing
from api.problems import unavailable
from api.scim.changes import Change
from infra.clock import Clock
from infra.identity import Provisioning
from infra.identity.directory import Directory
from infra.kafka.bus import Bus, BusUnavailable
from schemas.envelope import Envelope, envelope

_BY = "the identity provider (SCIM)"  # no name: it has white space
_UNHEARD = timedelta(seconds=2)  # within which every process has read what was written
_WITHIN = 10.0  # seconds until what was published is read back


class Registry:
    """The directory, for who may change it."""

    def __init__(
        self,
        provisioning: Provisioning,
        issuing: Issuing,
        bus: Bus,
        node: str,
        reserved: Collection[str],
        clock: Clock,
    ) -> None:
        self._provisioning = provisioning
        self._issuing = issuing
        self._bus = bus
        self._node = node
        self._clock = clock
        self._one_writes = asyncio.Lock()
        self.reserved = reserved

    @property
    def directory(self) -> Directory:
        """Raises Problem 503 while it cannot be read."""
        if not self._provisioning.is_current:
            raise unavailable("The directory cannot be read from Kafka now.")
        return self._provisioning.directory

    def counts(self, id: str) -> bool:
        """Whether being in this group gives anybody a group of ours."""
        group = self.directory.groups.get(id)
        return group is not None and bool(self._provisioning.ours(group))

    async def write(self, change: Callable[[Envelope], Change]) -> None:
        """Makes a change of what is there now, and returns once it counts here. Raises Problem."""
        async with self._one_writes:
            moment = self._clock()
            made = change(envelope(moment, self._node))
            await self._end(made)
            written = self._provisioning.expect(made.event)
            try:
                await self._bus.publish_durably(made.event)
                async with asyncio.timeout(_WITHIN):
                    await written
            except (BusUnavailable, TimeoutError) as error:
                raise unavailable("Kafka did not take the change, or does not give it back.") from error
            if self._clock() >= moment + _UNHEARD:
                await self._end(made)

    async def _end(self, made: Change) -> None:
        await asyncio.gather(
            *(self._issuing.revoke(name, _BY, made.reason, ahead=_UNHEARD) for name in made.ended)
        )
