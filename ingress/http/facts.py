"""What a request does, proven from the request alone and the API's own description. Pure.

A method says what a request is for (RFC 9110, section 9.2.1: GET, HEAD and OPTIONS are safe); what the
gateway cannot read of it makes it unknown, with the reason.
"""

import re
from dataclasses import dataclass, field

from ingress.http.graphql import Operations, read_operations
from ingress.http.openapi import Description
from ingress.http.words import WEBSOCKET
from ingress.web.bodies import Body, read_body
from ingress.web.call import Call
from ingress.web.paths import pairs, readings
from ingress.web.selectors import Selectors
from schemas.vocabulary import Facts, Intent

_SAFE = ("GET", "HEAD", "OPTIONS")
_WRITES = ("POST", "PUT", "PATCH")
# A segment that names one thing: a number, a UUID, a long hexadecimal word, or an identifier with digits.
_NAMES_ONE = re.compile(r"\d+|[0-9a-fA-F-]{12,}|[A-Za-z]{2,}[_-][A-Za-z0-9]*\d[A-Za-z0-9]*")
# Ruby on Rails, Laravel, Symfony and their like run this method in the place of the request's own.
_METHOD_FIELDS = ("_method", "_httpmethod", "x-http-method-override")
_KINDS = {"query": Intent.READ, "mutation": Intent.WRITE, "subscription": Intent.READ}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a resource's requests beside themselves."""

    selectors: Selectors = field(default_factory=lambda: Selectors(()))
    description: Description | None = None
    graphql: str | None = None  # the path of its GraphQL endpoint
    ignores_case: bool = False  # in paths


@dataclass(frozen=True, slots=True)
class Reading:
    """A request's facts, and its body as it was read."""

    facts: Facts
    body: Body


def read_call(call: Call, known: Known) -> Reading:
    """What this request does."""
    body = read_body(call)
    paths = readings(call.target.path)
    if known.ignores_case:
        paths = tuple(path.lower() for path in paths)
    query = pairs(call.target.query)
    unproven = [body.unproven] if body.unproven else []
    intents: set[Intent] = set()
    functions: set[str] = set()
    methods = {call.method, *_overrides(query, body)}
    operations = None
    if known.graphql is not None and paths[-1] == known.graphql.rstrip("/"):
        operations = read_operations(body.document, dict(query), has_body=bool(call.body))
        intents |= {_KINDS[kind] for kind in operations.kinds}
        functions |= operations.functions
        unproven += [operations.unproven] if operations.unproven else []
    names_one: bool | None = None
    if known.description is not None:
        operation = known.description.operation(call.method, paths[0])
        if operation is None:
            unproven.append("the API's description has no such operation")
        else:
            functions.add(operation.id)
            names_one = operation.is_one
    if operations is None or not operations.kinds:
        for method in methods:
            intents |= _intents(method, paths[-1], names_one)
    if call.is_websocket:
        intents = {Intent.NETWORK}
        unproven.append("what is said over a WebSocket is not judged message by message")
    probed = _probed(call, known.selectors, query, body, operations) if Intent.WRITE not in intents else ()
    if probed:
        intents.add(Intent.PROBE)
    if operations is not None and any(
        known.selectors.leads_by(name) or known.selectors.names_one(name) for name in operations.renamed
    ):
        unproven.append("it gives a sensitive field, or one on the way to it, another name")
    if not intents:
        unproven.append(f"what {call.method} does is not known")
    if unproven:
        intents.add(Intent.UNKNOWN)
    return Reading(
        Facts(
            intents=tuple(sorted(intents)),
            statements=(WEBSOCKET,) if call.is_websocket else (),
            columns=tuple(sorted({path for path, _ in body.fields})),
            functions=tuple(sorted(functions)),
            unproven=tuple(sorted(set(unproven))),
            probed=probed,
            methods=tuple(sorted(methods)),
            paths=tuple(sorted(paths)),
        ),
        body,
    )


def _intents(method: str, path: str, names_one: bool | None) -> set[Intent]:
    if method in _SAFE:
        return {Intent.READ}
    if method in _WRITES:
        return {Intent.WRITE}
    if method == "DELETE":
        one = (
            names_one if names_one is not None else _NAMES_ONE.fullmatch(path.rpartition("/")[2]) is not None
        )
        return {Intent.WRITE} if one else {Intent.BULK_WRITE, Intent.WRITE}
    return set()


def _overrides(query: tuple[tuple[str, str], ...], body: Body) -> set[str]:
    """Other methods that a framework may run instead."""
    named = [value for name, value in query if name.lower() in _METHOD_FIELDS]
    named += [value for name, value in body.fields if name.removeprefix("$.").lower() in _METHOD_FIELDS]
    return {value.upper() for value in named if value}


def _probed(
    call: Call,
    selectors: Selectors,
    query: tuple[tuple[str, str], ...],
    body: Body,
    operations: Operations | None,
) -> tuple[str, ...]:
    """The sensitive fields that a reading request filters, sorts or renames by: it names them."""
    if not selectors:
        return ()
    texts = [text for pair in query for text in pair]
    texts += [name for name, _ in body.fields if name != "$.query"]
    if operations is None:
        texts += [value for _, value in body.fields]
    else:
        texts += [
            *operations.given,
            *(value for name, value in body.fields if name.startswith("$.variables")),
        ]
    found = {selector for text in texts if (selector := selectors.names_one(text)) is not None}
    return tuple(sorted(found))
