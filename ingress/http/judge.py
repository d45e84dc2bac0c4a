"""A request -> the command that is asked about: facts, digest, and what events may show of it. Pure.

The digest covers the whole request as it is sent on: method, path and query in its text, every header field
and the body as parameters. Events show what a reviewer needs, with secrets and sensitive values replaced.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ingress.command import Command, Pattern, Spoken, make_command
from ingress.http.facts import Known, Reading, read_call
from ingress.http.words import WEBSOCKET
from ingress.web.bodies import (
    FORM,
    JSON_TYPE,
    SECRET_NAME,
    Body,
    is_hidden,
    shown_form,
    shown_json,
    shown_path,
)
from ingress.web.call import Call
from ingress.web.fields import is_secret
from ingress.web.form_data import Part
from ingress.web.paths import RequestTarget, pairs, readings
from ingress.web.selectors import Path
from processors.masking.apply import redact_facts, redact_text
from schemas.vocabulary import ContextItem, Intent, Stage

PLACEHOLDER = "‹sealed›"
VALUE = "‹value›"
# Header fields that differ from one request to the next of the same kind.
_PER_REQUEST = frozenset((b"content-length", b"idempotency-key", b"date"))
_SHOWN = 64 * 1024  # bytes of a body that events show
# Of no interest to a reviewer; the digest covers them all the same.
_DULL = re.compile(
    rb"accept(-.*)?|user-agent|dnt|priority|sec-.*|traceparent|tracestate|cache-control|pragma|origin|referer|te"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose requests these are, and to what."""

    principal: str
    resource: str
    detectors: tuple[str, ...]
    known: Known


def make_call_command(
    call: Call, subject: Subject, new_id: Callable[[], str], reason: str = "", ticket: str = ""
) -> Command:
    """The command of one request."""
    reading = read_call(call, subject.known)
    head = _Text(call, subject, reading)
    verb = WEBSOCKET.upper() if call.is_websocket else call.method  # no digest of a GET is that of an upgrade
    said = Spoken(f"{verb} {call.target}", _said_parameters(call))
    shown = Spoken(f"{verb} {head.target()}", head.parameters())
    return make_command(
        id=new_id(),
        stage=Stage.EXECUTE,
        principal=subject.principal,
        resource=subject.resource,
        said=said,
        bound=_bound(call),
        shown=shown,
        context=_context(call),
        facts=redact_facts(reading.facts, subject.detectors),
        reason=redact_text(reason, subject.detectors),
        ticket=redact_text(ticket, subject.detectors),
        pattern=_pattern(call, subject, reading),
    )


def shown_message(data: bytes, subject: Subject) -> str:
    """A message that the client sends over a WebSocket, as the recording may show it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or len(data) > _SHOWN:
        return f"‹{len(data)} bytes›"
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        # What could not be read may hold any field.
        return PLACEHOLDER if subject.known.selectors else redact_text(text, subject.detectors)
    return shown_document(document, data, subject)


def shown_document(document: Any, data: bytes, subject: Subject) -> str:
    """A JSON document that a request has, read from `data`, as events may show it."""
    selectors = subject.known.selectors

    def hidden(path: Path) -> str | None:
        return PLACEHOLDER if is_hidden(path, selectors) else None

    plain = json.dumps(document, ensure_ascii=False)
    shown = redact_text(json.dumps(shown_json(document, hidden), ensure_ascii=False), subject.detectors)
    return shown if shown != plain else data.decode()


def _pattern(call: Call, subject: Subject, reading: Reading) -> Pattern | None:
    """What other requests a reviewer may grant along with this one: of the same method, path (as the API's
    description has it), fields of query and body, and header, with other values. None where any of its bytes
    can decide what it does."""
    path = readings(call.target.path)[0]
    is_graphql = path.rstrip("/") == (subject.known.graphql or "").rstrip("/")
    if is_graphql or Intent.UNKNOWN in reading.facts.intents:
        return None
    operation = subject.known.description.operation(call.method, path) if subject.known.description else None
    if operation is not None:
        template = operation.template.split("/")
        base = path.split("/")[: 1 - len(template)]
        path = "/".join((*base, *template[1:]))
    names = "&".join(f"{name}={VALUE}" for name in sorted({name for name, _ in pairs(call.target.query)}))
    fields = sorted({name for name, _ in reading.body.fields})
    shown = f"{call.method} {path}"
    if names:
        shown += f"?{names}"
    if fields:
        shown += f" with {', '.join(fields)}"
    if redact_text(shown, subject.detectors) != shown:
        return None
    facts = replace(reading.facts, paths=())
    kept = [(name, value) for name, value in call.fields if not _is_dull(name) and name not in _PER_REQUEST]
    context = tuple(
        ContextItem(f"{number} {name.decode('latin-1')}", value.decode("latin-1"))
        for number, (name, value) in enumerate(sorted(kept))
    )
    return Pattern(shown, shown, facts, context)


def _bound(call: Call) -> tuple[bytes | None, ...]:
    return (*(part for field in call.fields for part in field), call.body)


def _context(call: Call) -> tuple[ContextItem, ...]:
    """What the digest covers beside the request's own bytes."""
    body = call.body or b""
    return (ContextItem("body", f"{len(body)} bytes{'' if call.is_whole else ' and more'}"),)


