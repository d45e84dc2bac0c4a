"""One client's connection: its requests one after the other, each signed in, judged and answered."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from infra.config import Config
from infra.identity import SignedIn
from ingress.errors import LoginRefused
from ingress.gate import Waiting
from ingress.http.answers.counting import Uninspectable
from ingress.http.answers.decoding import Decoder
from ingress.http.apis import Api, Apis
from ingress.http.call import Call
from ingress.http.client_side import ClientSide, Fields
from ingress.http.deferred import LONGEST_ANSWER, PATH, Deferred, DeferredRequests
from ingress.http.fields import TOKEN, forwarded
from ingress.http.judge import Subject, make_call_command
from ingress.http.paths import RequestTarget, parse_target
from ingress.http.pursuit import Pursuit
from ingress.http.reasons import reason_and_ticket
from ingress.http.refusal import make_problem, waiting_body
from ingress.http.sinks import Broken, ClientSink, Sink, StoredAnswer, send_failure, send_problem
from ingress.http.stream import Stream
from ingress.http.strict import BadRequest, Head
from ingress.http.visits import Visit
from ingress.login import Login
from ingress.session import Services
from processors.masking.masks import Mask
from schemas.ids import uuid7
from schemas.vocabulary import Principal

_log = structlog.get_logger()
INSPECTED = 1024 * 1024  # bytes of a request's body that are held and read before it is judged
_IDLE_SECONDS = 300.0
_HEAD_SECONDS = 60.0
_BODY_SECONDS = 60.0  # between two pieces of a request's body
_LINGER_SECONDS = 2.0
_BEARER = re.compile(rb"Bearer +([\x21-\x7e]+)", re.IGNORECASE)
_ASYNC = re.compile(rb"(?:^|[,;])\s*respond-async\s*(?:$|[,;])", re.IGNORECASE)
_REALM = (b"www-authenticate", b'Bearer realm="countersign"')


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections of one ingress share."""

    config: Config
    login: Login
    services: Services
    apis: Apis
    deferred: DeferredRequests
    masks: Mapping[str, Mask]

    def link(self, approval: str) -> str:
        url = self.config.api_url
        return f"{url}/approvals/{approval}" if url else ""


