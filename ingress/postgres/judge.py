"""Text -> the command that is asked about: facts, digest, and what events may show of it. Pure."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ingress.command import Command, Pattern, Spoken, make_command
from ingress.postgres.catalogue import Catalogue
from ingress.postgres.execution import Execution
from ingress.postgres.facts import Context, Cursor, Statement, Unparsable, analyse
from ingress.postgres.messages import Bind
from ingress.postgres.namespace import Prepared
from ingress.postgres.parameters import readable
from ingress.postgres.reasons import Reasons
from ingress.postgres.sql.columns import Origin
from ingress.postgres.sql.held import NONE, Held
from ingress.postgres.sql.pattern import shape_of
from ingress.postgres.sql.settings import MEANING
from ingress.postgres.token_arrays import parse_array
from ingress.postgres.transaction import controls, has_control
from processors.masking.apply import redact_text
from processors.masking.tokens import Tokens
from schemas.vocabulary import ContextItem, Facts, Intent, SensitiveColumn, Stage

PLACEHOLDER = "‹sealed›"
_CACHED_TEXT = 64 * 1024  # longer texts are not worth the memory
_TEXTS = frozenset((0, 25, 1043))  # OIDs: not declared, text, varchar
_ARRAYS = frozenset((0, 1009, 1015))  # of those
_QUOTED = re.compile(r"'(?:[^']|'')*'?|(\$\w*\$).*?(?:\1|$)", re.DOTALL)


class FactsCache:
    """The statements of texts seen lately, by text and by all that their meaning depends on."""

    def __init__(self, entries: int = 4096) -> None:
        self._entries = entries
        self._found: OrderedDict[tuple[object, ...], tuple[Statement, ...]] = OrderedDict()

    def statements(
        self,
        text: str,
        catalogue: Catalogue,
        context: Context,
        sensitive: tuple[SensitiveColumn, ...],
        held: Held | None = None,
    ) -> tuple[Statement, ...]:
        """As `analyse`. Raises Unparsable."""
        key = (
            text,
            catalogue.version,
            context.search_path,
            context.role,
            context.standard_conforming_strings,
            frozenset(context.prepared.items()),
            frozenset(context.cursors.items()),
            sensitive,
            held,
        )
        found = self._found.get(key)
        if found is not None:
            self._found.move_to_end(key)
            return found
        found = analyse(text, catalogue, context, sensitive, held)
        if len(text) <= _CACHED_TEXT:
            self._found[key] = found
            if len(self._found) > self._entries:
                self._found.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose commands these are, and on what."""

    principal: str
    resource: str
    database: str
    sensitive: tuple[SensitiveColumn, ...]
    detectors: tuple[str, ...]
    tokens: Tokens | None = None  # that clients may hold, where a column is masked by them


