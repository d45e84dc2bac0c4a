"""What a text of SQL does: its statements, each with its facts, proven from the parse tree and a catalogue.

The way of a text, in `sql/`: `tree.py` parses it with PostgreSQL's own grammar. `queries.py` reads
SELECT, INSERT, UPDATE, DELETE and MERGE (`lineage.py`, `from_clause.py`, `changes.py`, `expressions.py`),
`utility.py` all other statements (`definitions.py`, `prepared.py`, `code.py`). Names are resolved in a
`scope.py` against a `catalogue.py`, where `views.py` sees through views. `functions.py`, `statements.py`,
`settings.py` and `bounds.py` say what things are for. All is noted in `findings.py`, and `literals.py`
takes the sensitive literals out of the text.

What is not proven is unknown, with the reason: a relation, function or type that is not in the catalogue, a
user's function, a DO block, a node that is not understood.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.catalogue_items import Function, Relation
from ingress.postgres.sql.columns import Column, Constant, Row
from ingress.postgres.sql.comparisons import KINDS, revealed
from ingress.postgres.sql.findings import Findings, sensitivity
from ingress.postgres.sql.held import NONE, Held, Revealed
from ingress.postgres.sql.literals import redact
from ingress.postgres.sql.meaning import meaning_of
from ingress.postgres.sql.needs import Need, needs_of
from ingress.postgres.sql.reading import Cursor, Reading
from ingress.postgres.sql.statements import STATEMENTS
from ingress.postgres.sql.tree import GRAMMAR, Source, Unparsable, parse, walk
from ingress.postgres.sql.utility import describe
from ingress.postgres.sql.words import words
from schemas.vocabulary import Facts, Intent, Output, SensitiveColumn

__all__ = ["STATEMENTS", "Context", "Cursor", "Statement", "Unparsable", "analyse"]


@dataclass(frozen=True, slots=True)
class Context:
    """What the meaning of a text depends on beside the text."""

    search_path: tuple[str, ...]  # effective schemas in order, as current_schemas(true) gives them
    role: str  # current_user
    standard_conforming_strings: bool = True
    settings: tuple[str, ...] = ()  # the values of settings.MEANING, in its order
    prepared: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # name -> text
    cursors: Mapping[str, Cursor] = field(
        default_factory=lambda: MappingProxyType({})
    )  # by name, the open ones


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a text."""

    text: str  # the slice of the source that is this statement, comments before and after it included
    facts: Facts
    redacted: str  # the text with sensitive literals replaced by a placeholder
    secret_parameters: frozenset[int]  # numbers n of $n that carry a sensitive value
    changes_context: bool  # a statement after it may mean something else
    changes_catalogue: bool  # it is, or may hide, DDL
    changes_settings: bool = (
        False  # what a statement after it does may differ, though its names mean the same
    )
    meaning: str = ""  # a hash of what its names mean: differs when one of the objects is another, or altered
    relations: frozenset[int] = frozenset()  # OIDs of those its names mean
    executes: frozenset[str] = frozenset()  # the prepared statements that it runs, by name
    names_nothing: bool = False  # it means the same whatever the catalogue holds
    prepares: tuple[str, str] | None = None  # PREPARE: name and text
    deallocates: str | None = None  # DEALLOCATE: name; "" means all
    declares: tuple[str, Cursor] | None = None  # DECLARE: name and cursor
    closes: str | None = None  # CLOSE: name; "" means all
    fetches: str | None = None  # FETCH: the cursor's name
    revealed: Revealed = NONE  # the tokens in it that stand for their values
    needs: frozenset[Need] = frozenset()  # the privileges for what its own text does
    functions: frozenset[int] = frozenset()  # OIDs of users' functions that its names can mean
    of_code: frozenset[str] = frozenset()  # of what is not proven: what code does with the rights of who asks


def analyse(
    text: str,
    catalogue: Catalogue,
    context: Context,
    sensitive: tuple[SensitiveColumn, ...],
    held: Held | None = None,
) -> tuple[Statement, ...]:
    """The statements of a text in order; none for an empty one.

    `held`: tokens, which may stand for values where the text is one statement. What follows a statement that
    changes the context, in the same text, is not proven: its names may then mean something else. Raises
    Unparsable.
    """
    statements = []
    doubts = list(_doubts_of_text(text, catalogue, context))
    sources = parse(text)
    if len(sources) != 1 or doubts or sources[0].kind not in KINDS:
        held = None
    for source in sources:
        statement = _statement(source, catalogue, context, sensitive, doubts, held, text)
        statements.append(statement)
        if statement.changes_context and not any(doubt is _AFTER for doubt in doubts):
            doubts.append(_AFTER)
    return tuple(statements)


