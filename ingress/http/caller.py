"""One client's connection: its requests one after the other, each signed in, judged and answered."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

from infra.config import Config
from ingress.errors import LoginRefused
from ingress.gate import Waiting
from ingress.http.apis import Api, Apis
from ingress.http.deferred import LONGEST_ANSWER, PATH, Deferred, DeferredRequests
from ingress.http.judge import Subject, make_call_command
from ingress.http.manner import ApiManner
from ingress.http.refusal import waiting_body
from ingress.http.sockets import Opening, SocketRequest
from ingress.login import Login
from ingress.mcp.asked import Shared as McpShared
from ingress.mcp.caller import McpCaller
from ingress.session import Services
from ingress.web.call import Call
from ingress.web.fields import forwarded
from ingress.web.handshake import is_asked, why_not, without_handshake
from ingress.web.paths import RequestTarget, parse_target
from ingress.web.pursuit import Pursuit, quietly
from ingress.web.reasons import reason_and_ticket
from ingress.web.requests import REALM, Requests
from ingress.web.sinks import Broken, ClientSink, Said, Sink, StoredAnswer, Words, say
from ingress.web.stream import Stream
from ingress.web.strict import BadRequest, Head
from ingress.web.visits import Visit, Visits, as_it_is
from processors.masking.masks import Mask
from schemas.ids import uuid7
from schemas.vocabulary import Principal

_ASYNC = re.compile(rb"(?:^|[,;])\s*respond-async\s*(?:$|[,;])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections of one ingress share."""

    config: Config
    login: Login
    services: Services
    apis: Apis
    deferred: DeferredRequests
    masks: Mapping[str, Mask]
    words: Words
    mcp: McpShared


