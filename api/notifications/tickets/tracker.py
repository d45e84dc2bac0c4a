"""What keeps tickets: PagerDuty, Jira, ServiceNow."""

from dataclasses import dataclass
from typing import Any, Protocol

import httpx


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is told about a request: plain text without the command or a value. `key` is one for the request,
    however often it is told."""

    key: str
    title: str
    text: str
    link: str  # to the page


class Refused(Exception):
    """A tracker did not take something. `status` and `retry_after` as in HTTP."""

    def __init__(self, said: str, status: int | None = None, retry_after: str | None = None) -> None:
        super().__init__(said)
        self.status = status
        self.retry_after = retry_after


class Tracker(Protocol):
    """All raise httpx.HTTPError, and Refused."""

    async def find(self, key: str) -> str | None:
        """Where the ticket with this key is, should it be open already."""

    async def open(self, ticket: Ticket) -> str:
        """Opens one; where it is."""

    async def end(self, place: str, ticket: Ticket) -> None:
        """Says how the request ended, and ends the ticket where the configuration says so."""


async def asked(client: httpx.AsyncClient, method: str, url: str, **more: Any) -> Any:
    """The JSON that was answered; None where there is none. Raises httpx.HTTPError, Refused."""
    answer = await client.request(method, url, **more)
    if not answer.is_success:
        # Not what it says beside the status: that may repeat what it was sent.
        raise Refused(
            f"it answered {answer.status_code}", answer.status_code, answer.headers.get("retry-after")
        )
    try:
        return answer.json() if answer.content else None
    except ValueError as error:
        raise Refused("it answered something that is not JSON") from error
