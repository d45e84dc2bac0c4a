"""Follows the approvals, fills the outbox, and sends what is due. One process of a state folder does."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from api.feed import Behind, Feed
from api.inbox import Change
from api.notifications.backoff import next_attempt
from api.notifications.outbox import Message, Outbox
from api.notifications.payload import TOLD, message_id
from api.notifications.receiver import Receiver
from api.stream import backlog, reached
from infra import filelock
from infra.clock import Clock, now

_AT_ONCE = 8

log = structlog.get_logger()


class Notifier:
    """Tells these receivers. `run` runs for ever; `lock` is held by the one process that does."""

    def __init__(
        self, receivers: Sequence[Receiver], feed: Feed, outbox: Outbox, lock: Path, clock: Clock = now
    ) -> None:
        self._receivers = {receiver.name: receiver for receiver in receivers}
        self._feed = feed
        self._outbox = outbox
        self._lock = lock
        self._clock = clock
        self._is_filled = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled; waits while another process of this state folder does it."""
        async with filelock.alone(self._lock), asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fill())
            tasks.create_task(self._empty())

    def wake(self) -> None:
        """Something became due."""
        self._is_filled.set()

    async def _fill(self) -> None:
        while True:
            with self._feed.listen() as listener:
                await self._feed.read_up.wait()
                # At the very first start, what waits is told; what was settled before is not.
                seen = self._outbox.seen
                furthest = reached(self._feed.inbox, seen)
                self._keep(backlog(self._feed.inbox, seen), furthest)
                try:
                    while True:
                        change = await listener.next()
                        place = change.position
                        if place.offset > furthest.get(place.partition, -1):
                            furthest[place.partition] = place.offset
                            self._keep([change], {place.partition: place.offset})
                except Behind:
                    continue

    def _keep(self, changes: list[Change], seen: Mapping[int, int]) -> None:
        messages = [
            Message(receiver.name, message_id(change), body, self._clock())
            for change in changes
            if change.kind in TOLD
            for receiver in self._receivers.values()
            if (body := receiver.maybe_payload(change)) is not None
        ]
        self._outbox.add(messages, seen)
        if messages:
            self.wake()

    async def _empty(self) -> None:
        while True:
            self._is_filled.clear()
            due = self._outbox.due(self._clock(), _AT_ONCE)
            if due:
                await asyncio.gather(*(self._send(message) for message in due))
                continue
            following = self._outbox.next_due()
            wait = (following - self._clock()).total_seconds() if following is not None else None
            try:
                async with asyncio.timeout(wait):
                    await self._is_filled.wait()
            except TimeoutError:
                continue

    async def _send(self, message: Message) -> None:
        receiver = self._receivers.get(message.endpoint)
        if receiver is None:
            return self._outbox.not_taken(message, "the configuration has no such receiver", None)
        answer = await receiver.send(message)
        if answer.taken:
            return self._outbox.taken(message)
        wait = next_attempt(message.attempts + 1, answer.status, answer.retry_after)
        again_at = self._clock() + wait if wait is not None else None
        self._outbox.not_taken(message, answer.said, again_at)
        if again_at is None:
            log.error("notification_dead", endpoint=receiver.name, id=message.id, reason=answer.said)
        return None
