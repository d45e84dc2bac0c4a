"""How an answer of a server is looked at: message by message, in a body or a stream. No I/O."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ingress.mcp import words
from ingress.mcp.events import Event, EventReader
from ingress.mcp.masking import MessageMasking
from ingress.mcp.messages import Id, encode
from ingress.web.answers.counting import Counts, Filter, Uninspectable
from ingress.web.answers.inspect import Sight
from ingress.web.answers.texts import Texts

LONGEST = 16 * 1024 * 1024  # bytes of one message
_SILENT = ("ping", "logging/setLevel", words.INITIALIZE, words.LIST_TOOLS, "prompts/list", "resources/list",
           "resources/templates/list")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expected:
    """What may come: an answer to this request, which the server knows by `id` and the client by `known_as`;
    or, on a stream that goes on, to any. `bind`: a position in the stream as the client gets it; None where
    the stream cannot be gone on with."""

    method: str
    id: str = ""
    known_as: Id | None = None
    any_answer: bool = False
    bind: Callable[[str], str | None] = lambda _: None


class MessageViewing:
    """One answer."""

    def __init__(self, sight: Sight, expected: Expected) -> None:
        self._masking = MessageMasking(sight, with_fields=expected.method not in _SILENT)
        self._expected = expected
        self.counts: Counts = self._masking.inspection.counts
        self.texts: Texts = self._masking.inspection.texts

    @property
    def changes_length(self) -> bool:
        return True

    def filter(self, content_type: bytes) -> Filter:
        """The filter for a body of this Content-Type. Raises Uninspectable."""
        media = content_type.split(b";")[0].strip().lower()
        if media == b"application/json":
            return _Body(self._message)
        if media == b"text/event-stream":
            return _Stream(self._message, self._bound)
        raise Uninspectable(f"the server answered with {media.decode('latin-1') or 'no media type'}")

    def _message(self, data: bytes) -> bytes:
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            raise Uninspectable("it is no JSON") from None
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            raise Uninspectable("it is no JSON-RPC message")
        if "method" in message:
            if "result" in message or "error" in message:
                raise Uninspectable("a message is both a question and an answer")
        elif not self._expected.any_answer:
            if not self._is_expected(message):
                raise Uninspectable("it answers another request")
            message["id"] = self._expected.known_as
        if self._expected.method == words.INITIALIZE:
            _without_tasks(message)
        if "method" in message and self._masking.hides(message["method"]):
            raise Uninspectable("a message has a method that is none")
        masked = self._masking.masked(message) if self._masking.is_needed else message
        try:
            return encode(masked)
        except UnicodeEncodeError:
            raise Uninspectable("a text has half of a surrogate pair") from None

    def _bound(self, id: str) -> str | None:
        return None if self._masking.hides(id) else self._expected.bind(id)

    def _is_expected(self, message: dict[str, Any]) -> bool:
        if not self._expected.id:
            return False
        id = message.get("id")
        # JSON-RPC: what could not be read has no id.
        return id == self._expected.id or (id is None and "error" in message)


class _Body:
    """One message."""

    def __init__(self, message: Callable[[bytes], bytes]) -> None:
        self._message = message
        self._data = bytearray()

    def feed(self, data: bytes) -> bytes:
        self._data += data
        if len(self._data) > LONGEST:
            raise Uninspectable("it is too long to be looked at")
        return b""

    def finish(self) -> bytes:
        return self._message(bytes(self._data))


class _Stream:
    """Messages one after the other; what a server cut off in the middle of is none."""

    def __init__(self, message: Callable[[bytes], bytes], bind: Callable[[str], str | None]) -> None:
        self._message = message
        self._bind = bind
        self._reader = EventReader()

    def feed(self, data: bytes) -> bytes:
        return b"".join(self._shown(event).encode() for event in self._reader.feed(data))

    def finish(self) -> bytes:
        return b""

    def _shown(self, event: Event) -> Event:
        if event.name not in ("", "message"):
            raise Uninspectable("an event is no message of this transport")
        data = self._message(event.data) if event.data.strip() else b""
        bound = self._bind(event.id) if event.id else None
        return Event(data, bound or "", event.name, event.retry)


def _without_tasks(message: dict[str, Any]) -> None:
    """Tasks (MCP 2025-11-25) are not served: the server knows the gateway alone, and would show each
    principal those of all."""
    result = message.get("result")
    capabilities = result.get("capabilities") if isinstance(result, dict) else None
    if isinstance(capabilities, dict):
        capabilities.pop("tasks", None)
