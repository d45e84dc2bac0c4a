"""One request to an MCP server: a message, the stream of the server's own, or the end of a session."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.config import Config
from infra.config.resources import McpServer
from ingress.command import Command
from ingress.gate import Waiting
from ingress.mcp import words
from ingress.mcp.answers import AnswerSink
from ingress.mcp.bindings import Bindings
from ingress.mcp.events import EventReader
from ingress.mcp.facts import Known
from ingress.mcp.headers import LAST_EVENT, SESSION, VERSION, sent_fields
from ingress.mcp.held import Follower, HeldCall, HeldCalls, Relay
from ingress.mcp.judge import (
    REASON,
    TICKET,
    Subject,
    Why,
    make_message_command,
    make_stream_command,
    sent_body,
)
from ingress.mcp.listing import MOST, Listings
from ingress.mcp.manner import McpManner
from ingress.mcp.messages import (
    PARSE_ERROR,
    BadMessage,
    Id,
    Message,
    Notification,
    Request,
    encode,
    make_error,
    parse_message,
)
from ingress.mcp.pins import PinStore
from ingress.mcp.refusal import FIELDS, McpWords, held_text, unsupported_version
from ingress.mcp.servers import Server
from ingress.mcp.viewing import LONGEST
from ingress.session import Services
from ingress.web.bodies import read_body
from ingress.web.call import Call
from ingress.web.paths import RequestTarget
from ingress.web.pursuit import Pursuit, quietly
from ingress.web.reasons import clean, reason_and_ticket
from ingress.web.requests import Requests
from ingress.web.sinks import Broken, ClientSink, Said, StoredAnswer, say
from ingress.web.strict import BadRequest, Head
from ingress.web.visits import Visit
from processors.masking.masks import Mask
from schemas.ids import uuid7

_EVENTS = b"text/event-stream"


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections of one ingress share. `key`: what ids are signed with."""

    config: Config
    services: Services
    masks: Mapping[str, Mask]
    pins: PinStore
    held: HeldCalls
    listings: Listings
    key: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a client, as far as its head says. `session`: the server's id, or empty."""

    head: Head
    server: Server
    mcp: McpServer
    visit: Visit
    bindings: Bindings
    session: str
    sink: ClientSink

    @property
    def streams(self) -> bool:
        """Whether the client takes server-sent events."""
        return _EVENTS in (self.head.field(b"accept") or b"").lower()


