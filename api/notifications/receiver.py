"""What takes messages: a webhook endpoint, a Slack channel. The notifier keeps and repeats for all."""

from dataclasses import dataclass
from typing import Protocol

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
