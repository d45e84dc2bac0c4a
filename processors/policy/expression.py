"""CEL expressions of rules (Common Expression Language, cel-spec langdef).

Variables: `principal` (name, kind, groups, acts_for, acts_for_groups), `resource` (name, labels), `command`
(text, intents, statements, tables, columns, functions, programs, methods, paths, verbs, kinds_of_object,
namespaces, tools, reason, ticket), `context` (names and values the command's meaning depends on), `client`
(address) and `now` (a timestamp, UTC).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError, base_functions

from processors.policy.command import Command, Resource
from schemas.vocabulary import Facts, Intent, Principal, PrincipalKind

_NOT_BOOLEAN = "an expression must be true or false"
_VARIABLES = frozenset({"principal", "resource", "command", "context", "client", "now"})
_MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})  # each names a variable of its own


class ExpressionFailed(Exception):
    """The expression has no answer for this command. Says why without any of the command's values."""


def compile_expression(text: str) -> Callable[[Command, datetime], bool]:
    """The expression as a predicate that raises ExpressionFailed.

    Raises ValueError when it is not CEL, or uses a name there is not.
    """
    environment = celpy.Environment()
    try:
        tree = environment.compile(text)
    except CELParseError as error:
        raise ValueError(f"not a CEL expression: {_place(error)}") from error
    if undeclared := _undeclared(tree):
        known = ", ".join(sorted(_VARIABLES))
        raise ValueError(f"{', '.join(undeclared)}: no such variable or function; variables are {known}")
    program = environment.program(tree)

    def holds(command: Command, now: datetime) -> bool:
        try:
            answer = program.evaluate(_variables(command, now))
        except CELEvalError as error:
            raise ExpressionFailed(_reason(error)) from None  # the error quotes the command
        if not isinstance(answer, celtypes.BoolType):
            raise ExpressionFailed(_NOT_BOOLEAN)
        return bool(answer)

    return holds


def check_expression(text: str) -> str | None:
    """What is wrong with the expression, or None: it is tried on a command that reads nothing."""
    try:
        compile_expression(text)(_SAMPLE, datetime(2026, 1, 1, tzinfo=UTC))
    except ValueError as error:
        return str(error)
    except ExpressionFailed as error:
        # Whether a map has a key, or a value a type, depends on the command.
        return _NOT_BOOLEAN if str(error) == _NOT_BOOLEAN else None
    return None


_SAMPLE = Command(
    Principal("sample", PrincipalKind.PERSON, ("sample",)),
    Resource("sample", {}),
    "select 1",
    Facts((Intent.READ,), ("select",)),
    {},
    "127.0.0.1:1",
)


def _variables(command: Command, now: datetime) -> dict[str, Any]:
    principal, resource, facts = command.principal, command.resource, command.facts
    return {
        "principal": _map(
            name=principal.name,
            kind=principal.kind.value,
            groups=principal.groups,
            acts_for=principal.acts_for,
            acts_for_groups=principal.acts_for_groups,
        ),
        "resource": _map(name=resource.name, labels=dict(resource.labels)),
        "command": _map(
            text=command.text,
            intents=tuple(intent.value for intent in facts.intents),
            statements=facts.statements,
            tables=facts.tables,
            columns=facts.columns,
            functions=facts.functions,
            programs=facts.programs,
            methods=facts.methods,
            paths=facts.paths,
            verbs=facts.verbs,
            kinds_of_object=facts.kinds_of_object,
            namespaces=facts.namespaces,
            tools=facts.tools,
            reason=command.reason,
            ticket=command.ticket,
        ),
        "context": _map(**command.context),
        "client": _map(address=command.client_address),
        "now": celtypes.TimestampType(now),
    }


def _map(**values: Any) -> Any:
    return json_to_cel(
        {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
    )


def _undeclared(tree: Any) -> list[str]:
    """The names that nothing stands for: evaluation would find one only if it got there."""
    variables = {str(node.children[0]) for node in tree.find_data("ident")}
    functions = {str(node.children[0]) for node in tree.find_data("ident_arg")}
    own = set()
    for node in tree.find_data("member_dot_arg"):
        method = str(node.children[1])
        functions.add(method)
        if method in _MACROS:
            own |= {str(name.children[0]) for name in node.children[2].children[0].find_data("ident")}
    known = set(base_functions)  # the names of types are among them
    return sorted((variables - _VARIABLES - own - known) | (functions - _MACROS - known - {"has", "dyn"}))


def _place(error: CELParseError) -> str:
    return f"line {error.line}, column {error.column}" if error.line else "it does not parse"


def _reason(error: CELEvalError) -> str:
    """The first words of a CEL error, which name the kind of mistake; the rest holds values."""
    words = str(error.args[0]) if error.args else ""
    known = ("no such member in mapping", "found no matching overload")
    return next((kind for kind in known if words.startswith(kind)), "it could not be evaluated")
