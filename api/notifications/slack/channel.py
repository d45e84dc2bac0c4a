"""The channel that is told: a message a request, replaced when the request has ended (Slack's Web API)."""

import json
from pathlib import Path
from typing import Any

import httpx

from api.inbox import Change
from api.notifications.outbox import Message, Outbox
from api.notifications.payload import concerns
from api.notifications.receiver import Answer
from api.notifications.slack.message import slack_payload
from infra.config import SlackChannel

NAME = "slack"
_FINAL = frozenset({"channel_not_found", "is_archived", "invalid_auth", "account_inactive", "token_revoked"})
_GONE = 410


class Channel:
    """`url`: of the gateway's page, for links."""

    def __init__(
        self, slack: SlackChannel, base: Path, url: str, client: httpx.AsyncClient, outbox: Outbox
    ) -> None:
        self._slack = slack
        self._token = slack.token.read(base)
        self._url = url
        self._client = client
        self._outbox = outbox

    @property
    def name(self) -> str:
        return NAME

    def maybe_payload(self, change: Change) -> str | None:
        if not concerns(self._slack.resources, change):
            return None
        return slack_payload(change, self._url)

    async def send(self, message: Message) -> Answer:
        told: dict[str, Any] = json.loads(message.body)
        approval = told["approval"]
        shown: dict[str, Any] = {
            "channel": self._slack.channel,
            "text": told["text"],
            "blocks": told["blocks"],
            "unfurl_links": False,
        }
        place = self._outbox.posted(NAME, approval)
        if told["is_end"] and place is None:
            return Answer(False, "the message that it replaces is not posted yet")
        method = "chat.postMessage"
        if place is not None:
            method, shown["channel"], shown["ts"] = "chat.update", *place.split(" ")
        try:
            answer = await self.call(method, shown)
        except httpx.HTTPError as error:
            return Answer(False, f"Slack could not be reached: {type(error).__name__}")
        if answer.status_code != httpx.codes.OK:
            return Answer(
                False,
                f"Slack answered {answer.status_code}",
                answer.status_code,
                answer.headers.get("retry-after"),
            )
        said = answer.json()
        if not said.get("ok"):
            why = str(said.get("error", "no reason"))[:100]
            return Answer(False, f"Slack refused: {why}", _GONE if why in _FINAL else None)
        if place is None:
            self._outbox.keep_posted(NAME, approval, f"{said['channel']} {said['ts']}")
        return Answer(True)

    async def call(self, method: str, content: dict[str, Any]) -> httpx.Response:
        """One method of the Web API. Raises httpx.HTTPError."""
        return await self._client.post(
            f"{self._slack.api}/{method}",
            json=content,
            headers={"authorization": f"Bearer {self._token}"},
        )
