"""One webhook endpoint: a signed POST (Standard Webhooks 1.0.0)."""

from pathlib import Path

import httpx

from api.inbox import Change
from api.notifications.outbox import Message
from api.notifications.payload import is_for, payload
from api.notifications.receiver import Answer, posted
from api.notifications.signature import parse_secret, signed_headers
from infra.clock import Clock
from infra.config import ConfigError, WebhookEndpoint


class Webhook:
    """Raises ConfigError where its secret is none. `url`: of the gateway's page, for links."""

    def __init__(
        self, endpoint: WebhookEndpoint, base: Path, url: str, client: httpx.AsyncClient, clock: Clock
    ) -> None:
        self._endpoint = endpoint
        self._url = url
        self._client = client
        self._clock = clock
        try:
            self._key = parse_secret(endpoint.secret.read(base))
        except ValueError as error:
            raise ConfigError([f"notifications.webhooks: the secret of {endpoint.name}: {error}"]) from error

    @property
    def name(self) -> str:
        return self._endpoint.name

    def maybe_payload(self, change: Change) -> str | None:
        return payload(change, self._url) if is_for(self._endpoint, change) else None

    async def send(self, message: Message) -> Answer:
        headers = signed_headers(self._key, message.id, message.body, self._clock())
        return await posted(self._client, self._endpoint.url, message.body, headers)
