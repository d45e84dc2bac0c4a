"""What a message of a client does, proven from the message, the configuration and what was pinned. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from ingress.mcp import words
from ingress.mcp.definitions import Pins, is_name
from ingress.mcp.messages import INVALID_PARAMS, Answer, BadMessage, Members, Message, Notification, Request
from ingress.mcp.uris import read_uri
from ingress.web.selectors import Selectors
from ingress.web.strict import BadRequest
from schemas.vocabulary import Facts, Intent

_WITH_URI = (words.READ, "resources/subscribe", "resources/unsubscribe")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a server: `intents`, a glob of tools' names -> what they are for; the tools it has
    described; its sensitive fields."""

    intents: Mapping[str, tuple[Intent, ...]]
    pins: Pins
    selectors: Selectors


def read_message(message: Message, known: Known) -> Facts:
    """What this message does. Raises BadMessage where its tool or resource has a name that cannot be told
    from another's, or the tool was never listed."""
    match message:
        case Answer():
            return _facts(words.ANSWER, {Intent.SESSION})
        case Notification():
            return _facts(message.method, {words.NOTIFICATIONS[message.method]})
        case Request(method=words.CALL):
            return _call(message, known)
    intent = words.REQUESTS[message.method]
    assert intent is not None
    if message.method == words.PROMPT:
        arguments = message.params.get("arguments", {})
        names = tuple(sorted(set(fields_of(arguments)))) if arguments else ()
        return _facts(message.method, {intent}, functions=(message.params["name"],), columns=names)
    return _facts(message.method, {intent}, paths=_uri(message))


def stream_facts(statement: str, method: str) -> Facts:
    """Of a request without a message: GET and DELETE."""
    return _facts(statement, {Intent.SESSION}, method=method)


def tool_facts(name: str, known: Known, fields: tuple[str, ...] = ()) -> Facts:
    """Of a call of this tool with arguments of these names."""
    configured = [intents for glob, intents in known.intents.items() if fnmatchcase(name, glob)]
    intents = {intent for one in configured for intent in one}
    unproven = [] if configured else ["what the tool does is not configured (mcp.tools)"]
    pin = known.pins.get(name)
    intents |= set(pin.intents) if pin is not None else set()
    if pin is not None and pin.changed:
        unproven.append("the server has changed the tool's definition since it was first seen")
    if unproven:
        intents.add(Intent.UNKNOWN)
    return _facts(
        words.CALL, intents, tools=(name,), functions=(name,), columns=fields, unproven=tuple(unproven)
    )


def fields_of(value: Any, path: str = "$") -> Iterator[str]:
    """The names of all fields with a value: "$.customer.email"; arrays are no step of their own."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from fields_of(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from fields_of(inner, path)
    else:
        yield path


def _call(request: Request, known: Known) -> Facts:
    name = request.params["name"]
    if not is_name(name):
        raise BadMessage("no tool can have that name", INVALID_PARAMS, request.id)
    if name not in known.pins:
        # Only an exact name counts: what the server makes of another, nobody judged.
        said = "no such tool was listed through the gateway: ask for tools/list first, and spell it the same"
        raise BadMessage(said, INVALID_PARAMS, request.id)
    arguments = request.params.get("arguments", {})
    facts = tool_facts(name, known, tuple(sorted(set(fields_of(arguments) if arguments else ()))))
    probed = _probed(arguments, known.selectors) if Intent.WRITE not in facts.intents else ()
    if not probed:
        return facts
    return replace(facts, intents=tuple(sorted((*facts.intents, Intent.PROBE))), probed=probed)


def _probed(arguments: Members, selectors: Selectors) -> tuple[str, ...]:
    """The sensitive fields that a reading call names, and so may filter or sort by
    (docs/decisions/0010-what-probes.md)."""
    if not selectors:
        return ()
    return tuple(
        sorted({one for text in _texts(arguments) if (one := selectors.names_one(text)) is not None})
    )


def _texts(value: Any) -> Iterator[str]:
    """All texts in a value, names too."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def _uri(request: Request) -> tuple[str, ...]:
    if request.method not in _WITH_URI:
        return ()
    try:
        return (read_uri(request.params["uri"]),)
    except BadRequest as error:
        raise BadMessage(str(error), INVALID_PARAMS, request.id) from error


def _facts(
    statement: str,
    intents: set[Intent],
    *,
    method: str = "POST",
    tools: tuple[str, ...] = (),
    functions: tuple[str, ...] = (),
    columns: tuple[str, ...] = (),
    paths: tuple[str, ...] = (),
    unproven: tuple[str, ...] = (),
) -> Facts:
    return Facts(
        intents=tuple(sorted(intents)),
        statements=(statement,),
        columns=columns,
        functions=functions,
        unproven=unproven,
        methods=(method,),
        paths=paths,
        tools=tools,
    )
