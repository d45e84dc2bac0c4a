"""ServiceNow: a record of a table, changed when the request has ended (Table API).

https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html
"""

from pathlib import Path
from typing import Any

import httpx

from api.notifications.tickets.tracker import Ticket, asked
from infra.config import ServiceNowTable

_LONGEST_SUMMARY = 160  # characters


class ServiceNow:
    """Its `correlation_id` finds the record of a request."""

    def __init__(self, table: ServiceNowTable, base: Path, client: httpx.AsyncClient) -> None:
        self._table = table
        self._auth = httpx.BasicAuth(table.user, table.password.read(base))
        self._client = client

    async def find(self, key: str) -> str | None:
        query = {"sysparm_query": f"correlation_id={key}", "sysparm_fields": "sys_id", "sysparm_limit": "1"}
        found = await self._ask("GET", "", params=query)
        return next((str(record["sys_id"]) for record in found["result"]), None)

    async def open(self, ticket: Ticket) -> str:
        record = {
            **self._table.fields,
            "short_description": ticket.title[:_LONGEST_SUMMARY],
            "description": ticket.text,
            "correlation_id": ticket.key,
            "correlation_display": "Countersign",
        }
        made = await self._ask("POST", "", json=record)
        return str(made["result"]["sys_id"])

    async def end(self, place: str, ticket: Ticket) -> None:
        await self._ask("PATCH", f"/{place}", json={**self._table.ended, "work_notes": ticket.title})

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        url = f"{self._table.url}/api/now/table/{self._table.table}{path}"
        return await asked(
            self._client, method, url, auth=self._auth, headers={"accept": "application/json"}, **more
        )