_AFTER = "a statement before it in the same text can change what its names mean"
# Statements that mean the same whatever the context is.
_NAMES_NOTHING = words(
    """
    TransactionStmt VariableSetStmt VariableShowStmt DiscardStmt DeallocateStmt ClosePortalStmt ListenStmt
    UnlistenStmt NotifyStmt ConstraintsSetStmt CheckPointStmt
    """
)
_OLDEST = 12
# Numbers that versions before 16 read as a number and a name.
_NEW_NUMBERS = re.compile(r"(?<![\w$])(?:0[xXoObB]|\d+_\d)")


def _doubts_of_text(text: str, catalogue: Catalogue, context: Context) -> Iterator[str]:
    """Why the server could read the whole text otherwise."""
    if not context.standard_conforming_strings and "\\" in text:
        yield "with standard_conforming_strings off a backslash in a string means something else"
    if not catalogue.utf8 and not text.isascii():
        yield "in a database that is not UTF-8 names beyond ASCII are folded and cut otherwise"
    if catalogue.server < _OLDEST:
        yield f"the server is PostgreSQL {catalogue.server}, older than what is known here"
    if catalogue.server > GRAMMAR:
        yield f"the server is PostgreSQL {catalogue.server}, newer than the grammar of {GRAMMAR} known here"
    if catalogue.server < 16 and _NEW_NUMBERS.search(text):
        yield f"PostgreSQL {catalogue.server} reads a number of the text otherwise"


def _statement(
    source: Source,
    catalogue: Catalogue,
    context: Context,
    sensitive: tuple[SensitiveColumn, ...],
    doubts: list[str],
    held: Held | None,
    whole: str,
) -> Statement:
    """One statement of the `whole` text."""
    findings = Findings(catalogue, context.search_path, sensitivity(sensitive), held)
    reading = Reading(findings, context.prepared, context.cursors, source.text, describe)
    doubts = [doubt for doubt in doubts if doubt is not _AFTER or source.kind not in _NAMES_NOTHING]
    for doubt in doubts:
        findings.doubt(doubt)
    try:
        row = describe(source.kind, source.node, reading)
        stands = revealed(whole, source.node, findings)
        if stands is None:
            return _statement(source, catalogue, context, sensitive, doubts, None, whole)
        secret_parameters = {constant.parameter for constant in findings.constants if constant.parameter}
        doubtful = bool(sensitive) and Intent.UNKNOWN in findings.intents
        if doubtful:
            secret_parameters |= _parameters(source)
    except RecursionError as error:
        raise Unparsable("the statement is nested too deeply", 1) from error
    return Statement(
        text=source.text,
        facts=_facts(findings, row, proven=not doubts and not findings.rewritten),
        redacted=redact(
            source.text,
            _places(findings.constants, source),
            strings=findings.secret_text or doubtful,
            numbers=findings.secret_text,
        ),
        secret_parameters=frozenset(secret_parameters),
        changes_context=findings.changes_context,
        changes_catalogue=findings.changes_catalogue,
        changes_settings=findings.changes_settings,
        meaning=meaning_of(findings.objects),
        relations=frozenset(one.oid for one in findings.objects if isinstance(one, Relation)),
        executes=frozenset(findings.executes),
        names_nothing=source.kind in _NAMES_NOTHING,
        prepares=reading.prepares,
        deallocates=reading.deallocates,
        declares=reading.declares,
        closes=reading.closes,
        fetches=reading.fetches,
        revealed=stands,
        needs=needs_of(findings.read, findings.locks, findings.selected, findings.changes),
        functions=frozenset(one.oid for one in findings.objects if isinstance(one, Function)),
        of_code=frozenset(findings.of_code),
    )


def _places(constants: set[Constant], source: Source) -> set[int]:
    return {constant.location - source.offset for constant in constants if not constant.parameter}


def _parameters(source: Source) -> set[int]:
    return {node.get("number", 0) for kind, node in walk(source.node) if kind == "ParamRef"}


def _facts(findings: Findings, row: Row, *, proven: bool) -> Facts:
    outputs = tuple(
        Output(
            name=name,
            sources=tuple(sorted(findings.expand(s for s in value.sources if isinstance(s, Column)))),
            proven=value.proven and proven,
            bare=value.bare is not None and proven,
        )
        for name, value in row.fields
    )
    intents = set(findings.intents)
    if findings.probes_unproven and Intent.UNKNOWN not in intents:
        intents.add(Intent.PROBE)
        findings.probed |= findings.probed_unproven
    probed = findings.probed if Intent.PROBE in intents else ()
    return Facts(
        intents=tuple(sorted(intents)),
        statements=tuple(sorted(findings.statements)),
        tables=tuple(sorted(findings.tables)),
        columns=tuple(sorted(findings.expand(findings.touched | findings.hidden))),
        functions=tuple(sorted(findings.functions)),
        programs=tuple(sorted(findings.programs)),
        outputs=outputs,
        outputs_known=row.rest is None and proven,
        unproven=tuple(sorted(findings.unproven)),
        probed=tuple(sorted({column.qualified for column in probed})),
    )