class Caller:
    """Serves one connection. `address`: the client's, "host:port"."""

    def __init__(self, stream: Stream, address: str, shared: Shared) -> None:
        self._requests = Requests(stream, address, shared.words)
        self._shared = shared
        self._visits = Visits(address, shared.services, lambda: as_it_is)
        self._mcp = McpCaller(self._requests, shared.mcp)

    async def run(self) -> None:
        """Returns when the connection is over."""
        try:
            await self._visits.while_served(self._requests.each(self._serve))
        finally:
            self._requests.stream.close()

    async def _serve(self, head: Head) -> None:
        if head.wants_upgrade and not is_asked(head):
            raise BadRequest(
                "of other protocols on an HTTP connection the gateway serves WebSocket alone", 501
            )
        sink, words = self._requests.sink(), self._shared.words
        target = parse_target(head.target, keeps_slashes=True)
        try:
            signed_in, token_is_authorization = await self._requests.sign_in(head, self._shared.login)
        except LoginRefused as refused:
            await say(sink, words.failed(401, "not signed in", str(refused), refused.hint).also(REALM))
            return
        if target.path.startswith(PATH):
            await self._collect(head, target.path, signed_in.principal, sink)
            return
        found = self._shared.apis.find(head.host, target.path)
        if target.has_encoded_slash and (found is None or found[0].resource.encoded_slashes == "refuse"):
            raise BadRequest("the path has an encoded /: targets differ on what it means")
        if found is None:
            detail = "neither the host nor the first segment of the path names an API of this gateway"
            await say(sink, words.failed(404, "no such API", detail))
            return
        api, prefix = found
        if not (self._shared.services.bus.is_reachable and not self._shared.services.outbox.is_full):
            detail = "the gateway cannot reach Kafka, without which nothing may run"
            await say(sink, words.failed(503, "nothing can run", detail, "Nothing was executed. Try again."))
            return
        visit = self._visits.of(signed_in, api.resource, head)
        local = RequestTarget(target.path[len(prefix) :] or "/", target.query)
        if api.resource.mcp is not None:
            await self._mcp.serve(head, local, visit, api, api.resource.mcp)
            return
        await self._request(head, local, visit, api, prefix, sink, not token_is_authorization)

    async def _request(
        self,
        head: Head,
        target: RequestTarget,
        visit: Visit,
        api: Api,
        prefix: str,
        sink: ClientSink,
        authorization_is_free: bool,
    ) -> None:
        with_authorization = authorization_is_free and not api.sets_authorization
        fields = forwarded(head, with_authorization=with_authorization)
        is_websocket = is_asked(head)
        if is_websocket:
            if (why := why_not(head)) is not None:
                raise BadRequest(why)
            fields = without_handshake(fields)
        body, is_whole = await self._requests.held_body(head)
        if not is_whole and not api.takes_long_bodies:
            raise BadRequest("a body above 1 MiB cannot be signed for this API", 413)
        call = Call(head.method, target, fields, body, is_whole, is_websocket)
        reason, ticket = reason_and_ticket(head)
        detectors = api.resource.sensitive.detect
        subject = Subject(visit.principal.name, api.resource.name, detectors, api.known)
        clock = self._shared.services.clock
        command = make_call_command(call, subject, lambda: uuid7(clock()), reason, ticket)
        manner = ApiManner(api, target.path, self._shared.masks, prefix, self._shared.words)
        if is_websocket:
            await self._talk(Opening(head, call, command, subject, manner, visit), sink)
            return
        is_async = is_whole and _ASYNC.search(head.field(b"prefer") or b"") is not None
        stored = StoredAnswer(LONGEST_ANSWER) if is_async and not self._shared.deferred.is_full else None
        rest = None if is_whole else self._requests.next_piece
        length = None if is_whole else _length(head)
        pursuit = Pursuit(call, command, manner, visit, stored or sink, rest, length)
        await self._await(pursuit, visit, sink, stored)

    async def _talk(self, opening: Opening, sink: ClientSink) -> None:
        """Until a WebSocket is over: it sees itself whether its client left."""
        running = opening.visit.start(SocketRequest(self._requests, opening).run())
        try:
            await asyncio.wait({running})
        except BaseException:
            running.cancel()
            await asyncio.wait({running})  # it says why it closes
            raise
        if not running.cancelled():
            running.result()
        elif opening.visit.ended and not sink.has_begun and not self._requests.side.is_switched:
            await say(sink, self._shared.words.failed(403, "the session was ended", opening.visit.ended))

    async def _await(
        self, pursuit: Pursuit, visit: Visit, sink: ClientSink, stored: StoredAnswer | None
    ) -> None:
        """Until the request is answered, deferred, or given up because the client left."""
        waiting: asyncio.Future[Waiting] = asyncio.get_running_loop().create_future()
        running = visit.start(quietly(pursuit, waiting))
        left = asyncio.create_task(self._requests.stream.left())
        until: set[asyncio.Future[object]] = {running, left}  # type: ignore[arg-type]
        if stored is not None:
            until.add(waiting)  # type: ignore[arg-type]
        try:
            await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                pass
            elif stored is not None and waiting.done():
                await self._defer(waiting.result(), running, visit, stored, sink)
                return
            else:
                raise Broken("the client left")
        except BaseException:
            running.cancel()
            raise
        finally:
            left.cancel()
        if visit.ended and not sink.has_begun:
            await say(sink, self._shared.words.failed(403, "the session was ended", visit.ended))
        elif running.cancelled() or running.result():
            raise Broken("the answer was cut off")
        elif stored is not None:
            await self._send_stored(stored, sink)

    async def _defer(
        self, waiting: Waiting, running: "asyncio.Task[bool]", visit: Visit, stored: StoredAnswer, sink: Sink
    ) -> None:
        place, deferred = self._shared.deferred.add(visit.principal.name, stored, running)
        deferred.waiting = waiting_body(waiting, self._shared.config.approval_link(waiting.approval), place)
        await _send_waiting(deferred, place, sink, applied=True)

    async def _collect(self, head: Head, path: str, principal: Principal, sink: Sink) -> None:
        found = self._shared.deferred.find(path, principal.name)
        if not isinstance(found, Deferred):
            status = 404 if found.name == "UNKNOWN" else 410
            await say(sink, self._shared.words.failed(status, "nothing to collect", found.value))
        elif head.method == "DELETE":
            found.is_collected = True
            if found.task is not None:
                found.task.cancel()
            await sink.head(204, [])
            await sink.end([])
        elif head.method != "GET":
            detail = "GET collects the answer, DELETE withdraws the request"
            await say(sink, self._shared.words.failed(405, "not allowed", detail))
        elif found.task is not None and not found.task.done():
            await _send_waiting(found, path, sink, applied=False)
        else:
            found.is_collected = True
            await self._send_stored(found.answer, sink)

    async def _send_stored(self, stored: StoredAnswer, sink: Sink) -> None:
        if not stored.is_complete:
            detail = "it was withdrawn, cut off, or too long to be kept"
            await say(sink, self._shared.words.failed(502, "there is no answer", detail))
            return
        await say(sink, Said(stored.status, tuple(stored.fields), bytes(stored.body)))


def _length(head: Head) -> int | None:
    """Of the request's body, where the client says so."""
    said = head.field(b"content-length")
    return int(said) if said is not None else None


async def _send_waiting(deferred: Deferred, place: str, sink: Sink, *, applied: bool) -> None:
    fields = [
        (b"content-type", b"application/json"),
        (b"location", place.encode()),
        (b"retry-after", b"2"),
        (b"cache-control", b"no-store"),
    ]
    if applied:
        fields.append((b"preference-applied", b"respond-async"))
    await say(sink, Said(202, tuple(fields), deferred.waiting))
