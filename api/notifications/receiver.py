"""What takes messages: a webhook endpoint, a Slack channel. The notifier keeps and repeats for all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx

from api.inbox import Change
from api.notifications.outbox import Message


@dataclass(frozen=True, slots=True)
class Answer:
    """How a message was received. `status` and `retry_after`: as in HTTP, where there was an answer."""

    taken: bool
    said: str = ""
    status: int | None = None
    retry_after: str | None = None


class Receiver(Protocol):
    """One that is told."""

    @property
    def name(self) -> str: ...

    def maybe_payload(self, change: Change) -> str | None:
        """What it is told of this; None where it is not."""

    async def send(self, message: Message) -> Answer:
        """Sends one message, once."""


async def posted(
    client: httpx.AsyncClient, url: str, body: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """JSON to a webhook."""
    usual = {"content-type": "application/json", "user-agent": "countersign"}
    try:
        answer = await client.post(url, content=body, headers={**usual, **(headers or {})})
    except httpx.HTTPError as error:
        return Answer(False, f"it could not be reached: {type(error).__name__}")
    status = answer.status_code
    return Answer(answer.is_success, f"it answered {status}", status, answer.headers.get("retry-after"))