class Judge:
    """Makes the commands of one session. `catalogue`, `context` and `transaction` are kept up to date."""

    def __init__(
        self, subject: Subject, cache: FactsCache, new_id: Callable[[], str], catalogue: Catalogue
    ) -> None:
        self._subject = subject
        self._cache = cache
        self._new_id = new_id
        self.catalogue = catalogue
        self.context = Context(search_path=(), role="")
        self.transaction = b"I"
        self.in_block = False  # whether the client's own transaction is open once all before has run
        self.reasons = Reasons()
        self.unread: frozenset[str] = frozenset()  # changed in the open transaction: see `unread_names`
        self.firsts: Callable[[], Mapping[str, Statement]] = dict  # of prepared statements, when parsed
        self._began: tuple[str, ...] | None = None  # the settings when they were first known
        self.is_stale = False  # the context could not be asked for: what it decides is not proven

    def learn(self, prepared: Mapping[str, str], cursors: Mapping[str, Cursor]) -> None:
        """What names of the session stand for now."""
        if self.context.prepared != prepared or self.context.cursors != cursors:
            self.context = replace(self.context, prepared=prepared, cursors=dict(cursors))

    @property
    def tokens(self) -> Tokens | None:
        """Those that its client may hold for values."""
        return self._subject.tokens

    def origin(self, table: int, attribute: int) -> Origin | None:
        """As Catalogue.origin, of the catalogue as it is then."""
        return self.catalogue.origin(table, attribute)

    def query(self, text: str) -> list[Execution]:
        """An execution for each statement of a simple query. Raises Unparsable."""
        executions = []
        for number, statement in enumerate(self._statements(text, self._held(()))):
            execution = self._execution(Stage.EXECUTE, statement, statement.text, None)
            execution.source, execution.number, execution.held = text, number, self._held(())
            executions.append(execution)
        if len(executions) > 1 and has_control(executions):
            for execution in executions:
                execution.command = replace(execution.command, holds_commit=False)
        return executions

    def single(self, stage: Stage, prepared: Prepared, bind: Bind | None) -> Execution | None:
        """The execution or preparation of a prepared statement; None when its text is empty.

        Raises Unparsable.
        """
        held = self._held_by(prepared, bind)
        statements = self._statements(prepared.text, held)
        if not statements:
            return None
        if len(statements) > 1:
            # As PostgreSQL says it (42601).
            raise Unparsable("cannot insert multiple commands into a prepared statement", 1)
        if prepared.first is None:
            prepared.first = statements[0]
            prepared.strings = self.context.standard_conforming_strings
        doubts = self._doubts_of_types(prepared.types)
        if not prepared.strings and "\\" in prepared.text:
            doubts.append("it was parsed while a backslash in a string meant something else")
        if not set(statements[0].revealed.literals) <= set(prepared.literals):
            held, statements = None, self._statements(prepared.text)  # at the target they are texts
        execution = self._execution(stage, statements[0], prepared.text, bind, doubts, [prepared.first])
        execution.source, execution.held = prepared.text, held
        execution.prepared, execution.bind = prepared, bind
        return execution

    def prepared(self, prepared: Prepared, bind: Bind | None) -> Execution | None:
        """What is asked about a statement that is parsed or bound, and not executed.

        Bind plans, and to plan is to call functions that claim to be immutable or stable ("Function
        Volatility Categories"): of a statement with something unproven that is an execution. None when its
        text is empty. Raises Unparsable.
        """
        runs = bind is not None and self.doubts(prepared)
        return self.single(Stage.EXECUTE if runs else Stage.PREPARE, prepared, bind)

    def again(self, execution: Execution) -> Execution:
        """What was judged, as what it is now. Raises Unparsable."""
        if execution.prepared is None:
            return self.query(execution.source)[execution.number]
        is_run = execution.command.stage is Stage.EXECUTE
        found = (
            self.single(Stage.EXECUTE, execution.prepared, execution.bind)
            if is_run
            else self.prepared(execution.prepared, execution.bind)
        )
        assert found is not None, "its text had a statement"
        return found

    def means_the_same(self, execution: Execution) -> bool:
        """Whether what was judged is still what would run: the catalogue may have changed since."""
        statement = execution.statement
        if statement is None or execution.snapshot == self.catalogue.version:
            return True
        try:
            again = self._statements(execution.source, execution.held)[execution.number]
        except (Unparsable, IndexError):
            return False
        return (again.meaning, again.facts) == (statement.meaning, statement.facts)

    def doubts(self, prepared: Prepared) -> bool:
        """Whether something of what a statement does is not proven. Raises Unparsable."""
        return any(Intent.UNKNOWN in one.facts.intents for one in self._statements(prepared.text)) or bool(
            self._doubts_of_types(prepared.types)
        )

    def _doubts_of_types(self, types: tuple[int, ...]) -> list[str]:
        """What making parameters of these types (OIDs; 0: the server is to find out) can run."""
        found = []
        for oid in types:
            known = self.catalogue.type(oid)
            if oid and known is None:
                found.append("a parameter's type is not known")
            elif known is not None and known.runs:
                found.append(f"type {known.schema}.{known.name} {known.runs}")
        return found

    def refused_anyway(self, text: str, reason: str) -> Execution:
        """What the gateway does not run whatever the policy says; asked about so that it is on record."""
        facts = Facts(intents=(Intent.UNKNOWN,), unproven=(reason,))
        return Execution(self._command(Stage.EXECUTE, text, None, None, facts), None)

    def of_facts(self, text: str, facts: Facts) -> Command:
        """The command of a text that is no SQL, whose facts are told."""
        return self._command(Stage.EXECUTE, text, None, None, facts, redacted=text)

    def _statements(self, text: str, held: Held | None = None) -> tuple[Statement, ...]:
        return self._cache.statements(text, self.catalogue, self.context, self._subject.sensitive, held)

    def _held(self, parameters: tuple[tuple[int, str], ...] | None) -> Held | None:
        return Held(self._subject.tokens, parameters) if self._subject.tokens is not None else None

    def _held_by(self, prepared: Prepared, bind: Bind | None) -> Held | None:
        """What is known of the tokens of a prepared statement. What is a token is text in either format."""
        tokens = self._subject.tokens
        if bind is None or tokens is None:
            return self._held(None)
        found, arrays = [], []
        for number, value in enumerate(bind.parameters, start=1):
            declared = prepared.types[number - 1] if number <= len(prepared.types) else 0
            if value is None:
                continue
            if declared in _TEXTS and (pattern := tokens.made_for(value.decode("ascii", "replace"))):
                found.append((number, pattern))
            elif declared in _ARRAYS:
                elements = parse_array(value, is_binary=bind.is_binary(number))
                patterns = {tokens.made_for(element.decode("ascii", "replace")) for element in elements}
                arrays += [(number, pattern) for pattern in patterns if pattern and len(patterns) == 1]
        return Held(tokens, tuple(found), tuple(arrays))

    def _execution(
        self,
        stage: Stage,
        statement: Statement,
        text: str,
        bind: Bind | None,
        doubts: Iterable[str] = (),
        parsed: Iterable[Statement] = (),
    ) -> Execution:
        facts = statement.facts
        firsts = self.firsts() if statement.executes else {}
        for first in (*parsed, *(firsts[name] for name in statement.executes if name in firsts)):
            facts = self._as_parsed(first, statement, facts)
        for doubt in (*doubts, *self._doubts_of_transaction(statement)):
            facts = _unproven(facts, doubt)
        if self.is_stale:
            facts = _unproven(facts, "the session's search path and role could not be asked for")
        if self.reasons.of(text).unmask and facts.statements != _UNMASKED:
            facts = _unproven(facts, "an unmasked answer is given to a SELECT by itself, and to nothing else")
        if Intent.UNKNOWN in facts.intents:
            statement = replace(statement, revealed=NONE)  # what a token would be compared by is not certain
        secret = statement.secret_parameters
        command = self._command(stage, text, statement, bind, facts, secret)
        return Execution(command, statement, snapshot=self.catalogue.version)

    def _as_parsed(self, first: Statement, now: Statement, facts: Facts) -> Facts:
        """The facts of a statement that was parsed before.

        The target keeps what names meant then, unless one of these objects is gone or altered, or the
        search path is another (plancache.c, RevalidateCachedQuery): a relation made since, of a name found
        earlier on the path, is not what it uses. Where both can be meant, it does both.
        """
        others = first.relations - now.relations
        if not any(self.catalogue.relation(oid) is not None for oid in others):
            return facts
        before = first.facts
        both = replace(
            facts,
            intents=tuple(sorted({*facts.intents, *before.intents})),
            statements=tuple(sorted({*facts.statements, *before.statements})),
            tables=tuple(sorted({*facts.tables, *before.tables})),
            columns=tuple(sorted({*facts.columns, *before.columns})),
            functions=tuple(sorted({*facts.functions, *before.functions})),
        )
        return _unproven(both, "its names meant something else when it was prepared")

    def _doubts_of_transaction(self, statement: Statement) -> Iterator[str]:
        """What the open transaction did to the catalogue is not in it yet."""
        if not self.unread or statement.names_nothing:
            return
        if EVERYTHING in self.unread or not self.unread.isdisjoint(bare(statement.facts.tables)):
            yield "what it names was, or may have been, changed in the transaction that is open"

    def _command(
        self,
        stage: Stage,
        text: str,
        statement: Statement | None,
        bind: Bind | None,
        facts: Facts,
        secret: frozenset[int] = frozenset(),
        redacted: str | None = None,
    ) -> Command:
        subject = self._subject
        if redacted is None:
            redacted = statement.redacted if statement is not None else _without_quoted(text)
        bound = bind.parameters if bind is not None else ()
        parameters = readable(bound)
        # What is not proven may read one also where the text names none.
        hides = bool(subject.sensitive) and Intent.UNKNOWN in facts.intents
        shown = tuple(
            PLACEHOLDER if (hides or number in secret) and value is not None else self._redact(value)
            for number, value in enumerate(parameters, start=1)
        )
        why = self.reasons.of(text)
        context = self._context_items(statement, bind)
        return make_command(
            id=self._new_id(),
            stage=stage,
            principal=subject.principal,
            resource=subject.resource,
            said=Spoken(text, parameters),
            bound=bound,
            shown=Spoken(redact_text(redacted, subject.detectors), shown),
            context=context,
            facts=facts,
            reason=redact_text(why.reason, subject.detectors),
            ticket=redact_text(why.ticket, subject.detectors),
            unmask=tuple(redact_text(column, subject.detectors) for column in why.unmask),
            pattern=_pattern(statement, text, facts, context, subject.detectors, parameters)
            if statement is not None and stage is Stage.EXECUTE
            else None,
            holds_commit=self.in_block and stage is Stage.EXECUTE and not controls(facts),
        )

    def _redact(self, value: str | None) -> str | None:
        return None if value is None else redact_text(value, self._subject.detectors)

    def _context_items(self, statement: Statement | None, bind: Bind | None) -> tuple[ContextItem, ...]:
        """What the command's meaning depends on beside its text (0009-what-a-digest-covers.md)."""
        context = self.context
        items = [
            ContextItem("database", self._subject.database),
            ContextItem("role", context.role),
            ContextItem("search_path", ", ".join(context.search_path)),
            ContextItem("transaction", "none" if self.transaction == b"I" else "open"),
        ]
        if context.settings:
            self._began = self._began or context.settings
            changed = zip(MEANING, context.settings, self._began, strict=True)
            items.append(
                ContextItem("settings", "; ".join(f"{n} = {v}" for n, v, began in changed if v != began))
            )
            items.append(ContextItem("all_settings", _hash("\x01".join(context.settings))))
        if statement is not None and statement.meaning:
            items.append(ContextItem("objects", statement.meaning[:_SHORT]))
        if bind is not None and any(bind.formats):
            items.append(ContextItem("parameter_formats", " ".join(map(str, bind.formats))))
        return tuple(items)


