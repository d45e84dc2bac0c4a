"""A pressed button -> the decision of the person whom the configuration links to that Slack user.

Slack waits three seconds for an answer ("Acknowledging a request"), so a decision is made afterwards, and
what keeps from it is told to the one who pressed. The message changes when the approval is settled.
"""

import asyncio
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import structlog
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from api.deciding import Desk, Review, clean_comment
from api.notifications.slack.channel import Channel
from api.notifications.slack.message import comment_view, escaped, parse_value
from api.notifications.slack.signature import is_signed
from api.problems import Problem
from infra.clock import Clock
from infra.config import Config, SlackChannel
from schemas.vocabulary import Answer, Principal

_NOBODY = "your Slack user is linked to nobody here (notifications.slack.users)"

log = structlog.get_logger()


class Actions:
    """What reviewers do in the channel."""

    def __init__(
        self,
        config: Config,
        slack: SlackChannel,
        channel: Channel,
        desk: Desk,
        client: httpx.AsyncClient,
        clock: Clock,
    ) -> None:
        users = {user.name: user.principal for user in config.identity.users}
        self._linked: Mapping[str, Principal] = {id: users[name] for id, name in slack.users.items()}
        self._secret = slack.signing_secret.read(config.base)
        self._hooks = urlsplit(slack.hooks)
        self._channel = channel
        self._desk = desk
        self._client = client
        self._clock = clock
        self._deciding: set[asyncio.Task[None]] = set()

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.post("/slack/actions")(self.acted)
        return router

    async def acted(self, request: Request) -> Response:
        """An interaction ("Handling user interaction"). Raises Problem 401 for what is not Slack's."""
        body = await request.body()
        if not is_signed(self._secret, request.headers, body, self._clock()):
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "not-slacks",
                "The request does not carry Slack's signature, or is old.",
                "Compare notifications.slack.signing_secret with the app's.",
            )
        try:
            payload = json.loads(parse_qs(body.decode())["payload"][0])
            kind, user = payload["type"], str(payload["user"]["id"])
            if kind == "view_submission":
                return self._rejected(payload, user)
            if kind == "block_actions":
                await self._pressed(payload, user)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "unknown-interaction",
                "The interaction is not one of this app's messages.",
                "Nothing was decided.",
            ) from error
        return Response(status_code=HTTPStatus.OK)

    async def _pressed(self, payload: dict[str, Any], user: str) -> None:
        (action,) = payload["actions"]
        pressed, where = action["action_id"], str(payload.get("response_url", ""))
        if pressed == Answer.REJECT:
            parse_value(action["value"])
            view = comment_view(action["value"])
            await self._channel.call("views.open", {"trigger_id": payload["trigger_id"], "view": view})
        elif pressed == Answer.APPROVE:
            approval, digest = parse_value(action["value"])
            self._soon(user, approval, Review(Answer.APPROVE, "", digest), where)

    def _rejected(self, payload: dict[str, Any], user: str) -> Response:
        view = payload["view"]
        if view["callback_id"] != Answer.REJECT:
            raise ValueError("not the dialogue of a rejection")
        approval, digest = parse_value(view["private_metadata"])
        try:
            comment = clean_comment(str(view["state"]["values"]["comment"]["comment"]["value"] or ""))
        except ValueError as error:
            return _refused_comment(str(error))
        if not comment:
            return _refused_comment("expected why")
        if user not in self._linked:
            return _refused_comment(_NOBODY)
        self._soon(user, approval, Review(Answer.REJECT, comment, digest), "")
        return Response(status_code=HTTPStatus.OK)

    def _soon(self, user: str, approval: str, review: Review, where: str) -> None:
        task = asyncio.create_task(self._decide(user, approval, review, where))
        self._deciding.add(task)
        task.add_done_callback(self._deciding.discard)

    async def _decide(self, user: str, approval: str, review: Review, where: str) -> None:
        who = self._linked.get(user)
        if who is None:
            log.warning("slack_user_unknown", user=user, approval=approval)
            await self._tell(where, f"Nothing was decided: {_NOBODY}.")
            return
        try:
            await self._desk.decide(approval, who, review)
        except Problem as problem:
            log.warning("slack_decision_refused", reviewer=who.name, approval=approval, problem=problem.kind)
            await self._tell(where, f"{problem.detail} {problem.action}")

    async def _tell(self, where: str, text: str) -> None:
        """To the one who pressed, and to Slack alone, whatever address the request names."""
        target = urlsplit(where)
        if (target.scheme, target.netloc) != (self._hooks.scheme, self._hooks.netloc):
            return
        message = {"response_type": "ephemeral", "replace_original": False, "text": escaped(text)}
        try:
            await self._client.post(where, json=message)
        except httpx.HTTPError as error:
            log.warning("slack_unreachable", reason=type(error).__name__)


def _refused_comment(why: str) -> Response:
    return JSONResponse({"response_action": "errors", "errors": {"comment": why}})
