"""One request from its verdict to the end of its answer: sent once, masked, recorded, reported."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from ingress.command import Command
from ingress.errors import TargetError
from ingress.gate import Allowed, Refusal, Waiting
from ingress.inquiry import Refused
from ingress.interface import Finish, Frame
from ingress.web.answers.counting import Counts, Filter, Pausing, Uninspectable
from ingress.web.answers.decoding import Decoder
from ingress.web.answers.heads import masked_fields
from ingress.web.answers.texts import Texts
from ingress.web.call import Call
from ingress.web.credentials import Granted
from ingress.web.exchange import Exchange, Rest
from ingress.web.fields import Field
from ingress.web.pauses import with_pauses
from ingress.web.sinks import Broken, Sink, Words, say
from ingress.web.target_connection import Target
from ingress.web.target_side import AnswerHead
from ingress.web.visits import Visit
from schemas.vocabulary import MaskingPlan, Obligations, Outcome

_log = structlog.get_logger()
_SAFE = ("GET", "HEAD", "OPTIONS")
_HELD_BACK = 32 * 1024  # bytes of an answer that are looked at before its head is sent
_EVENTS = b"text/event-stream"
_LINES = (b"application/x-ndjson", b"application/ndjson", b"application/jsonl", b"application/json-seq")
_NOT_KEPT = "Nothing was executed. The rule sets a limit that the gateway cannot keep on a request."


class LimitReached(Exception):
    """An answer reached a limit of its rule."""

    def __init__(self, limit: str, most: float) -> None:
        super().__init__(f"its limit of {most:g} {limit if limit != 'time' else 'seconds'}")
        self.limit = limit


@dataclass(slots=True)
class _Progress:
    """What is known of how a request went."""

    counts: Counts
    status: int = 0
    bytes: int = 0
    outcome: Outcome = Outcome.UNKNOWN
    error_code: str = ""
    error: str = ""
    limit: str = ""
    limit_rule: str = ""


class Viewing(Protocol):
    """One answer as it is looked at. `changes_length`: what leaves may have another length than what came."""

    counts: Counts
    texts: Texts

    @property
    def changes_length(self) -> bool: ...
    def filter(self, content_type: bytes) -> Filter: ...


class Manner(Protocol):
    """What differs between protocols, for one request. `resource`: its name."""

    @property
    def resource(self) -> str: ...
    @property
    def target(self) -> Target: ...
    @property
    def words(self) -> Words: ...
    @property
    def is_live(self) -> bool:
        """Whether the answer is a stream of which each piece counts when it comes."""
        ...

    async def granted(self) -> Granted:
        """The gateway's credential. Raises TargetError."""
        ...

    def refused_credential(self) -> None:
        """The target answered 401."""
        ...

    def sent(self, field: Field) -> Field | None:
        """A header field of the request as the target gets it; None where it does not."""
        ...

    def viewing(self, plan: MaskingPlan, secrets: tuple[bytes, ...]) -> Viewing:
        """How the answer is looked at."""
        ...

    def told(self, allowed: Allowed) -> tuple[Field, ...]:
        """Header fields by which the client learns how its request came to run."""
        ...

    def place(self, value: bytes) -> bytes | None:
        """A Location as the client can use it."""
        ...


