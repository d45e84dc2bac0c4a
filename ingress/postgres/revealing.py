"""What is sent of a group whose statements hold tokens: values as parameters, where tokens stand for them.

Never as a part of a text: a server shows texts to whoever asks (pg_stat_activity, pg_prepared_statements,
current_query(), the context of an error). A token in a text becomes a parameter of the gateway's own behind
the client's; so a simple query with one is sent as a series of the extended protocol, which ends with a Sync
(PostgreSQL documentation 55.2.3: of one statement the two do the same). In a Bind the value takes the token's
place.
"""

from collections.abc import Iterator, Sequence

from ingress.postgres.execution import Execution, Expected, Group, Kind
from ingress.postgres.facts import Statement
from ingress.postgres.messages import (
    SYNC,
    Bind,
    make_bind,
    make_describe,
    make_execute,
    make_parse,
    parse_bind,
    parse_parse,
    parse_query,
)
from ingress.postgres.namespace import Portal, Prepared
from ingress.postgres.sql.held import NONE, Literal, Revealed, with_parameters
from ingress.postgres.token_arrays import make_array, parse_array
from processors.masking.tokens import Tokens

_HEADER = 5  # bytes of a message before its body
_TEXT = 25  # OID


def reveal(group: Group, tokens: Tokens | None) -> None:
    """Puts values in the place of tokens, before the group is sent."""
    if tokens is None:
        return
    if group.simple:
        statement = group.executions[0].statement if len(group.executions) == 1 else None
        if statement is not None and statement.revealed.literals:
            _as_series(group, group.executions[0], statement, tokens)
        return
    parsed = (one.change.value for one in group.expected if one.kind is Kind.PARSE and one.change)
    bound = (one.change.value for one in group.expected if one.kind is Kind.BIND and one.change)
    group.messages = [
        _parse(message, next(parsed))
        if message[:1] == b"P"
        else _bind(message, next(bound), group.executions, tokens)
        if message[:1] == b"B"
        else message
        for message in group.messages
    ]


def _as_series(group: Group, execution: Execution, statement: Statement, tokens: Tokens) -> None:
    """A simple query as Parse, Bind, Describe, Execute, Sync."""
    prepared = Prepared(execution.source, first=statement)
    portal = Portal(prepared, Bind(b"", b"", (), (), ()), execution=execution)
    text = _text(parse_query(group.messages[0][_HEADER:]), prepared)
    values = tuple(_values(prepared.literals, statement.revealed, tokens))
    group.simple, group.syncs = False, True
    group.messages = [
        make_parse(b"", text, (_TEXT,) * len(values)),
        make_bind(b"", b"", (), values),
        make_describe(b"P", b""),
        make_execute(b""),
        SYNC,
    ]
    group.expected = [
        Expected(Kind.PARSE, as_query=True),
        Expected(Kind.BIND, as_query=True),
        Expected(Kind.DESCRIBE_PORTAL, portal=portal, as_query=True),
        Expected(Kind.EXECUTE, [execution], portal=portal),
        Expected(Kind.SYNC),
    ]


def _parse(message: bytes, prepared: object) -> bytes:
    if not isinstance(prepared, Prepared) or not prepared.literals:
        return message
    parse = parse_parse(message[_HEADER:])
    types = parse.types + (0,) * (prepared.highest - len(parse.types))
    text = _text(parse.text, prepared)
    return make_parse(parse.name, text, types + (_TEXT,) * len(prepared.literals))


def _text(raw: bytes, prepared: Prepared) -> bytes:
    """What the target has in the place of a text, in the client's encoding: UTF-8 or of one byte a letter."""
    if len(raw) != len(prepared.text):
        return prepared.sent.encode()
    sent = with_parameters(raw.decode("latin-1"), prepared.literals, prepared.highest)
    return sent.encode("latin-1")


def _bind(message: bytes, portal: object, executions: Sequence[Execution], tokens: Tokens) -> bytes:
    if not isinstance(portal, Portal):
        return message
    literals = portal.prepared.literals
    judged = next((one.statement for one in executions if one.bind is portal.bind), None)
    stand = judged.revealed if judged is not None else NONE
    if not literals and not stand.parameters and not stand.arrays:
        return message
    bind = parse_bind(message[_HEADER:])
    values = list(bind.parameters)
    for number, pattern in stand.parameters:
        values[number - 1] = tokens.value((values[number - 1] or b"").decode(), pattern)
    for number, pattern in stand.arrays:
        is_binary = bind.is_binary(number)
        elements = parse_array(values[number - 1] or b"", is_binary=is_binary)
        shown = (tokens.value(element.decode(), pattern) for element in elements)
        values[number - 1] = make_array(shown, is_binary=is_binary)
    formats = bind.formats * len(values) if len(bind.formats) == 1 else bind.formats
    if formats:
        formats += (0,) * len(literals)
    values += _values(literals, stand, tokens)
    return make_bind(bind.portal, bind.statement, formats, tuple(values), bind.result_formats)


def _values(literals: Sequence[Literal], stand: Revealed, tokens: Tokens) -> Iterator[bytes]:
    """What is bound in the place of these: of one that stands for no value any more, the token itself."""
    for literal in literals:
        is_value = literal in stand.literals
        yield tokens.value(literal.token, literal.pattern) if is_value else literal.token.encode()
