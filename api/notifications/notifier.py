"""Follows the approvals, fills the outbox, and sends what is due. One process of a state folder does."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import structlog

from api.feed import Behind, Feed
from api.inbox import Change
from api.notifications.backoff import GONE, next_attempt
from api.notifications.outbox import Message, Outbox
from api.notifications.payload import TOLD, is_for, message_id, payload
from api.notifications.signature import parse_secret, signed_headers
from api.stream import backlog, reached
from infra import filelock
from infra.clock import Clock, now
from infra.config import Config, ConfigError, WebhookEndpoint

_TIMEOUT = httpx.Timeout(15)  # seconds that a receiver may take (Standard Webhooks: 15 to 30)
_AT_ONCE = 8
_MOST_SAID = 200  # characters of a reason

log = structlog.get_logger()


class Notifier:
    """Tells these endpoints. `run` runs for ever."""

    def __init__(self, config: Config, feed: Feed, outbox: Outbox, clock: Clock = now) -> None:
        self._endpoints = {endpoint.name: endpoint for endpoint in config.notifications.webhooks}
        self._keys = {name: _key(endpoint, config.base) for name, endpoint in self._endpoints.items()}
        self._url = config.api_url
        self._lock = config.state / "notifications.lock"
        self._feed = feed
        self._outbox = outbox
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
            Message(name, message_id(change), payload(change, self._url), self._clock())
            for change in changes
            if change.kind in TOLD
            for name, endpoint in self._endpoints.items()
            if is_for(endpoint, change)
        ]
        self._outbox.add(messages, seen)
        if messages:
            self.wake()

    async def _empty(self) -> None:
        async with httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False) as client:
            while True:
                self._is_filled.clear()
                due = self._outbox.due(self._clock(), _AT_ONCE)
                if due:
                    await asyncio.gather(*(self._send(client, message) for message in due))
                    continue
                following = self._outbox.next_due()
                wait = (following - self._clock()).total_seconds() if following is not None else None
                try:
                    async with asyncio.timeout(wait):
                        await self._is_filled.wait()
                except TimeoutError:
                    continue

    async def _send(self, client: httpx.AsyncClient, message: Message) -> None:
        endpoint = self._endpoints.get(message.endpoint)
        if endpoint is None:
            return self._outbox.not_taken(message, "the configuration has no such endpoint", None)
        headers = signed_headers(self._keys[endpoint.name], message.id, message.body, self._clock())
        status, retry_after = None, None
        try:
            answer = await client.post(
                endpoint.url,
                content=message.body,
                headers={"content-type": "application/json", "user-agent": "countersign", **headers},
            )
            status, retry_after = answer.status_code, answer.headers.get("retry-after")
            said = f"it answered {status}"
            if answer.is_success:
                return self._outbox.taken(message)
        except httpx.HTTPError as error:
            said = f"it could not be reached: {type(error).__name__}"
        wait = next_attempt(message.attempts + 1, status, retry_after)
        self._outbox.not_taken(message, said[:_MOST_SAID], self._again(wait))
        if wait is None:
            what = "notification_refused_for_good" if status == GONE else "notification_dead"
            log.error(what, endpoint=endpoint.name, id=message.id, said=said)
        return None

    def _again(self, wait: timedelta | None) -> datetime | None:
        return self._clock() + wait if wait is not None else None


def _key(endpoint: WebhookEndpoint, base: Path) -> bytes:
    try:
        return parse_secret(endpoint.secret.read(base))
    except ValueError as error:
        raise ConfigError([f"notifications.webhooks: the secret of {endpoint.name}: {error}"]) from error
