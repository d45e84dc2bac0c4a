"""The answers of an MCP server on their way to the client."""

from dataclasses import dataclass

from ingress.mcp.bindings import Bindings
from ingress.mcp.events import Event
from ingress.mcp.headers import SESSION, is_stream, returned_fields, session_of
from ingress.mcp.refusal import McpWords
from ingress.web.fields import Field
from ingress.web.sinks import Sink, say


@dataclass(slots=True)
class AnswerSink:
    """Hands on an answer with the client's id of its session. What leads elsewhere is no answer.

    In a stream that answers a request, what goes wrong later is one more message.
    """

    sink: Sink
    bindings: Bindings
    words: McpWords
    _is_refused: bool = False
    _streams: bool = False
    _is_late: bool = False

    @property
    def has_begun(self) -> bool:
        return self.sink.has_begun and not self._streams

    async def head(self, status: int, fields: list[Field], reason: bytes = b"") -> None:
        if self._streams:
            self._is_late = True
            return
        own = session_of(fields)
        bound = self.bindings.bind_session(own) if own else ""
        self._is_refused = not (200 <= status < 300 or status >= 400) or bound is None
        if self._is_refused:
            detail = "it leads to another place, or has an id of a session that is none"
            await say(self.sink, self.words.failed(502, "the server's answer was withheld", detail))
            return
        self._streams = self.words.id is not None and is_stream(fields)
        session = [(SESSION, bound.encode())] if bound else []
        length = [field for field in fields if field[0] == b"content-length"]
        await self.sink.head(status, [*returned_fields(fields), *session, *length], reason)

    async def data(self, data: bytes) -> None:
        if not self._is_refused:
            await self.sink.data(Event(data).encode() if self._is_late else data)

    async def end(self, trailers: list[Field]) -> None:
        if not self._is_refused:
            await self.sink.end([])
