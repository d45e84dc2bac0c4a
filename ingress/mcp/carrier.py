"""Messages of one connection, carried out: sent when they may be, and answered."""

import asyncio
import json
from typing import Any

from ingress.command import Command
from ingress.gate import Waiting
from ingress.mcp.answers import AnswerSink
from ingress.mcp.asked import EVENTS, Asked, Shared
from ingress.mcp.events import EventReader
from ingress.mcp.held import Follower, HeldCall, Relay
from ingress.mcp.listing import MOST
from ingress.mcp.messages import Message, Request, encode
from ingress.mcp.refusal import FIELDS, McpWords, held_text
from ingress.mcp.viewing import LONGEST
from ingress.web.pursuit import Pursuit, quietly
from ingress.web.requests import Requests
from ingress.web.sinks import Broken, Said, StoredAnswer, say


class Carrier:
    """Of one connection."""

    def __init__(self, requests: Requests, shared: Shared) -> None:
        self._requests = requests
        self._shared = shared

    async def send(
        self,
        asked: Asked,
        command: Command,
        message: Message | None,
        *,
        last_event: str = "",
        answers: bool = False,
    ) -> None:
        """What nobody else waits for: until it is answered, or its client left. Raises Broken.

        `last_event`: where a stream goes on, by the server's id; `answers`: it may go on with answers.
        """
        sink = AnswerSink(asked.sink, asked.bindings, McpWords(message))
        manner = asked.manner(self._shared.masks, message, command.id, answers=answers)
        call = asked.call(message, command.id, last_event)
        running = asked.visit.start(quietly(Pursuit(call, command, manner, asked.visit, sink), _nobody()))
        await self._until_left(running)
        await self._ended(asked, running, message)

    async def list(self, asked: Asked, request: Request, command: Command) -> None:
        """The server's tools, without those that are not to be called. Raises Broken."""
        stored = StoredAnswer(LONGEST)
        sink = AnswerSink(stored, asked.bindings, McpWords(request))
        manner = asked.manner(self._shared.masks, request, command.id)
        pursuit = Pursuit(asked.call(request, command.id), command, manner, asked.visit, sink)

        async def work() -> bool:
            if await quietly(pursuit, _nobody()) or not stored.is_complete:
                return True
            said = Said(stored.status, tuple(stored.fields), bytes(stored.body))
            if stored.status == 200:
                said = Said(200, FIELDS, await self._permitted(asked, said, McpWords(request)))
            await say(asked.sink, said)
            return False

        running = asked.visit.start(work())
        await self._until_left(running)
        await self._ended(asked, running, request)

    async def _permitted(self, asked: Asked, said: Said, words_: McpWords) -> bytes:
        """The answer with the tools that its requester may call."""
        message = _answer_in(said)
        if message is None:
            return words_.failed(502, "the server's answer was withheld", "it has no answer in it").body
        result = message.get("result")
        if not isinstance(result, dict):
            return encode(message)
        tools = result.get("tools")
        if (
            not isinstance(tools, list)
            or len(tools) > MOST
            or not all(isinstance(one, dict) for one in tools)
        ):
            detail = f"it is no list of {MOST} tools at most"
            return words_.failed(502, "the server's answer was withheld", detail).body
        await self._shared.pins.note(asked.resource, tools)
        permitted = await self._shared.listings.permitted(
            tools,
            asked.subject(self._shared.pins),
            asked.visit.inquiry,
            asked.visit.principal,
            self._shared.new_id,
        )
        return encode({**message, "result": {**result, "tools": permitted}})

    async def call(self, asked: Asked, request: Request, command: Command) -> None:
        """A call of a tool: a new one, or one that its principal waits for already. Raises Broken."""
        key = (asked.visit.principal, asked.resource, command.digest)
        held = self._shared.held.find(key)
        if held is None:
            relay = Relay(AnswerSink(asked.sink, asked.bindings, McpWords(request)), asked.session)
            manner = asked.manner(self._shared.masks, request, command.id)
            manner.wanted = relay.wanted
            pursuit = Pursuit(asked.call(request, command.id), command, manner, asked.visit, relay)
            waiting: asyncio.Future[Waiting] = asyncio.get_running_loop().create_future()
            # It is called before a verdict that came along with the news can wake the pursuit.
            waiting.add_done_callback(relay.keep)
            running = asked.visit.start(quietly(pursuit, waiting))
            await self._until_left(running, waiting)
            if not relay.is_kept:
                await self._ended(asked, running, request)
                return
            held = HeldCall(waiting.result(), relay, running, command.id)
            self._shared.held.add(key, held)
        else:
            held.relay.join(asked.session)
        held.asked.add((asked.session, request.id))
        try:
            with self._shared.sent.under(asked.key(request.id), held.sent):
                is_answered = await self._follow(asked, request, held)
        except BaseException:
            is_answered = False
            raise
        finally:
            held.relay.leave(asked.session)
            if is_answered:
                self._shared.held.forget(key, held)
            elif not self._shared.held.keeps(key, held):
                held.task.cancel()

    async def _follow(self, asked: Asked, request: Request, held: HeldCall) -> bool:
        """Until the call is answered, or its client's time is up; whether it was answered."""
        link = self._shared.config.approval_link(held.waiting.approval)
        pending = McpWords(request).waiting(held.waiting, link, request.id)
        follower = Follower(request, asked.sink, pending, held_text(held.waiting, link), asked.streams)
        following = asked.visit.start(follower.follow(held, asked.mcp.hold.total_seconds()))
        await self._until_left(following)
        if following.cancelled():
            await self._say_ended(asked, request)
            return False
        return following.result()

    async def _until_left(
        self, running: "asyncio.Task[bool]", waiting: "asyncio.Future[Waiting] | None" = None
    ) -> None:
        """Until it is over, or somebody has to decide. It is given up when the client leaves."""
        left = asyncio.create_task(self._requests.stream.left())
        until: set[asyncio.Future[Any]] = {running, left}
        if waiting is not None:
            until.add(waiting)
        try:
            await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
            if not running.done() and (waiting is None or not waiting.done()):
                raise Broken("the client left")
        except BaseException:
            running.cancel()
            raise
        finally:
            left.cancel()

    async def _ended(self, asked: Asked, running: "asyncio.Task[bool]", message: Message | None) -> None:
        if asked.visit.ended and not asked.sink.has_begun:
            await self._say_ended(asked, message)
        elif running.cancelled() or running.result():
            raise Broken("the answer was cut off")

    async def _say_ended(self, asked: Asked, message: Message | None) -> None:
        if asked.sink.has_begun:
            raise Broken("the session was ended")
        await say(asked.sink, McpWords(message).failed(403, "the session was ended", asked.visit.ended))


def _answer_in(said: Said) -> dict[str, Any] | None:
    """The answer among the messages that came; None where there is none."""
    kind = next((value for name, value in said.fields if name == b"content-type"), b"")
    messages = [said.body]
    if kind.startswith(EVENTS):
        messages = [event.data for event in EventReader().feed(said.body) if event.data.strip()]
    documents = [json.loads(message) for message in messages if message]
    return next((document for document in documents if "method" not in document), None)


def _nobody() -> "asyncio.Future[Waiting]":
    """Nobody is told that somebody has to decide: the client waits."""
    return asyncio.get_running_loop().create_future()
