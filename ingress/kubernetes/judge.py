"""A request -> the command that is asked about: facts, digest, and what events may show of it. Pure.

The digest covers the whole request as it is sent on: what it asks, method, path and query in its text, every
header field and the body as parameters.
"""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ingress.command import Command, Pattern, Spoken, make_command
from ingress.kubernetes.facts import Reading, arguments, read_call
from ingress.kubernetes.requested import Requested
from ingress.kubernetes.sensitivity import selectors_of
from ingress.web.bodies import shown_form
from ingress.web.call import Call
from ingress.web.fields import is_secret
from ingress.web.paths import RequestTarget
from ingress.web.selectors import Path, Selectors
from processors.masking.apply import redact_facts, redact_text
from schemas.vocabulary import ContextItem, Intent, SensitiveColumn, Stage

PLACEHOLDER = "‹sealed›"
_SHOWN = 256 * 1024  # bytes of a body that events show
_DULL = re.compile(
    rb"accept(-.*)?|user-agent|kubectl-.*|traceparent|tracestate|cache-control|pragma|origin|referer|sec-.*"
)
_SECRET_NAME = re.compile(
    r"passw|secret|token|api_?-?key|credential|private_?key|authorization", re.IGNORECASE
)
_SECRET_FIELD = re.compile(r"(?i).*(?:passw(?:or)?d|token|api_?-?key|private_?key|credentials?|secret)")
_SECRET_WORD = re.compile(
    r"(?i)((?:\b[a-z0-9_]*(?:password|passwd|secret|token|api_?key)|--?(?:pass|pw))(?:\s*[=:]\s*|\s+)"
    r"|\bauthorization:\s*\w+\s+|://[^\s/:@'\"]+:)"
    r"(\"[^\"]*\"|'[^']*'|[^\s'\"@;|&]+)"
)
# What a body is for, where other values in it make it nothing else.
_VALUES_MAY_VARY = frozenset((Intent.READ, Intent.WRITE, Intent.BULK_WRITE, Intent.SESSION))
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose requests these are, and to what."""

    principal: str
    resource: str
    detectors: tuple[str, ...]
    sensitive: tuple[SensitiveColumn, ...]
    signs_in_as: str  # how the cluster knows whoever asks


def make_request_command(
    call: Call,
    requested: Requested,
    subject: Subject,
    new_id: Callable[[], str],
    reason: str = "",
    ticket: str = "",
) -> Command:
    """The command of one request."""
    selectors = selectors_of(requested.kind, subject.sensitive)
    reading = read_call(call, requested, selectors)
    text = _Text(call, requested, subject, selectors, reading)
    return make_command(
        id=new_id(),
        stage=Stage.EXECUTE,
        principal=subject.principal,
        resource=subject.resource,
        said=Spoken(f"{summary(requested)}\n{call.method} {call.target}", _said_parameters(call)),
        bound=(*(part for field in call.fields for part in field), call.body),
        shown=Spoken(text.line(), text.parameters()),
        context=(ContextItem("user", subject.signs_in_as),),
        facts=redact_facts(reading.facts, subject.detectors),
        reason=redact_text(reason, subject.detectors),
        ticket=redact_text(ticket, subject.detectors),
        pattern=_pattern(call, requested, subject, reading),
    )


def _pattern(call: Call, requested: Requested, subject: Subject, reading: Reading) -> Pattern | None:
    """What other requests a reviewer may grant along with this one: the same again, and of a body that starts
    and permits nothing also with other values in the same fields. None where anything is not proven."""
    intents = set(reading.facts.intents)
    if Intent.UNKNOWN in intents or (call.body and not intents <= _VALUES_MAY_VARY):
        return None
    shown = f"{summary(requested)}\n{call.method} {call.target}"
    if fields := sorted({name for name, _ in reading.body.fields}):
        shown += f" with {', '.join(fields)}"
    elif call.body:
        return None
    if redact_text(_SECRET_WORD.sub(_hide, shown), subject.detectors) != shown:
        return None
    kept = sorted(field for field in call.fields if _DULL.fullmatch(field[0]) is None)
    context = tuple(
        ContextItem(f"{number} {name.decode('latin-1')}", value.decode("latin-1"))
        for number, (name, value) in enumerate(kept)
    )
    user = ContextItem("user", subject.signs_in_as)
    return Pattern(shown, shown, reading.facts, (user, *context))


def summary(requested: Requested) -> str:
    """What is asked, in a line: "get pods/web -n dev", "exec pods/web -n dev -c app -it -- sh"."""
    if not requested.resource:
        return f"{requested.verb} {requested.path}"
    verb, kind = requested.verb, requested.kind
    if requested.is_stream:
        verb, kind = requested.subresource, requested.resource
    name = f"/{requested.name}" if requested.name else ""
    words = [verb, kind + name, *(("-n", requested.namespace) if requested.namespace else ())]
    if requested.is_stream:
        if container := requested.value("container"):
            words += ["-c", container]
        words += ["-i"] if requested.says("stdin") else []
        words += ["-t"] if requested.says("tty") else []
        if started := arguments(requested):
            words += ["--", shlex.join(started)]
    return " ".join(words)


def _said_parameters(call: Call) -> tuple[str | None, ...]:
    lines = tuple(
        f"{name.decode()}: {value.decode('latin-1')}"
        for name, value in call.fields
        if _DULL.fullmatch(name) is None
    )
    return (*lines, _readable(call.body)) if call.body else lines


def _readable(body: bytes) -> str:
    try:
        return body.decode() if len(body) <= _SHOWN else f"‹{len(body)} bytes›"
    except UnicodeDecodeError:
        return f"‹{len(body)} bytes›"


class _Text:
    """A request as events may show it."""

    def __init__(
        self, call: Call, requested: Requested, subject: Subject, selectors: Selectors, reading: Reading
    ) -> None:
        self._call = call
        self._requested = requested
        self._detectors = subject.detectors
        self._selectors = selectors
        self._body = reading.body

    def line(self) -> str:
        target = self._call.target
        query = None if target.query is None else shown_form(target.query, self._value)
        asked = redact_text(_SECRET_WORD.sub(_hide, summary(self._requested)), self._detectors)
        path = redact_text(target.path, self._detectors)
        return f"{asked}\n{self._call.method} {RequestTarget(path, query)}"

    def parameters(self) -> tuple[str | None, ...]:
        found: list[str | None] = []
        for name, value in self._call.fields:
            if _DULL.fullmatch(name) is None:
                hidden = is_secret(name)
                shown = PLACEHOLDER if hidden else redact_text(value.decode("latin-1"), self._detectors)
                found.append(f"{name.decode()}: {shown}")
        if self._call.body:
            found.append(self._shown_body(self._call.body))
        return tuple(found)

    def _shown_body(self, body: bytes) -> str:
        if len(body) > _SHOWN:
            return _readable(body)
        if self._body.unproven or self._body.document is None:
            return PLACEHOLDER  # what could not be read may hold anything
        if isinstance(self._body.document, list):  # a JSON Patch: a value is what stands at its path
            document: Any = [_shown_operation(one, self._hidden) for one in self._body.document]
        else:
            document = _shown_object(self._body.document, self._hidden)
        if document == self._body.document and redact_text(body.decode(), self._detectors) == body.decode():
            return body.decode()
        return redact_text(json.dumps(document, ensure_ascii=False), self._detectors)

    def _hidden(self, path: Path) -> bool:
        if path[-1:] == (_APPLIED,):
            return bool(self._selectors)
        return self._selectors.match(path) is not None

    def _value(self, name: str, value: str) -> str:
        if name == "command":
            value = _SECRET_WORD.sub(_hide, value)
        elif value and name and _SECRET_NAME.search(name):
            return PLACEHOLDER
        return redact_text(value, self._detectors)


def _hide(found: re.Match[str]) -> str:
    return found[1] + PLACEHOLDER


def _shown_operation(operation: Any, hide: Callable[[Path], bool]) -> Any:
    if not isinstance(operation, Mapping) or not isinstance(operation.get("path"), str):
        return PLACEHOLDER
    steps = operation["path"].split("/")[1:]
    path = tuple(
        step.replace("~1", "/").replace("~0", "~") for step in steps if not (step.isdigit() or step == "-")
    )
    return {
        name: _shown_object(value, hide, path) if name == "value" else value
        for name, value in operation.items()
    }


def _shown_object(value: Any, hide: Callable[[Path], bool], path: Path = ()) -> Any:
    """A document with what is hidden replaced, and the values of environment variables whose names say that
    they are secret. Arrays are no step of a path."""
    if hide(path):
        return PLACEHOLDER
    if isinstance(value, list):
        return [_shown_object(inner, hide, path) for inner in value]
    if not isinstance(value, Mapping):
        is_secret = isinstance(value, str) and bool(path) and _SECRET_FIELD.fullmatch(path[-1])
        return PLACEHOLDER if is_secret else value
    shown = {name: _shown_object(inner, hide, (*path, name)) for name, inner in value.items()}
    name = shown.get("name")
    if isinstance(name, str) and isinstance(shown.get("value"), str) and _SECRET_NAME.search(name):
        shown["value"] = PLACEHOLDER
    return shown
