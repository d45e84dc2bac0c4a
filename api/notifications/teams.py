"""Microsoft Teams: an Adaptive Card to the incoming webhook of a workflow. It cannot be changed afterwards,
so that the end of a request is a card of its own; its button opens the page, and decides nothing.

https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

import json
from pathlib import Path
from typing import Any

import httpx

from api.inbox import Change
from api.notifications.outbox import Message
from api.notifications.payload import is_for, link, plain_message
from api.notifications.receiver import Answer, posted
from infra.config import ConfigError, TeamsEndpoint
from infra.config.notifications import is_safe

_LONGEST_LINE = 500  # characters; Teams refuses messages above 28 KB


class Teams:
    """Raises ConfigError where its secret holds no URL that may be told. `url`: of the page, for links."""

    def __init__(self, endpoint: TeamsEndpoint, base: Path, url: str, client: httpx.AsyncClient) -> None:
        self._endpoint = endpoint
        self._url = url
        self._client = client
        self._hook = endpoint.url.read(base)
        try:
            is_safe(self._hook)
        except ValueError as error:
            raise ConfigError([f"notifications.teams: the url of {endpoint.name}: {error}"]) from error

    @property
    def name(self) -> str:
        return self._endpoint.name

    def maybe_payload(self, change: Change) -> str | None:
        if not is_for(self._endpoint, change):
            return None
        return json.dumps(_message(*plain_message(change, self._url), link(change, self._url)))

    async def send(self, message: Message) -> Answer:
        return await posted(self._client, self._hook, message.body)


def _message(title: str, text: str, url: str) -> dict[str, Any]:
    lines = [line for line in text.splitlines() if line != url]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [_literal(title, weight="Bolder", size="Medium"), *(_literal(line) for line in lines)],
        "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": url}],
    }
    content = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [content]}


def _literal(text: str, **more: str) -> dict[str, Any]:
    """A line that is shown as it is: a TextBlock would make links and emphasis of it, a TextRun does not."""
    return {
        "type": "RichTextBlock",
        "inlines": [{"type": "TextRun", "text": text[:_LONGEST_LINE], **more}],
    }