class Caller:
    """Serves one connection. `address`: the client's, "host:port"."""

    def __init__(self, stream: Stream, address: str, shared: Shared) -> None:
        self._stream = stream
        self._address = address
        self._shared = shared
        self._side = ClientSide()
        self._visits: dict[tuple[str, str, str], Visit] = {}

    async def run(self) -> None:
        """Returns when the connection is over."""
        reason = "the client left"
        try:
            while (head := await self._next_head()) is not None:
                await self._serve(head)
                while isinstance(self._side.body(), bytes):
                    pass  # what has come of a body that nobody wanted
                if not self._side.next_request():
                    await self._linger()
                    break
        except BadRequest as error:
            await self._refuse(error)
        except Broken:
            self._stream.abort()
        except asyncio.CancelledError:
            reason = "the gateway is stopping"
            raise
        finally:
            for visit in self._visits.values():
                visit.leave(reason)
            self._stream.close()

    async def _next_head(self) -> Head | None:
        """The next request's head; None when the client is done."""
        seconds = _IDLE_SECONDS
        while (head := self._side.head()) is None:
            try:
                async with asyncio.timeout(seconds):
                    data = await self._stream.receive()
            except TimeoutError:
                return None
            if not data:
                return None
            self._side.receive(data)
            seconds = _HEAD_SECONDS
        return head

    async def _serve(self, head: Head) -> None:
        sink = ClientSink(self._side, self._stream)
        target = parse_target(head.target)
        try:
            signed_in, token_is_authorization = await self._sign_in(head)
        except LoginRefused as refused:
            await send_failure(sink, 401, "not signed in", str(refused), refused.hint, _REALM)
            return
        if target.path.startswith(PATH):
            await self._collect(head, target.path, signed_in.principal, sink)
            return
        found = self._shared.apis.find(head.host, target.path)
        if found is None:
            detail = "neither the host nor the first segment of the path names an API of this gateway"
            await send_failure(sink, 404, "no such API", detail)
            return
        api, prefix = found
        if not (self._shared.services.bus.is_reachable and not self._shared.services.outbox.is_full):
            detail = "the gateway cannot reach Kafka, without which nothing may run"
            await send_failure(sink, 503, "nothing can run", detail, "Nothing was executed. Try again.")
            return
        visit = self._visit(signed_in, api, head)
        local = RequestTarget(target.path[len(prefix) :] or "/", target.query)
        await self._request(head, local, visit, api, prefix, sink, not token_is_authorization)

    async def _sign_in(self, head: Head) -> tuple[SignedIn, bool]:
        """Who asks, and whether Authorization held the token. Raises LoginRefused."""
        own = head.field(TOKEN)
        found = None if own is not None else _BEARER.fullmatch(head.field(b"authorization") or b"")
        token = own if own is not None else found[1] if found is not None else b""
        if not token:
            raise LoginRefused(
                "the request has no token of this gateway",
                "401",
                "Send Authorization: Bearer TOKEN, or X-Countersign-Token where the API needs Authorization.",
            )
        host = self._address.rpartition(":")[0]
        return await self._shared.login.sign_in_by_token(token.decode("latin-1"), host), own is None

    def _visit(self, signed_in: SignedIn, api: Api, head: Head) -> Visit:
        """The session of this sign-in: another token's may end sooner."""
        key = (signed_in.principal.name, signed_in.token, api.resource.name)
        visit = self._visits.get(key)
        if visit is None or visit.ended:
            client = (head.field(b"user-agent") or b"").decode("latin-1")[:200]
            visit = Visit(signed_in, api.resource, self._address, client, self._shared.services)
            self._visits[key] = visit
        return visit

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
        if self._side.waits_for_100:
            await self._stream.send(self._side.go_on())
        body, is_whole = await self._held_body(head)
        call = Call(head.method, target, fields, body, is_whole)
        reason, ticket = reason_and_ticket(head)
        detectors = api.resource.sensitive.detect
        subject = Subject(visit.principal.name, api.resource.name, detectors, api.known)
        clock = self._shared.services.clock
        command = make_call_command(call, subject, lambda: uuid7(clock()), reason, ticket)
        is_async = is_whole and _ASYNC.search(head.field(b"prefer") or b"") is not None
        stored = StoredAnswer(LONGEST_ANSWER) if is_async and not self._shared.deferred.is_full else None
        rest = None if is_whole else self._next_piece
        pursuit = Pursuit(call, command, api, visit, stored or sink, self._shared.masks, prefix, rest)
        await self._await(pursuit, visit, sink, stored)

    async def _await(
        self, pursuit: Pursuit, visit: Visit, sink: ClientSink, stored: StoredAnswer | None
    ) -> None:
        """Until the request is answered, deferred, or given up because the client left."""
        waiting: asyncio.Future[Waiting] = asyncio.get_running_loop().create_future()
        running = visit.start(_quietly(pursuit, waiting))
        left = asyncio.create_task(self._stream.left())
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
            await send_failure(sink, 403, "the session was ended", visit.ended)
        elif running.cancelled() or running.result():
            raise Broken("the answer was cut off")
        elif stored is not None:
            await _send_stored(stored, sink)

    async def _defer(
        self, waiting: Waiting, running: "asyncio.Task[bool]", visit: Visit, stored: StoredAnswer, sink: Sink
    ) -> None:
        place, deferred = self._shared.deferred.add(visit.principal.name, stored, running)
        deferred.waiting = waiting_body(waiting, self._shared.link(waiting.approval), place)
        await _send_waiting(deferred, place, sink, applied=True)

    async def _collect(self, head: Head, path: str, principal: Principal, sink: Sink) -> None:
        found = self._shared.deferred.find(path, principal.name)
        if not isinstance(found, Deferred):
            status = 404 if found.name == "UNKNOWN" else 410
            await send_failure(sink, status, "nothing to collect", found.value)
        elif head.method == "DELETE":
            found.is_collected = True
            if found.task is not None:
                found.task.cancel()
            await sink.head(204, [])
            await sink.end([])
        elif head.method != "GET":
            await send_failure(
                sink, 405, "not allowed", "GET collects the answer, DELETE withdraws the request"
            )
        elif found.task is not None and not found.task.done():
            await _send_waiting(found, path, sink, applied=False)
        else:
            found.is_collected = True
            await _send_stored(found.answer, sink)

    async def _held_body(self, head: Head) -> tuple[bytes | None, bool]:
        """The request's body, decoded; its beginning and False where it is too long to be held."""
        if head.field(b"content-length") is None and head.field(b"transfer-encoding") is None:
            await self._next_piece()  # its end
            return None, True
        coding = head.field(b"content-encoding") or b""
        held = bytearray()
        try:
            decoder = Decoder(coding)
            while isinstance(piece := await self._next_piece(), bytes):
                for decoded in decoder.decode(piece):
                    held += decoded
                    if len(held) > INSPECTED:
                        if coding.lower() not in (b"", b"identity"):
                            raise BadRequest("a compressed body may hold 1 MiB at most", 413)
                        return bytes(held), False
            decoder.finish()
        except Uninspectable as error:
            raise BadRequest(f"the request cannot be read: {error}", 415) from error
        return bytes(held), True

    async def _next_piece(self) -> bytes | Fields:
        """The next of the request's body, or its trailers. Raises BadRequest."""
        while (piece := self._side.body()) is None:
            try:
                async with asyncio.timeout(_BODY_SECONDS):
                    self._side.receive(await self._stream.receive())
            except TimeoutError:
                raise BadRequest("the request's body does not come", 408) from None
        return piece

    async def _refuse(self, error: BadRequest) -> None:
        """Says what is wrong with a request, and is done with the connection: where it ends is not known."""
        if self._side.has_answered:
            return  # a second answer would be taken for the next request's
        body = make_problem(
            error.status, "the request is refused", detail=str(error), hint="Nothing was executed."
        )
        _log.info("http.refused", address=self._address, reason=str(error))
        self._side.give_up()
        with contextlib.suppress(Broken):
            await send_problem(
                ClientSink(self._side, self._stream), error.status, body, (b"connection", b"close")
            )
            await self._linger()

    async def _linger(self) -> None:
        """Reads on for a moment: closing with bytes unread would take the answer away from the client."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                self._stream.finish_writing()
                while await self._stream.receive():
                    pass


async def _quietly(pursuit: Pursuit, waiting: "asyncio.Future[Waiting]") -> bool:
    """Runs it; whether the answer was cut off."""

    def note(found: Waiting) -> None:
        if not waiting.done():
            waiting.set_result(found)

    try:
        await pursuit.run(note)
    except Broken:
        return True
    except Exception:
        # A bug answers nothing more, and never passes a byte on.
        _log.exception("http.request_failed", command=pursuit.command.id)
        return True
    return False


async def _send_waiting(deferred: Deferred, place: str, sink: Sink, *, applied: bool) -> None:
    fields = [
        (b"content-type", b"application/json"),
        (b"location", place.encode()),
        (b"retry-after", b"2"),
        (b"cache-control", b"no-store"),
        (b"content-length", str(len(deferred.waiting)).encode()),
    ]
    await sink.head(202, [*fields, (b"preference-applied", b"respond-async")] if applied else fields)
    await sink.data(deferred.waiting)
    await sink.end([])


async def _send_stored(stored: StoredAnswer, sink: Sink) -> None:
    if not stored.is_complete:
        await send_failure(
            sink, 502, "there is no answer", "it was withdrawn, cut off, or too long to be kept"
        )
        return
    body = bytes(stored.body)
    await sink.head(stored.status, [*stored.fields, (b"content-length", str(len(body)).encode())])
    await sink.data(body)
    await sink.end([])