def _said_parameters(call: Call) -> tuple[str | None, ...]:
    lines = tuple(
        f"{name.decode()}: {value.decode('latin-1')}" for name, value in call.fields if not _is_dull(name)
    )
    return (*lines, _readable(call)) if call.body else lines


def _readable(call: Call) -> str:
    assert call.body is not None
    if not call.is_whole or len(call.body) > _SHOWN:
        return f"‹{len(call.body)} bytes{'' if call.is_whole else ' and more'}›"
    try:
        return call.body.decode()
    except UnicodeDecodeError:
        return f"‹{len(call.body)} bytes›"


def _is_dull(name: bytes) -> bool:
    return _DULL.fullmatch(name) is not None


class _Text:
    """A request as events may show it."""

    def __init__(self, call: Call, subject: Subject, reading: Reading) -> None:
        self._call = call
        self._subject = subject
        self._detectors = subject.detectors
        self._selectors = subject.known.selectors
        self._body: Body = reading.body

    def target(self) -> str:
        target = self._call.target
        query = None if target.query is None else shown_form(target.query, self._value)
        return str(RequestTarget(shown_path(target.path, self._value), query))

    def parameters(self) -> tuple[str | None, ...]:
        call = self._call
        found: list[str | None] = []
        for name, value in call.fields:
            if _is_dull(name):
                continue
            shown = PLACEHOLDER if is_secret(name) else redact_text(value.decode("latin-1"), self._detectors)
            found.append(f"{name.decode()}: {shown}")
        if call.body:
            found.append(self._shown_body(call.body))
        return tuple(found)

    def _shown_body(self, body: bytes) -> str:
        call = self._call
        if self._body.parts:
            shown = "\n".join(self._shown_part(part) for part in self._body.parts)
            return shown if len(shown) <= _SHOWN else f"‹{len(body)} bytes›"
        if not call.is_whole or len(body) > _SHOWN:
            return _readable(call)
        if JSON_TYPE.fullmatch(call.media_type) and not self._body.unproven:
            return shown_document(self._body.document, body, self._subject)
        if call.media_type == FORM and not self._body.unproven:
            return shown_form(body.decode("ascii"), self._value)
        # What could not be read may hold anything.
        return PLACEHOLDER if self._selectors or self._detectors else _readable(call)

    def _shown_part(self, part: Part) -> str:
        """One field of a form; of a file its name, type and size."""
        name = redact_text(part.name, self._detectors)
        if part.file is None:
            return f"{name}: {self._value(part.name, part.data.decode())}"
        file = redact_text(part.file, self._detectors)
        return f'{name}: file "{file}", {part.media_type}, {len(part.data)} bytes'

    def _value(self, name: str, value: str) -> str:
        if value and name and (SECRET_NAME.search(name) or self._selectors.names_one(name) is not None):
            return PLACEHOLDER
        return redact_text(value, self._detectors)
