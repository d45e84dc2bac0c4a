"""JSON-RPC 2.0 messages as MCP has them, read strictly: none that could be read in two ways. Pure.

https://www.jsonrpc.org/specification; MCP 2025-11-25, basic protocol: an id is a string or an integer.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from ingress.mcp import words

Id = str | int
Members = Mapping[str, Any]

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
UNSUPPORTED_VERSION = -32022  # MCP 2026-07-28; older clients take it as any other error
REFUSED, FAILED = -32030, -32031  # the gateway's own: by a rule, and where it is at a loss

_REQUEST = frozenset(("jsonrpc", "id", "method", "params"))
_RESULT = frozenset(("jsonrpc", "id", "result"))
_ERROR = frozenset(("jsonrpc", "id", "error"))
# What decides, where another member could: a task (MCP 2025-11-25) would answer past the call.
_PARAMETERS: Mapping[str, frozenset[str]] = {
    words.CALL: frozenset(("name", "arguments", "_meta")),
    words.READ: frozenset(("uri", "_meta")),
    words.PROMPT: frozenset(("name", "arguments", "_meta")),
    words.LIST_TOOLS: frozenset(("cursor", "_meta")),
    "resources/subscribe": frozenset(("uri", "_meta")),
    "resources/unsubscribe": frozenset(("uri", "_meta")),
}
_LONGEST_ID = 256


class BadMessage(Exception):
    """A message that is not served, whoever sends it. `id`: its own, where it has one that can be told."""

    def __init__(self, message: str, code: int = INVALID_REQUEST, id: Id | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.id = id


@dataclass(frozen=True, slots=True)
class Request:
    """Asks for an answer with the same id."""

    id: Id
    method: str
    params: Members

    @property
    def progress_token(self) -> Id | None:
        """By which the client wants to hear how it goes."""
        meta = self.params.get("_meta")
        token = meta.get("progressToken") if isinstance(meta, dict) else None
        return token if is_id(token) else None


@dataclass(frozen=True, slots=True)
class Notification:
    """Asks for no answer."""

    method: str
    params: Members


@dataclass(frozen=True, slots=True)
class Answer:
    """Of the client, to a question of the server. `kind`: "result" or "error"."""

    id: Id
    kind: str
    body: Any


Message = Request | Notification | Answer


def parse_message(document: Any) -> Message:
    """One message of a client. Raises BadMessage."""
    if isinstance(document, list):
        raise BadMessage("several messages in one request are not served: send one after the other")
    if not isinstance(document, dict):
        raise BadMessage("the message is no JSON object")
    id = document.get("id")
    known = id if is_id(id) else None
    if document.get("jsonrpc") != "2.0":
        raise BadMessage('the message is no JSON-RPC: it has no "jsonrpc": "2.0"', id=known)
    if "id" in document and known is None:
        raise BadMessage("the id is neither a short text nor a whole number")
    if (wrong := _unsendable(document)) is not None:
        raise BadMessage(wrong, PARSE_ERROR, known)
    if "method" in document:
        return _asked(document, known)
    if known is not None and set(document) in (_RESULT, _ERROR):
        kind = "result" if "result" in document else "error"
        return Answer(known, kind, document[kind])
    raise BadMessage("the message is neither a request nor an answer", id=known)


def _asked(document: dict[str, Any], id: Id | None) -> Request | Notification:
    if more := sorted(set(document) - _REQUEST):
        raise BadMessage(f"the message has a member that means nothing: {more[0]!r}", id=id)
    method, params = document["method"], document.get("params", {})
    if not isinstance(method, str) or method not in (words.NOTIFICATIONS if id is None else words.REQUESTS):
        # As JSON-RPC has it; a name that differs in case or blanks is another name.
        raise BadMessage("the gateway serves no such method", METHOD_NOT_FOUND, id)
    if not isinstance(params, dict):
        raise BadMessage("params is no object", INVALID_PARAMS, id)
    if id is None:
        return Notification(method, params)
    allowed = _PARAMETERS.get(method)
    if allowed is not None and (more := sorted(set(params) - allowed)):
        raise BadMessage(f"{method} with {more[0]!r} is not served", INVALID_PARAMS, id)
    if not isinstance(params.get("_meta", {}), dict):
        raise BadMessage("_meta is no object", INVALID_PARAMS, id)
    if method in (words.CALL, words.PROMPT) and not isinstance(params.get("arguments", {}), dict):
        raise BadMessage("arguments is no object", INVALID_PARAMS, id)
    for name in ("name", "uri"):
        if allowed is not None and name in allowed and not isinstance(params.get(name), str):
            raise BadMessage(f"{method} needs {name}, a text", INVALID_PARAMS, id)
    return Request(id, method, params)


def is_id(value: Any) -> TypeGuard[Id]:
    """Whether a message can have this id."""
    return (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53) or (
        isinstance(value, str) and len(value) <= _LONGEST_ID
    )


def _unsendable(value: Any) -> str | None:
    """Why the message cannot be written again as it was read."""
    if isinstance(value, str):
        return "a text has half of a surrogate pair" if _is_torn(value) else None
    if isinstance(value, float):
        return None if math.isfinite(value) else "a number is too large"
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((wrong for one in inner if (wrong := _unsendable(one)) is not None), None)


def _is_torn(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def encode(document: Any) -> bytes:
    """A message as it is sent."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def make_result(id: Id, result: Members) -> bytes:
    return encode({"jsonrpc": "2.0", "id": id, "result": result})


def make_error(id: Id | None, code: int, message: str, data: Members | None = None) -> bytes:
    """An answer that says what went wrong. `id` None: of a message whose id is not known."""
    error = {"code": code, "message": message, **({"data": data} if data else {})}
    return encode({"jsonrpc": "2.0", "id": id, "error": error})


def make_progress(token: Id, progress: int, message: str) -> bytes:
    """How far a request has come."""
    params = {"progressToken": token, "progress": progress, "message": message}
    return encode({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