EVERYTHING = "*"
_UNMASKED = ("select",)  # the statements whose answers may be unmasked
_SHORT = 32  # hex digits
# What does the same whatever its literals and parameters are, as far as its facts say.
_WITH_VALUES = frozenset(("select", "insert", "update", "delete", "merge"))
_OF_DATA = frozenset((Intent.READ, Intent.PROBE, Intent.WRITE, Intent.BULK_WRITE))


def _pattern(
    statement: Statement,
    text: str,
    facts: Facts,
    context: tuple[ContextItem, ...],
    detectors: tuple[str, ...],
    parameters: tuple[str | None, ...],
) -> Pattern | None:
    """What others a reviewer may grant along with this command: those of other values where it is proven to
    read or change data and nothing else, otherwise the very text. None where that does not say all."""
    shape = shape_of(text)
    if shape is None or statement.executes or statement.fetches is not None:
        return None  # what was prepared or declared is in another text
    if _OF_DATA.issuperset(facts.intents) and _WITH_VALUES.issuperset(facts.statements):
        return Pattern(redact_text(shape.shown, detectors), shape.exact, facts, context)
    is_shown_whole = (
        statement.redacted == statement.text and redact_text(shape.whole, detectors) == shape.whole
    )
    if parameters or not is_shown_whole:
        return None
    return Pattern(shape.whole, shape.whole, facts, context)


