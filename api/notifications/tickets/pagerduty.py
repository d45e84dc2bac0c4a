"""PagerDuty: an alert that is triggered, and resolved (Events API v2).

https://developer.pagerduty.com/docs/send-alert-event
"""

from pathlib import Path
from typing import Any

import httpx

from api.notifications.tickets.tracker import Ticket, asked
from infra.config import PagerDutyService

_LONGEST_SUMMARY = 1024  # characters


class PagerDuty:
    """Its own key makes repeats of an alert one: `dedup_key`."""

    def __init__(self, service: PagerDutyService, base: Path, client: httpx.AsyncClient) -> None:
        self._service = service
        self._routing_key = service.routing_key.read(base)
        self._client = client

    async def find(self, key: str) -> str | None:
        return None  # to trigger it again makes no second one

    async def open(self, ticket: Ticket) -> str:
        await self._enqueue(
            ticket.key,
            "trigger",
            client="Countersign",
            client_url=ticket.link,
            links=[{"href": ticket.link, "text": "Open the request"}],
            payload={
                "summary": ticket.title[:_LONGEST_SUMMARY],
                "source": "countersign",
                "severity": self._service.severity,
                "custom_details": {"about": ticket.text},
            },
        )
        return ticket.key

    async def end(self, place: str, ticket: Ticket) -> None:
        await self._enqueue(place, "resolve")

    async def _enqueue(self, key: str, action: str, **more: Any) -> None:
        event = {"routing_key": self._routing_key, "event_action": action, "dedup_key": key, **more}
        await asked(self._client, "POST", f"{self._service.api}/v2/enqueue", json=event)
