"""Jira Cloud: an issue, commented and moved on when the request has ended (REST API v3).

https://developer.atlassian.com/cloud/jira/platform/rest/v3/
"""

from pathlib import Path
from typing import Any

import httpx

from api.notifications.tickets.tracker import Refused, Ticket, asked
from infra.config import JiraProject

_LONGEST_SUMMARY = 255  # characters, on one line


class Jira:
    """A label finds the issue of a request."""

    def __init__(self, project: JiraProject, base: Path, client: httpx.AsyncClient) -> None:
        self._project = project
        self._auth = httpx.BasicAuth(project.user, project.token.read(base))
        self._client = client

    async def find(self, key: str) -> str | None:
        query = {"jql": f'labels = "{key}"', "fields": "key", "maxResults": "1"}
        found = await self._ask("GET", "search/jql", params=query)
        return next((str(issue["key"]) for issue in found["issues"]), None)

    async def open(self, ticket: Ticket) -> str:
        fields = {
            "project": {"key": self._project.project},
            "issuetype": {"name": self._project.issue_type},
            "summary": " ".join(ticket.title.split())[:_LONGEST_SUMMARY],
            "description": _document(ticket.text, ticket.link),
            "labels": ["countersign", ticket.key],
        }
        made = await self._ask("POST", "issue", json={"fields": fields})
        return str(made["key"])

    async def end(self, place: str, ticket: Ticket) -> None:
        if self._project.done is not None:
            await self._move(place, self._project.done)
        body = _document(ticket.title, ticket.link)
        await self._ask("POST", f"issue/{place}/comment", json={"body": body})

    async def _move(self, place: str, status: str) -> None:
        """Raises Refused where its workflow has no way there."""
        found = await self._ask("GET", f"issue/{place}/transitions")
        names = {str(one["to"]["name"]).casefold(): one["id"] for one in found["transitions"]}
        if status.casefold() in names:
            transition = {"transition": {"id": names[status.casefold()]}}
            await self._ask("POST", f"issue/{place}/transitions", json=transition)
            return
        issue = await self._ask("GET", f"issue/{place}", params={"fields": "status"})
        if str(issue["fields"]["status"]["name"]).casefold() != status.casefold():
            raise Refused(f"{place} cannot be moved to {status!r}")

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        url = f"{self._project.url}/rest/api/3/{path}"
        return await asked(self._client, method, url, auth=self._auth, **more)


def _document(text: str, link: str) -> dict[str, Any]:
    """Text as it is, and the link (Atlassian Document Format: text nodes have no markup of their own)."""
    lines = [line for line in text.splitlines() if line and line != link]
    marks = [{"type": "link", "attrs": {"href": link}}]
    nodes: list[dict[str, Any]] = [{"type": "text", "text": line} for line in lines]
    nodes.append({"type": "text", "text": link, "marks": marks})
    return {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [node]} for node in nodes],
    }
