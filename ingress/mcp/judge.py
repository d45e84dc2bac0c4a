"""A message -> the command that is asked about: facts, digest, and what events may show of it. Pure.

The digest covers what is asked: the method and all its parameters. A message's id and its progress token are
left out, since a retry has others, and so is the session, since servers end them as they like: a call that is
asked again is the same command (docs/decisions/0019).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ingress.command import Command, Pattern, Spoken, make_command
from ingress.mcp import words
from ingress.mcp.facts import Known, read_message, stream_facts, tool_facts
from ingress.mcp.messages import Answer, Message, Notification, Request
from ingress.web.bodies import is_hidden, shown_json
from ingress.web.selectors import Path
from processors.masking.apply import redact_facts, redact_text
from schemas.vocabulary import ContextItem, Facts, Intent, Stage

PLACEHOLDER = "‹sealed›"
REASON, TICKET = "countersign/reason", "countersign/ticket"
"""Keys of a request's _meta: why it is wanted. For the gateway, as the header fields are."""
_SHOWN = 64 * 1024  # characters of a command that events show
_OWN = ("progressToken", REASON, TICKET)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose messages these are, and to what."""

    principal: str
    resource: str
    detectors: tuple[str, ...]
    known: Known


@dataclass(frozen=True, slots=True)
class Why:
    """In the requester's own words."""

    reason: str = ""
    ticket: str = ""


def make_message_command(message: Message, subject: Subject, new_id: Callable[[], str], why: Why) -> Command:
    """The command of one message. Raises BadMessage."""
    facts = read_message(message, subject.known)
    name, body = _named(message)
    meta = _meta(message)

    def spoken(show: Callable[[Any], Any]) -> Spoken:
        text = " ".join(part for part in (*name, _written(show(body)) if body else "") if part)
        return Spoken(_cut(text), (_written(show(meta)),) if meta else ())

    redact = _Redacting(subject)
    shown = spoken(redact.document)
    return make_command(
        id=new_id(),
        stage=Stage.EXECUTE,
        principal=subject.principal,
        resource=subject.resource,
        said=spoken(lambda document: document),
        # Whole, however long what events show of it.
        bound=(_written([*name, body, meta]).encode(),),
        shown=Spoken(redact.text(shown.text), tuple(map(redact.text, filter(None, shown.parameters)))),
        context=(ContextItem("protocol", "mcp"),),
        facts=redact.facts(facts),
        reason=redact.text(why.reason),
        ticket=redact.text(why.ticket),
        pattern=_pattern(name, facts, redact),
    )


def make_stream_command(statement: str, method: str, subject: Subject, new_id: Callable[[], str]) -> Command:
    """The command of a GET, or a DELETE."""
    return _plain(Stage.EXECUTE, statement, stream_facts(statement, method), subject, new_id)


def make_listed_command(tool: str, subject: Subject, new_id: Callable[[], str]) -> Command:
    """What a call of this tool would be, whatever its arguments: never sent, only asked about."""
    facts = tool_facts(tool, subject.known)
    return _plain(Stage.PREPARE, f"{words.CALL} {tool}", facts, subject, new_id)


def _plain(stage: Stage, text: str, facts: Facts, subject: Subject, new_id: Callable[[], str]) -> Command:
    """One without anything that could be sensitive."""
    return make_command(
        id=new_id(),
        stage=stage,
        principal=subject.principal,
        resource=subject.resource,
        said=Spoken(text, ()),
        bound=(),
        shown=Spoken(text, ()),
        context=(ContextItem("protocol", "mcp"),),
        facts=facts,
    )


def sent_body(message: Message, id: str) -> dict[str, Any]:
    """The message as the server gets it: written anew, so that it reads what was judged. `id`: what it knows
    a request by."""
    match message:
        case Request():
            return {
                "jsonrpc": "2.0",
                "id": id,
                "method": message.method,
                "params": _sent(message.params),
            }
        case Notification():
            return {"jsonrpc": "2.0", "method": message.method, "params": _sent(message.params)}
        case Answer():
            return {"jsonrpc": "2.0", "id": message.id, message.kind: message.body}


def _sent(params: Mapping[str, Any]) -> dict[str, Any]:
    if "_meta" not in params:
        return dict(params)
    meta = {name: value for name, value in params["_meta"].items() if name not in (REASON, TICKET)}
    return {**params, "_meta": meta}


def _named(message: Message) -> tuple[tuple[str, ...], Any]:
    """What is asked, and with what."""
    match message:
        case Answer():
            return (words.ANSWER, str(message.id)), {message.kind: message.body}
        case Request(method=words.CALL | words.PROMPT):
            return (message.method, message.params["name"]), message.params.get("arguments")
        case Request(params={"uri": str(uri)}):
            return (message.method, uri), None
        case _:
            return (message.method,), {
                name: value for name, value in message.params.items() if name != "_meta"
            }


def _meta(message: Message) -> Mapping[str, Any]:
    if isinstance(message, Answer):
        return {}
    meta: Mapping[str, Any] = message.params.get("_meta", {})
    return {name: value for name, value in meta.items() if name not in _OWN}


def _written(document: Any) -> str:
    """In one form, whatever the order of names."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ‹{len(text)} characters›"


def _pattern(name: tuple[str, ...], facts: Facts, redact: "_Redacting") -> Pattern | None:
    """What other calls a reviewer may grant along with this one: of the same tool, with other values in the
    same arguments. None where it is not known what the tool does."""
    if not facts.tools or Intent.UNKNOWN in facts.intents:
        return None
    shown = " ".join(name) + (f" with {', '.join(facts.columns)}" if facts.columns else "")
    return Pattern(shown, shown, facts, ()) if redact.text(shown) == shown else None


class _Redacting:
    """What events may show."""

    def __init__(self, subject: Subject) -> None:
        self._detectors = subject.detectors
        self._selectors = subject.known.selectors

    def text(self, text: str) -> str:
        return redact_text(text, self._detectors)

    def document(self, document: Any) -> Any:
        return shown_json(document, self._hidden)

    def facts(self, facts: Facts) -> Facts:
        """Names of arguments and addresses may hold values."""
        return redact_facts(facts, self._detectors)

    def _hidden(self, path: Path) -> str | None:
        return PLACEHOLDER if is_hidden(path, self._selectors) else None