@dataclass(frozen=True, slots=True)
class Pursuit:
    """`rest`: the part of the request's body that was not held; `length`: of all of it, where it is known."""

    call: Call
    command: Command
    manner: Manner
    visit: Visit
    sink: Sink
    rest: Rest | None = None
    length: int | None = None

    async def run(self, on_waiting: Callable[[Waiting], None]) -> None:
        """Everything; whatever happens, the sink has an answer or is broken. Raises Broken."""
        inquiry, command = self.visit.inquiry, self.command
        try:
            allowed = await inquiry.ask(command, on_waiting)
        except Refused as refused:
            await self._refuse(refused.refusal)
            return
        try:
            if (refusal := unkept(allowed.obligations, may_change=self.call.method not in _SAFE)) is not None:
                inquiry.abandon(command.id, refusal.message)
                await self._refuse(refusal)
                return
            request = self._request(await self.manner.granted())
            connection = await self.manner.target.connect(fresh=self.call.method not in _SAFE)
        except TargetError as error:
            inquiry.abandon(command.id, str(error))
            _log.error(
                "target.not_reached", resource=self.manner.resource, error=str(error), reason=error.reason
            )
            said = self.manner.words.failed(
                502, "the API cannot be used", str(error), "Nothing was executed."
            )
            await say(self.sink, said)
            return
        except BaseException:
            inquiry.abandon(command.id, "the client left")
            raise
        async with Exchange(self.manner.target, connection) as exchange:
            try:
                inquiry.release(command.id)
            except Refused as refused:
                await self._refuse(refused.refusal)
                return
            await self._carry_out(exchange, allowed, request)

    async def _refuse(self, refusal: Refusal) -> None:
        self.visit.inquiry.record(Frame.COMMAND, self._shown())
        self.visit.inquiry.record(Frame.NOTE, refusal.message.encode())
        await say(self.sink, self.manner.words.refused(self.command.id, refusal))

    def _shown(self) -> bytes:
        lines = [self.command.text, *(value or "" for value in self.command.parameters)]
        return "\n".join(lines).encode()

    async def _carry_out(self, exchange: Exchange, allowed: Allowed, request: Granted) -> None:
        """The command was released: however this ends, its end is reported."""
        call, obligations = self.call, allowed.obligations
        inspection = self.manner.viewing(obligations.masking, request.secrets)
        progress = _Progress(inspection.counts)
        self.visit.inquiry.record(Frame.COMMAND, self._shown())
        try:
            async with asyncio.timeout(obligations.seconds):
                await exchange.send(call.method, str(call.target), request.fields, call.body, self.rest)
                await self._answer(exchange, inspection, allowed, progress)
        except TimeoutError:
            await self._stopped(LimitReached("time", obligations.seconds or 0), obligations, progress, 504)
        except LimitReached as reached:
            await self._stopped(reached, obligations, progress, 403)
        except TargetError as error:
            progress.error = str(error)
            await self._failed(
                502, "the API did not answer", f"{error}: whether it did what was asked is not known"
            )
        except Uninspectable as hidden:
            await self._hide(progress, str(hidden))
        except Broken as broken:
            progress.error = str(broken)
            raise
        finally:
            self._report(progress)

    def _request(self, granted: Granted) -> Granted:
        """The header fields of the request as it is sent, and the secrets in them."""
        call = self.call
        sent = (self.manner.sent(field) for field in call.fields)
        fields: list[Field] = [(b"host", self.manner.target.authority)]
        fields += [field for field in sent if field is not None]
        fields += [(b"accept-encoding", b"identity"), (b"x-forwarded-for", self._client_host())]
        length = self.length if self.rest is not None else len(call.body) if call.body is not None else None
        if length is not None:
            fields.append((b"content-length", str(length).encode()))
        elif self.rest is not None:
            fields.append((b"transfer-encoding", b"chunked"))
        body = None if self.rest is not None else call.body or b""
        return granted.applied(call.method, str(call.target), tuple(fields), body)

    def _client_host(self) -> bytes:
        return self.visit.address.rpartition(":")[0].encode()

    async def _answer(
        self, exchange: Exchange, inspection: Viewing, allowed: Allowed, progress: _Progress
    ) -> None:
        head = await exchange.head()
        progress.status = head.status
        # The target has said what became of it; what else goes wrong is about the answer.
        progress.outcome = Outcome.SUCCEEDED if head.status < 400 else Outcome.FAILED
        progress.error_code = str(head.status) if head.status >= 400 else ""
        if head.status == 401:
            self.manner.refused_credential()
        fields = [*self._fields(head, inspection), *self.manner.told(allowed)]
        length = head.field(b"content-length")
        if length is not None and not inspection.changes_length and not head.field(b"content-encoding"):
            fields.append((b"content-length", length))
        if not _has_body(self.call.method, head.status):
            await self._begin(head, fields)
            await self.sink.end([])
            async for _ in exchange.body():
                raise TargetError("the target sent a body where there is none")
            return
        pieces = _inspected(head, inspection, exchange)
        media = (head.field(b"content-type") or b"").split(b";")[0].strip().lower()
        held: bytes | None = b""
        if media == _EVENTS or self.manner.is_live:
            held = None
            await self._begin(head, fields)
        async for piece in pieces:
            progress.bytes += len(piece)
            _keep_limits(progress, allowed.obligations)
            if held is not None:
                held += piece
                if len(held) < (1 if media in _LINES else _HELD_BACK):
                    continue
                await self._begin(head, fields)
                piece, held = held, None
            await self._give(piece)
        if held is not None:
            rest = [one for one in fields if one[0] != b"content-length"]
            await self._begin(head, [*rest, (b"content-length", str(len(held)).encode())])
            await self._give(held)
            await self.sink.end([])
        else:
            await self.sink.end(masked_fields(tuple(exchange.trailers), inspection.texts))

    def _fields(self, head: AnswerHead, inspection: Viewing) -> list[Field]:
        fields = masked_fields(head.fields, inspection.texts)
        for name in (b"location", b"content-location"):
            value = head.field(name)
            if value is not None and (place := self.manner.place(value)) is not None:
                fields.append((name, inspection.texts.redact(place)))
        return fields

    async def _begin(self, head: AnswerHead, fields: list[Field]) -> None:
        lines = [f"HTTP/1.1 {head.status}".encode(), *(name + b": " + value for name, value in fields)]
        self.visit.record(b"\r\n".join(lines) + b"\r\n\r\n")
        await self.sink.head(head.status, fields)

    async def _give(self, piece: bytes) -> None:
        if piece:
            self.visit.record(piece)
            await self.sink.data(piece)
            await self.visit.room()

    async def _stopped(
        self, reached: LimitReached, obligations: Obligations, progress: _Progress, status: int
    ) -> None:
        rule = obligations.rule_of(reached.limit)
        progress.limit, progress.limit_rule = reached.limit, rule
        by = f' by rule "{rule}"' if rule else ""
        progress.error = f"the answer was stopped{by} at {reached}"
        if progress.outcome is Outcome.SUCCEEDED:
            progress.outcome = Outcome.FAILED
        progress.error_code = progress.error_code or str(status)
        await self._failed(status, "the answer was stopped", progress.error, "Ask for less.")

    async def _hide(self, progress: _Progress, reason: str) -> None:
        """An answer that cannot be inspected: its status may be told where it is an error's."""
        progress.error = f"the answer was withheld: {reason}"
        status = progress.status if progress.status >= 400 else 502
        hint = "The request itself was carried out." if progress.outcome is Outcome.SUCCEEDED else ""
        await self._failed(
            status, "the answer was withheld", f"{reason}, so nothing sensitive in it could be masked", hint
        )

    async def _failed(self, status: int, title: str, detail: str, hint: str = "") -> None:
        self.visit.inquiry.record(Frame.NOTE, detail.encode())
        if self.sink.has_begun:
            raise Broken(detail)  # only an answer that is visibly cut off says so
        await say(self.sink, self.manner.words.failed(status, title, detail, hint))

    def _report(self, progress: _Progress) -> None:
        self.visit.inquiry.finish(
            Finish(
                command=self.command.id,
                outcome=progress.outcome,
                rows=progress.counts.rows,
                bytes=progress.bytes,
                error_code=progress.error_code,
                error=progress.error,
                masked=progress.counts.masked(),
                limit=progress.limit,
                limit_rule=progress.limit_rule,
            )
        )


