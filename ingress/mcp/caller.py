"""One request to an MCP server: a message, the stream of the server's own, or the end of a session."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from infra.config.resources import McpServer
from ingress.command import Command
from ingress.mcp import words
from ingress.mcp.asked import Asked, Shared
from ingress.mcp.bindings import Bindings
from ingress.mcp.carrier import Carrier
from ingress.mcp.headers import LAST_EVENT, SESSION, VERSION
from ingress.mcp.judge import REASON, TICKET, Why, make_message_command, make_stream_command
from ingress.mcp.messages import (
    PARSE_ERROR,
    BadMessage,
    Message,
    Notification,
    Request,
    is_id,
    make_error,
    parse_message,
)
from ingress.mcp.pins import DamagedPins
from ingress.mcp.refusal import FIELDS, McpWords, unsupported_version
from ingress.mcp.servers import Server
from ingress.web.bodies import read_body
from ingress.web.call import Call
from ingress.web.paths import RequestTarget
from ingress.web.reasons import clean, reason_and_ticket
from ingress.web.requests import Requests
from ingress.web.sinks import Said, say
from ingress.web.strict import BadRequest, Head
from ingress.web.visits import Visit


class McpCaller:
    """Serves the requests of one connection that are for MCP servers."""

    def __init__(self, requests: Requests, shared: Shared) -> None:
        self._requests = requests
        self._shared = shared
        self._carrier = Carrier(requests, shared)

    async def serve(
        self, head: Head, target: RequestTarget, visit: Visit, server: Server, mcp: McpServer
    ) -> None:
        """One request. Raises BadRequest, Broken."""
        _check(head, target, mcp)
        sink = self._requests.sink()
        asked = Asked(
            head,
            server,
            mcp,
            visit,
            Bindings(self._shared.key, visit.principal, server.resource.name),
            "",
            sink,
        )
        if (bound := head.field(SESSION)) is not None:
            session = asked.bindings.session(bound.decode("latin-1"))
            if session is None:
                # As for one that has ended: the client begins another (MCP 2025-11-25, session management).
                await say(
                    sink, McpWords().failed(404, "no such session", "it is none of yours, or has ended")
                )
                return
            asked = replace(asked, session=session)
        try:
            await self._serve(asked)
        except DamagedPins as error:
            await say(sink, McpWords().failed(503, "nothing can run", str(error), "Nothing was executed."))

    async def _serve(self, asked: Asked) -> None:
        match asked.head.method:
            case "POST":
                await self._post(asked)
            case "GET":
                await self._listen(asked)
            case "DELETE":
                await self._carrier.send(asked, self._stream_command(asked, words.END), None)
            case _:
                raise BadRequest("an MCP server takes POST, GET and DELETE", 405)

    async def _post(self, asked: Asked) -> None:
        try:
            message = await self._message(asked.head)
            version = (asked.head.field(VERSION) or b"").decode("latin-1")
            if version and version not in words.VERSIONS:
                await say(asked.sink, unsupported_version(McpWords(message).id, version))
                return
            subject, why = asked.subject(self._shared.pins), _why(message, asked.head)
            command = make_message_command(message, subject, self._shared.new_id, why)
        except BadMessage as error:
            status = 200 if error.id is not None and error.code != PARSE_ERROR else 400
            body = make_error(error.id, error.code, str(error))
            await say(asked.sink, Said(status, FIELDS, body))
            return
        match message:
            case Request(method=words.CALL):
                await self._carrier.call(asked, message, command)
            case Request(method=words.LIST_TOOLS):
                await self._carrier.list(asked, message, command)
            case Request():
                with self._shared.sent.under(asked.key(message.id), command.id):
                    await self._carrier.send(asked, command, message)
            case Notification(method=words.CANCELLED):
                await self._cancel(asked, command, message.params)
            case _:
                await self._carrier.send(asked, command, message)

    async def _cancel(self, asked: Asked, command: Command, params: Mapping[str, Any]) -> None:
        """The client gives a request up. The server hears of it where it has heard of the request."""
        id = params.get("requestId")
        sent = None
        if is_id(id) and not self._shared.held.withdraw(asked.key(id)):
            sent = self._shared.sent.find(asked.key(id))
        if sent is None:
            await say(asked.sink, Said(202, (), b""))
            return
        await self._carrier.send(asked, command, Notification(words.CANCELLED, {**params, "requestId": sent}))

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
        await self._carrier.send(asked, command, None, last_event=last_event, answers=answers)

    def _stream_command(self, asked: Asked, statement: str) -> Command:
        subject = asked.subject(self._shared.pins)
        return make_stream_command(statement, asked.head.method, subject, self._shared.new_id)


def _check(head: Head, target: RequestTarget, mcp: McpServer) -> None:
    """What is not served, whoever asks. Raises BadRequest."""
    if str(target) != mcp.path:
        raise BadRequest(f"an MCP server is served at {mcp.path} alone", 404)
    if head.field(b"origin") is not None:
        # MCP 2025-11-25, transports: against pages that rebind names; its clients are no browsers.
        raise BadRequest("the request comes from a page in a browser", 403)
    for name in (SESSION, LAST_EVENT, VERSION):
        if sum(found == name for found, _ in head.fields) > 1:
            raise BadRequest(f"the header field {name.decode()} is there twice")


def _why(message: Message, head: Head) -> Why:
    reason, ticket = reason_and_ticket(head)
    meta = message.params.get("_meta", {}) if isinstance(message, Request) else {}

    def said(name: str) -> str:
        return clean(value) if isinstance(value := meta.get(name), str) else ""

    return Why(reason or said(REASON), ticket or said(TICKET))
