"""We are the server: the client's messages -> groups that go to the target together.

A group is closed by what decides it: a simple query, an Execute, or whatever makes the target answer
before an Execute has come (Describe of a statement, Flush, Sync). In the last case a Parse or Bind in the
group is a *preparation*: asked about, as its text reaches the target, but nothing is executed
(docs/decisions/0002-preparations.md).

PostgreSQL documentation, "Message Flow": simple query 55.2.2, extended query 55.2.3, COPY 55.2.6.
"""

from ingress.errors import ClientError
from ingress.gate import Refusal
from ingress.postgres.codec import Message
from ingress.postgres.encodings import decode
from ingress.postgres.execution import Execution, Expected, Group, Kind
from ingress.postgres.facts import Unparsable
from ingress.postgres.judge import Judge
from ingress.postgres.messages import (
    EMPTY_QUERY,
    Bind,
    Field,
    make_describe,
    make_error,
    make_row_description,
    parse_bind,
    parse_execute,
    parse_function_call,
    parse_parse,
    parse_query,
    parse_target,
)
from ingress.postgres.namespace import Change, Namespace, Portal, Prepared
from schemas.vocabulary import Stage

_NEEDS_CONTEXT = frozenset((b"Q", b"E", b"F"))
_DECIDES_OPEN = frozenset((b"S", b"H"))
_LONGEST_TEXT = 1024 * 1024  # bytes: an event holds the text, and once more sealed
_MOST_OPEN = 256  # messages of a series, and
_LARGEST_OPEN = 256 * 1024  # bytes of them, that wait for what decides them
_SHOWN = 1000  # characters of a longer one that are on record