def _has_body(method: str, status: int) -> bool:
    return method != "HEAD" and status not in (204, 304)


async def _inspected(
    head: AnswerHead, inspection: Viewing, exchange: Exchange
) -> AsyncGenerator[bytes, None]:
    """The answer's body, masked. Raises Uninspectable, TargetError."""
    if head.status == 206:
        raise Uninspectable("it is a part of something")
    coding = head.field(b"content-encoding") or b""
    decoder: Decoder | None = None
    filtering: Filter | None = None
    pausing: Pausing | None = None

    def keeps() -> bool:
        return pausing is not None and pausing.keeps

    async with (
        contextlib.aclosing(exchange.body()) as body,
        contextlib.aclosing(with_pauses(body, keeps)) as pieces,
    ):
        async for data in pieces:
            if data is None:
                assert pausing is not None
                yield pausing.settle()
                continue
            if filtering is None or decoder is None:  # an empty body has nothing to be inspected
                decoder = Decoder(coding)
                filtering = inspection.filter(head.field(b"content-type") or b"")
                pausing = filtering if isinstance(filtering, Pausing) else None
            for piece in decoder.decode(data):
                yield filtering.feed(piece)
    if filtering is not None and decoder is not None:
        decoder.finish()
        yield filtering.finish()


def _keep_limits(progress: _Progress, obligations: Obligations) -> None:
    if obligations.bytes is not None and progress.bytes > obligations.bytes:
        raise LimitReached("bytes", obligations.bytes)
    if obligations.rows is not None and progress.counts.rows > obligations.rows:
        raise LimitReached("rows", obligations.rows)


def unkept(obligations: Obligations, *, may_change: bool) -> Refusal | None:
    """Why a request cannot run under these obligations; None where it can."""
    rules = {source.limit: source.rule for source in obligations.limited_by}
    if obligations.cost is not None:
        return Refusal(
            "refused: a request has no cost that could be known before",
            _NOT_KEPT,
            rules.get("cost", ""),
        )
    if obligations.read_only and may_change:
        return Refusal("refused: the request may change something", _NOT_KEPT, rules.get("read_only", ""))
    return None


async def quietly(pursuit: Pursuit, waiting: "asyncio.Future[Waiting]") -> bool:
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
