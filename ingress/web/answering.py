"""The answer of a target on its way to the client: inspected, masked, recorded, within its limits."""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from ingress.errors import TargetError
from ingress.gate import Allowed
from ingress.web.answers.counting import Counts, Filter, Pausing, Uninspectable
from ingress.web.answers.decoding import Decoder
from ingress.web.answers.heads import masked_fields
from ingress.web.client_side import Fields
from ingress.web.exchange import Exchange
from ingress.web.fields import Field
from ingress.web.limits import keep_limits
from ingress.web.manner import Manner, Viewing
from ingress.web.pauses import with_pauses
from ingress.web.sinks import Sink
from ingress.web.target_side import AnswerHead
from ingress.web.visits import Visit
from schemas.vocabulary import Outcome

_HELD_BACK = 32 * 1024  # bytes of an answer that are looked at before its head is sent
_EVENTS = b"text/event-stream"
_LINES = (b"application/x-ndjson", b"application/ndjson", b"application/jsonl", b"application/json-seq")


@dataclass(slots=True)
class Progress:
    """What is known of how a request went."""

    counts: Counts
    status: int = 0
    bytes: int = 0
    outcome: Outcome = Outcome.UNKNOWN
    error_code: str = ""
    error: str = ""
    limit: str = ""
    limit_rule: str = ""


@dataclass(frozen=True, slots=True)
class Answering:
    """One answer. `method`: of its request."""

    method: str
    manner: Manner
    viewing: Viewing
    visit: Visit
    sink: Sink
    progress: Progress

    async def run(self, head: AnswerHead, exchange: Exchange, allowed: Allowed) -> None:
        """From this head to its end. Raises Uninspectable, LimitReached, TargetError, Broken; the sink may
        have begun."""
        progress = self.progress
        progress.status = head.status
        # The target has said what became of it; what else goes wrong is about the answer.
        progress.outcome = Outcome.SUCCEEDED if head.status < 400 else Outcome.FAILED
        progress.error_code = str(head.status) if head.status >= 400 else ""
        if head.status == 401:
            self.manner.refused_credential()
        fields = [*self._fields(head), *self.manner.told(allowed)]
        length = head.field(b"content-length")
        if length is not None and not self.viewing.changes_length and not head.field(b"content-encoding"):
            fields.append((b"content-length", length))
        if not _has_body(self.method, head.status):
            await self._begin(head, fields)
            await self.sink.end([])
            async for _ in exchange.body():
                raise TargetError("the target sent a body where there is none")
            return
        media = (head.field(b"content-type") or b"").split(b";")[0].strip().lower()
        held: bytes | None = b""
        if media == _EVENTS or self.manner.is_live:
            held = None
            await self._begin(head, fields)
        async for piece in self._inspected(head, exchange):
            progress.bytes += len(piece)
            keep_limits(allowed.obligations, progress.counts.rows, progress.bytes)
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
            await self.sink.end(self._returned(exchange.trailers))

    def _fields(self, head: AnswerHead) -> list[Field]:
        fields = self._returned(head.fields)
        for name in (b"location", b"content-location"):
            value = head.field(name)
            if value is not None and (place := self.manner.place(value)) is not None:
                fields.append((name, self.viewing.texts.redact(place)))
        return fields

    def _returned(self, fields: Fields) -> list[Field]:
        """Of the head or the trailers: what leaves, masked."""
        returned = (self.manner.returned(field) for field in fields)
        return masked_fields([field for field in returned if field is not None], self.viewing.texts)

    async def _begin(self, head: AnswerHead, fields: list[Field]) -> None:
        lines = [f"HTTP/1.1 {head.status}".encode(), *(name + b": " + value for name, value in fields)]
        self.visit.record(b"\r\n".join(lines) + b"\r\n\r\n")
        await self.sink.head(head.status, fields)

    async def _give(self, piece: bytes) -> None:
        if piece:
            self.visit.record(piece)
            await self.sink.data(piece)
            await self.visit.room()

    async def _inspected(self, head: AnswerHead, exchange: Exchange) -> AsyncGenerator[bytes, None]:
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
                    filtering = self.viewing.filter(head.field(b"content-type") or b"")
                    pausing = filtering if self.manner.is_live and isinstance(filtering, Pausing) else None
                for piece in decoder.decode(data):
                    yield filtering.feed(piece)
        if filtering is not None and decoder is not None:
            decoder.finish()
            yield filtering.finish()


def _has_body(method: str, status: int) -> bool:
    return method != "HEAD" and status not in (204, 304)