class ClientSide:
    """Puts the client's messages into groups. `encoding`: the client_encoding of the session now."""

    def __init__(self, namespace: Namespace, judge: Judge) -> None:
        self._names = namespace
        self._judge = judge
        self._open = Group()
        self.skipping = False  # an error was sent: all is discarded until Sync
        self.encoding = "UTF8"

    def needs_context(self, message: Message) -> bool:
        """Whether the message makes a command, whose names must be resolved as the target would now."""
        if self.skipping:
            return False
        if message.kind in _NEEDS_CONTEXT:
            return True
        decides = message.kind in _DECIDES_OPEN or (message.kind == b"D" and message.body[:1] == b"S")
        return decides and self._open.undecided

    def take(self, message: Message) -> list[Group]:
        """The groups that this message closes. Raises ClientError for what has no place here."""
        closed = self._take(message)
        if not closed and (len(self._open.messages) >= _MOST_OPEN or self._open.size >= _LARGEST_OPEN):
            return self._close_open()  # a client may send Parse and Bind for ever, and never an Execute
        return closed

    def _take(self, message: Message) -> list[Group]:
        if self.skipping and message.kind != b"S":
            return []
        match message.kind:
            case b"Q":
                self._names.drop_unnamed()
                return [*self._decide_open(), self._simple(message)]
            case b"F":
                return [*self._decide_open(), self._fast_path(message)]
            case b"P":
                return self._parse(message)
            case b"B":
                return self._bind(message)
            case b"E":
                return self._execute(message)
            case b"D":
                return self._describe(message)
            case b"C":
                kind, name = parse_target(message.body)
                change = self._names.ask(Change(kind, name, None))
                self._add(message, Expected(Kind.CLOSE, change=change))
                return []
            case b"H":
                self._add(message)
                return self._close_open()
            case b"S":
                self.skipping = False
                self._add(message, Expected(Kind.SYNC))
                self._open.syncs = True
                return self._close_open()
        raise ClientError(f"a message of type {message.kind.decode('latin-1')} has no place here")

    def discard(self) -> Group:
        """Forgets what is not decided yet, up to Sync; what was in it."""
        self.skipping = True
        group, self._open = self._open, Group()
        return group

    def _add(self, message: Message, *expected: Expected) -> None:
        self._open.messages.append(message.raw)
        self._open.expected.extend(expected)

    def _simple(self, message: Message) -> Group:
        raw = parse_query(message.body)
        group = Group(simple=True)
        if len(raw) > _LONGEST_TEXT:
            return self._too_long(group, raw)
        try:
            text = self._text(raw)
            group.executions = self._judge.query(text)
        except Unparsable as error:
            return self._unparsable(group, raw, error)
        if not group.executions:
            group.error = EMPTY_QUERY
            return group
        group.messages = [message.raw]
        group.expected = [Expected(Kind.QUERY, executions=group.executions)]
        return group

    def _fast_path(self, message: Message) -> Group:
        """A function called by its OID (55.2.5) is the command that would call it by its name."""
        group = Group(simple=True)
        call = parse_function_call(message.body)
        function = self._judge.catalogue.function(call.function)
        if function is None:
            reason = f"function with OID {call.function} does not exist"
            group.executions = [self._judge.refused_anyway(f"call {reason}", reason)]
            group.error = make_error("42883", reason)
            group.fails = True
            return group
        arguments = ", ".join(f"${number}" for number in range(1, len(call.arguments) + 1))
        text = f"select {quoted(function.schema)}.{quoted(function.name)}({arguments})"
        bind = Bind(b"", b"", call.formats, call.arguments, (call.result_format,))
        execution = self._judge.single(Stage.EXECUTE, Prepared(text), bind)
        assert execution is not None
        group.executions = [execution]
        group.messages = [message.raw]
        value = Field(function.name, 0, 0, function.returns, -1, -1, call.result_format)
        described = make_row_description((value,))[5:]
        group.expected = [Expected(Kind.QUERY, executions=group.executions, call=described)]
        return group

    def _parse(self, message: Message) -> list[Group]:
        parse = parse_parse(message.body)
        if len(parse.text) > _LONGEST_TEXT:
            return self._refuse_open(self._too_long(Group(), parse.text))
        try:
            text = self._text(parse.text)
        except Unparsable as error:
            return self._refuse_open(self._unparsable(Group(), parse.text, error))
        change = self._names.ask(Change(b"S", parse.name, Prepared(text, parse.types)))
        self._add(message, Expected(Kind.PARSE, change=change))
        self._open.undecided = True
        return []

    def _bind(self, message: Message) -> list[Group]:
        bind = parse_bind(message.body)
        prepared = self._names.statement(bind.statement)
        if prepared is None:
            name = bind.statement.decode("utf-8", "replace")
            what = f'prepared statement "{name}"' if name else "unnamed prepared statement"
            return self._refuse_open(Group(error=make_error("26000", f"{what} does not exist"), fails=True))
        change = self._names.ask(Change(b"P", bind.portal, Portal(prepared, bind)))
        self._add(message, Expected(Kind.BIND, change=change))
        self._open.undecided = True
        return []

    def _execute(self, message: Message) -> list[Group]:
        name, _ = parse_execute(message.body)
        portal = self._names.portal(name)
        if portal is None:
            shown = name.decode("utf-8", "replace")
            missing = make_error("34000", f'portal "{shown}" does not exist')
            return self._refuse_open(Group(error=missing, fails=True))
        if isinstance(portal.execution, Execution):
            # A suspended portal goes on: the same command, which has its verdict.
            self._add(message, Expected(Kind.EXECUTE, [portal.execution], portal=portal))
            return self._close_open()
        others = self._undecided_besides(portal)
        try:
            execution = self._judge.single(Stage.EXECUTE, portal.prepared, portal.bind)
            prepared = [self._prepare(other, bound) for other, bound in others]
        except Unparsable as error:
            return self._refuse_open(self._unparsable(Group(), portal.prepared.text.encode(), error))
        self._open.executions += [one for one in (*prepared, execution) if one is not None]
        executions = [execution] if execution is not None else []
        if execution is not None:
            portal.execution = execution
            self._describe_quietly(name, portal)
        self._add(message, Expected(Kind.EXECUTE, executions, portal=portal))
        self._open.undecided = False
        return self._close_open()

    def _describe_quietly(self, name: bytes, portal: Portal) -> None:
        """Masking needs the description of the rows; where the client does not ask for it, we do."""
        asked = any(expected.prepared is portal.prepared for expected in self._open.expected)
        if not asked and portal.description is None and portal.prepared.description is None:
            self._open.messages.append(make_describe(b"P", name))
            quiet = Expected(Kind.DESCRIBE_PORTAL, prepared=portal.prepared, portal=portal, quiet=True)
            self._open.expected.append(quiet)

    def _describe(self, message: Message) -> list[Group]:
        kind, name = parse_target(message.body)
        if kind == b"S":
            prepared = self._names.statement(name)
            self._add(message, Expected(Kind.DESCRIBE_STATEMENT, prepared=prepared))
            return self._close_open()
        portal = self._names.portal(name)
        prepared = portal.prepared if portal is not None else None
        self._add(message, Expected(Kind.DESCRIBE_PORTAL, prepared=prepared, portal=portal))
        return []

    def _decide_open(self) -> list[Group]:
        return self._close_open() if self._open.messages else []

    def _close_open(self) -> list[Group]:
        """The open group; what it only prepares is asked about."""
        group = self._open
        if group.undecided:
            try:
                for prepared, portal in self._undecided(group):
                    execution = self._prepare(prepared, portal)
                    if execution is not None:
                        group.executions.append(execution)
            except Unparsable as error:
                syncs = group.syncs
                refused = self._refuse_open(self._unparsable(Group(), prepared.text.encode(), error))
                return [*refused, *(self.take(Message(b"S", b"")) if syncs else [])]
        group.undecided = False
        self._open = Group()
        return [group]

    def _prepare(self, prepared: Prepared, portal: Portal | None) -> Execution | None:
        """As Judge.prepared. Raises Unparsable."""
        return self._judge.prepared(prepared, portal.bind if portal is not None else None)

    def _undecided(self, group: Group) -> list[tuple[Prepared, Portal | None]]:
        """What a group prepares: each statement once, with the portal bound to it where there is one."""
        found: dict[int, tuple[Prepared, Portal | None]] = {}
        for expected in group.expected:
            value = expected.change.value if expected.change is not None else None
            if isinstance(value, Prepared):
                found.setdefault(id(value), (value, None))
            elif isinstance(value, Portal):
                found[id(value.prepared)] = (value.prepared, value)
        return list(found.values())

    def _undecided_besides(self, portal: Portal) -> list[tuple[Prepared, Portal | None]]:
        """What the open group prepares besides the portal that is executed."""
        return [
            (prepared, bound)
            for prepared, bound in self._undecided(self._open)
            if prepared is not portal.prepared or (bound is not None and bound is not portal)
        ]

    def _refuse_open(self, refused: Group) -> list[Group]:
        """What came before in the series goes as far as it may; then comes the refusal."""
        dropped, self._open = self._open, Group()
        for expected in dropped.expected:
            if expected.change is not None:
                self._names.take_back(expected.change)
        self.skipping = True
        return [refused]

    def _too_long(self, group: Group, raw: bytes) -> Group:
        what = f"a command's text of {len(raw)} bytes is longer than the {_LONGEST_TEXT} the gateway takes"
        text = raw[:_SHOWN].decode("utf-8", "replace")
        group.executions = [self._judge.refused_anyway(f"{text}…", what)]
        group.error = make_error(
            "54000", what, hint="Nothing was executed. Send its values as parameters, or by COPY."
        )
        return group

    def _unparsable(self, group: Group, raw: bytes, error: Unparsable) -> Group:
        text = raw.decode("utf-8", "replace")
        group.fails = True
        group.executions = [self._judge.refused_anyway(text, f"does not parse: {error.message}")]
        group.error = make_error(
            "42601",
            error.message,
            position=error.position,
            hint="Nothing was executed: the gateway runs only what it can read.",
        )
        return group

    def _text(self, raw: bytes) -> str:
        """The text of a command. Raises Unparsable where it is not what the target would read."""
        text = decode(raw, self.encoding)
        if text is None:
            raise Unparsable(f"the gateway cannot read the text as {self.encoding}", 1)
        return text


def quoted(name: str) -> str:
    """A name as an identifier that means it (PostgreSQL documentation, 4.1.1)."""
    return '"' + name.replace('"', '""') + '"'


def refusal_after_cancel() -> Refusal:
    """For a command that its client cancelled while it was held."""
    return Refusal(
        message="canceling statement due to user request",
        hint="The command was held and has been withdrawn. Nothing was executed.",
        cancelled=True,
    )