class McpCaller:
    """Serves the requests of one connection that are for MCP servers."""

    def __init__(self, requests: Requests, shared: Shared) -> None:
        self._requests = requests
        self._shared = shared

    async def serve(
        self, head: Head, target: RequestTarget, visit: Visit, server: Server, mcp: McpServer
    ) -> None:
        """One request. Raises BadRequest, Broken."""
        sink = self._requests.sink()
        if str(target) != mcp.path:
            raise BadRequest(f"an MCP server is served at {mcp.path} alone", 404)
        if head.field(b"origin") is not None:
            # MCP 2025-11-25, transports: against pages that rebind names; its clients are no browsers.
            raise BadRequest("the request comes from a page in a browser", 403)
        for name in (SESSION, LAST_EVENT, VERSION):
            if sum(found == name for found, _ in head.fields) > 1:
                raise BadRequest(f"the header field {name.decode()} is there twice")
        bindings = Bindings(self._shared.key, visit.principal, server.resource.name)
        session = ""
        if (bound := head.field(SESSION)) is not None:
            found = bindings.session(bound.decode("latin-1"))
            if found is None:
                # As for one that has ended: the client begins another (MCP 2025-11-25, session management).
                await say(
                    sink, McpWords().failed(404, "no such session", "it is none of yours, or has ended")
                )
                return
            session = found
        asked = Asked(head, server, mcp, visit, bindings, session, sink)
        match head.method:
            case "POST":
                await self._post(asked)
            case "GET":
                await self._listen(asked)
            case "DELETE":
                await self._send(asked, self._stream_command(asked, words.END), words.END)
            case _:
                raise BadRequest("an MCP server takes POST, GET and DELETE", 405)

    async def _post(self, asked: Asked) -> None:
        try:
            message = await self._message(asked.head)
            version = (asked.head.field(VERSION) or b"").decode("latin-1")
            if version and version not in words.VERSIONS:
                await say(asked.sink, unsupported_version(_id(message), version))
                return
            why = _why(message, asked.head)
            command = make_message_command(message, self._subject(asked), self._new_id, why)
        except BadMessage as error:
            status = 200 if error.id is not None and error.code != PARSE_ERROR else 400
            body = make_error(error.id, error.code, str(error))
            await say(asked.sink, Said(status, FIELDS, body))
            return
        match message:
            case Request(method=words.CALL):
                await self._call(asked, message, command)
            case Request(method=words.LIST_TOOLS):
                await self._list(asked, message, command)
            case Notification(method=words.CANCELLED, params=params) if self._is_withdrawn(asked, params):
                await say(asked.sink, Said(202, (), b""))
            case _:
                await self._send(asked, command, _method(message), message)

    async def _message(self, head: Head) -> Message:
        """The message in the body. Raises BadMessage, BadRequest."""
        body, is_whole = await self._requests.held_body(head)
        if not is_whole:
            raise BadRequest("the message is longer than 1 MiB", 413)
        call = Call("POST", RequestTarget("/", None), head.fields, body)
        if call.media_type != "application/json":
            raise BadRequest("a message is application/json", 415)
        read = read_body(call)
        if read.unproven or read.document is None:
            raise BadMessage(read.unproven or "there is no message", PARSE_ERROR)
        return parse_message(read.document)

    async def _listen(self, asked: Asked) -> None:
        """The stream of what the server says by itself, or one that goes on where it was cut off."""
        if not asked.streams:
            raise BadRequest("GET opens a stream of server-sent events: Accept: text/event-stream", 406)
        last_event, answers = "", False
        if (bound := asked.head.field(LAST_EVENT)) is not None:
            found = asked.bindings.event(asked.session, bound.decode("latin-1"))
            if found is None:
                detail = "it is no position in a stream of this session"
                await say(asked.sink, McpWords().failed(400, "Last-Event-ID", detail))
                return
            last_event, answers = found
        command = self._stream_command(asked, words.STREAM)
        await self._send(asked, command, words.STREAM, last_event=last_event, answers=answers)

    async def _send(
        self,
        asked: Asked,
        command: Command,
        method: str,
        message: Message | None = None,
        *,
        last_event: str = "",
        answers: bool = False,
    ) -> None:
        """What nobody else waits for: until it is answered, or its client left."""
        words_ = McpWords(message)
        sink = AnswerSink(asked.sink, asked.bindings, words_)
        manner = self._manner(asked, words_, method, _id(message), answers)
        call = self._call_of(asked, message, last_event)
        running = asked.visit.start(quietly(Pursuit(call, command, manner, asked.visit, sink), _nobody()))
        await self._until_left(running)
        await self._ended(asked, running, words_)

    async def _list(self, asked: Asked, request: Request, command: Command) -> None:
        """The server's tools, without those that are not to be called."""
        stored = StoredAnswer(LONGEST)
        words_ = McpWords(request)
        sink = AnswerSink(stored, asked.bindings, words_)
        manner = self._manner(asked, words_, request.method, request.id, False)
        call = self._call_of(asked, request, "")

        async def work() -> bool:
            if await quietly(Pursuit(call, command, manner, asked.visit, sink), _nobody()):
                return True
            if not stored.is_complete:
                return True
            said = Said(stored.status, tuple(stored.fields), bytes(stored.body))
            if stored.status == 200:
                said = Said(200, FIELDS, await self._permitted(asked, said, words_))
            await say(asked.sink, said)
            return False

        running = asked.visit.start(work())
        await self._until_left(running)
        await self._ended(asked, running, words_)

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
        await self._shared.pins.note(asked.server.resource.name, tools)
        permitted = await self._shared.listings.permitted(
            tools, self._subject(asked), asked.visit.inquiry, asked.visit.principal, self._new_id
        )
        return encode({**message, "result": {**result, "tools": permitted}})

    async def _call(self, asked: Asked, request: Request, command: Command) -> None:
        """A call of a tool: a new one, or one that its principal waits for already."""
        key = (asked.visit.principal, asked.server.resource.name, command.digest)
        held = self._shared.held.find(key)
        if held is None:
            words_ = McpWords(request)
            relay = Relay(AnswerSink(asked.sink, asked.bindings, words_), asked.session)
            manner = self._manner(asked, words_, request.method, request.id, False)
            manner.wanted = relay.wanted
            pursuit = Pursuit(self._call_of(asked, request, ""), command, manner, asked.visit, relay)
            waiting: asyncio.Future[Waiting] = asyncio.get_running_loop().create_future()
            # It is called before a verdict that came along with the news can wake the pursuit.
            waiting.add_done_callback(relay.keep)
            running = asked.visit.start(quietly(pursuit, waiting))
            await self._until_left(running, waiting)
            if not relay.is_kept:
                await self._ended(asked, running, words_)
                return
            held = HeldCall(waiting.result(), relay, running)
            self._shared.held.add(key, held)
        else:
            held.relay.join(asked.session)
        held.asked.add((asked.session, request.id))
        link = self._shared.config.approval_link(held.waiting.approval)
        pending = McpWords(request).waiting(held.waiting, link, request.id)
        sign = held_text(held.waiting, link)
        follower = Follower(request, asked.sink, pending, sign, asked.streams)
        following = asked.visit.start(follower.follow(held, asked.mcp.hold.total_seconds()))
        try:
            await self._until_left(following)
            await self._followed(asked, following, McpWords(request))
        finally:
            held.relay.leave(asked.session)
            is_answered = following.done() and not following.cancelled() and following.exception() is None
            if is_answered and following.result():
                self._shared.held.forget(key, held)
            elif not self._shared.held.keeps(key, held):
                held.task.cancel()

    async def _followed(self, asked: Asked, following: "asyncio.Task[bool]", words_: McpWords) -> None:
        if following.cancelled():
            await self._say_ended(asked, words_)
            return
        following.result()

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

    async def _ended(self, asked: Asked, running: "asyncio.Task[bool]", words_: McpWords) -> None:
        if asked.visit.ended and not asked.sink.has_begun:
            await self._say_ended(asked, words_)
        elif running.cancelled() or running.result():
            raise Broken("the answer was cut off")

    async def _say_ended(self, asked: Asked, words_: McpWords) -> None:
        if asked.sink.has_begun:
            raise Broken("the session was ended")
        await say(asked.sink, words_.failed(403, "the session was ended", asked.visit.ended))

    def _is_withdrawn(self, asked: Asked, params: Mapping[str, Any]) -> bool:
        """Whether it was a held call that the client gave up: the server has not heard of it."""
        id = params.get("requestId")
        if isinstance(id, bool) or not isinstance(id, (str, int)):
            return False
        resource = asked.server.resource.name
        return self._shared.held.withdraw(asked.visit.principal, resource, (asked.session, id))

    def _subject(self, asked: Asked) -> Subject:
        resource = asked.server.resource
        known = Known(asked.mcp.tools, self._shared.pins.of(resource.name), asked.server.selectors)
        return Subject(asked.visit.principal.name, resource.name, resource.sensitive.detect, known)

    def _stream_command(self, asked: Asked, statement: str) -> Command:
        return make_stream_command(statement, asked.head.method, self._subject(asked), self._new_id)

    def _manner(self, asked: Asked, words_: McpWords, method: str, id: Id | None, answers: bool) -> McpManner:
        # Only the answer to this request may come by a stream that is gone on with.
        may_answer = answers or id is not None
        bind: Callable[[str], str | None] = lambda event: asked.bindings.bind_event(  # noqa: E731
            asked.session, event, answers=may_answer
        )
        return McpManner(asked.server, self._shared.masks, words_, method, bind, id, answers)

    def _call_of(self, asked: Asked, message: Message | None, last_event: str) -> Call:
        body = encode(sent_body(message)) if message is not None else None
        fields = sent_fields(
            version=asked.head.field(VERSION),
            session=asked.session,
            last_event=last_event,
            has_body=body is not None,
        )
        return Call(asked.head.method, RequestTarget(asked.mcp.path, None), fields, body)

    def _new_id(self) -> str:
        return uuid7(self._shared.services.clock())


def _id(message: Message | None) -> Id | None:
    return message.id if isinstance(message, Request) else None


def _method(message: Message) -> str:
    return message.method if isinstance(message, (Request, Notification)) else words.ANSWER


def _why(message: Message, head: Head) -> Why:
    reason, ticket = reason_and_ticket(head)
    meta = message.params.get("_meta", {}) if isinstance(message, Request) else {}

    def said(name: str) -> str:
        return clean(value) if isinstance(value := meta.get(name), str) else ""

    return Why(reason or said(REASON), ticket or said(TICKET))


def _answer_in(said: Said) -> dict[str, Any] | None:
    """The answer among the messages that came; None where there is none."""
    kind = next((value for name, value in said.fields if name == b"content-type"), b"")
    messages = [said.body]
    if kind.startswith(_EVENTS):
        messages = [event.data for event in EventReader().feed(said.body) if event.data.strip()]
    documents = [json.loads(message) for message in messages if message]
    return next((document for document in documents if "method" not in document), None)


def _nobody() -> "asyncio.Future[Waiting]":
    """Nobody is told that somebody has to decide: the client waits."""
    return asyncio.get_running_loop().create_future()
