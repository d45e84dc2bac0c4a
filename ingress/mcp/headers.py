"""Header fields between a client and an MCP server. No others go through: messages say it all. Pure."""

from collections.abc import Iterable

from ingress.web.fields import Field

SESSION, LAST_EVENT, VERSION = b"mcp-session-id", b"last-event-id", b"mcp-protocol-version"
_ACCEPT: Field = (b"accept", b"application/json, text/event-stream")
_RETURNED = frozenset((b"content-type", b"cache-control", b"retry-after", b"allow"))


def sent_fields(*, version: bytes | None, session: str, last_event: str, has_body: bool) -> tuple[Field, ...]:
    """What the server gets. `session`, `last_event`: its own ids, or empty."""
    fields = [(b"accept", b"text/event-stream") if last_event and not has_body else _ACCEPT]
    if has_body:
        fields.append((b"content-type", b"application/json"))
    if version is not None:
        fields.append((VERSION, version))
    if session:
        fields.append((SESSION, session.encode()))
    if last_event:
        fields.append((LAST_EVENT, last_event.encode()))
    return tuple(fields)


def session_of(fields: Iterable[Field]) -> str:
    """The session that the server's answer begins, by the server's id; empty where it begins none."""
    return next((value.decode("latin-1") for name, value in fields if name == SESSION), "")


def is_stream(fields: Iterable[Field]) -> bool:
    """Whether what follows is a stream of events."""
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in fields)


def returned_fields(fields: Iterable[Field]) -> list[Field]:
    """What of an answer's fields the client gets, besides its session."""
    return [(name, value) for name, value in fields if name in _RETURNED]