def unread_names(statement: Statement) -> frozenset[str]:
    """What a statement may have changed of the catalogue: names of relations, or EVERYTHING."""
    facts = statement.facts
    if not statement.changes_catalogue:
        return frozenset()
    if facts.unproven or not all(map(_is_about_relations, facts.statements)):
        return frozenset({EVERYTHING})
    return bare(facts.tables)


def bare(tables: Iterable[str]) -> frozenset[str]:
    """The names of relations without their schemas: an unqualified name may mean one in any of them."""
    return frozenset(table.partition(".")[2] for table in tables)


_RELATIONS = re.compile(
    r"(create|alter|drop)_(table|view|materialized_view|foreign_table|sequence|index|trigger|rule|policy)(_as)?"
    r"|select(_into)?|insert|update|delete|merge|execute|explain|refresh_materialized_view|truncate|comment"
)


def _is_about_relations(statement: str) -> bool:
    return _RELATIONS.fullmatch(statement) is not None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_SHORT]


def _without_quoted(text: str) -> str:
    """A text nobody could parse, without anything that looks quoted."""
    return _QUOTED.sub(f"'{PLACEHOLDER}'", text)


def _unproven(facts: Facts, reason: str) -> Facts:
    return replace(
        facts,
        intents=tuple(sorted({*facts.intents, Intent.UNKNOWN})),
        unproven=tuple(sorted({*facts.unproven, reason})),
        outputs=(),
        outputs_known=False,
    )
