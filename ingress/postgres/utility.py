"""What statements do that are no queries: COPY, EXPLAIN, PREPARE, cursors, settings, DDL and the rest.

Each reader gets the statement's node and the `Reading`, notes what the statement does and answers with the
columns of what it returns.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pglast import parser

from ingress.postgres.bounds import is_bounded
from ingress.postgres.changes import writes
from ingress.postgres.columns import CLEAN, UNPROVEN, Constant, Field, Row, Value, row_of
from ingress.postgres.expressions import candidates_of, value_of
from ingress.postgres.findings import Findings
from ingress.postgres.from_clause import conditions
from ingress.postgres.functions import is_untrusted_language
from ingress.postgres.queries import READERS, outermost, read
from ingress.postgres.scope import Item, Scope
from ingress.postgres.settings import set_variable
from ingress.postgres.statements import FIXED, TRANSACTIONS, name_by_object
from ingress.postgres.tree import Node, Unparsable, kind_of, parse, strings
from ingress.postgres.words import words
from schemas.vocabulary import Intent

NOTHING = row_of([])
_ANYTHING = Row((), {}, UNPROVEN)


@dataclass(frozen=True, slots=True)
class Cursor:
    """An open cursor's query, and the schemas its names were resolved in when it was declared."""

    query: str
    search_path: tuple[str, ...]


@dataclass(slots=True)
class Reading:
    """One statement being read, with what it depends on and what it leaves behind."""

    findings: Findings
    prepared: Mapping[str, str]
    cursors: Mapping[str, Cursor]
    text: str  # of the statement
    depth: int = 0  # EXECUTE of what executes …
    prepares: tuple[str, str] | None = None
    deallocates: str | None = None
    declares: tuple[str, Cursor] | None = None
    closes: str | None = None


def describe(kind: str, node: Node, reading: Reading) -> Row:
    """Notes what a statement does; the columns of what it returns, with `rest` where they are not certain."""
    findings = reading.findings
    if kind in READERS:
        if kind == "SelectStmt":
            findings.statements.add("select")
            findings.intents.add(Intent.READ)  # VALUES too
        row = read({kind: node}, outermost(findings))
        return NOTHING if "select_into" in findings.statements else row
    reader = _READERS.get(kind)
    if reader is not None:
        return reader(node, reading)
    fixed = FIXED.get(kind)
    name = fixed[0] if fixed else name_by_object(kind, node)
    if name is None:
        findings.doubt(f"the statement {kind} is not understood")
        return NOTHING
    findings.statements.add(name)
    findings.intents |= fixed[1] if fixed else {Intent.DDL}
    if Intent.SESSION not in findings.intents and name not in _LEAVES_MEANING:
        findings.changes_context = findings.changes_catalogue = True
    if name in _WITH_PASSWORDS:
        findings.secret_text = True
    _survey(node, reading, writes_to=name == "truncate")
    return NOTHING


_LEAVES_MEANING = frozenset({"truncate", "lock", "notify", "checkpoint", "reindex", "cluster", "comment"})
_WITH_PASSWORDS = words(
    """
    create_role alter_role create_user_mapping alter_user_mapping create_server alter_server
    create_subscription alter_subscription alter_system create_foreign_data_wrapper
    alter_foreign_data_wrapper
    """
)


def _survey(node: Any, reading: Reading, *, writes_to: bool = False) -> None:
    """Notes the relations that a statement names, the functions it calls and the queries it holds."""
    findings = reading.findings
    scope = outermost(findings)
    todo: list[Any] = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, list):
            todo += reversed(part)
            continue
        if not isinstance(part, dict):
            continue
        if "relname" in part:
            _name_relation(part, reading, writes_to=writes_to)
        for key, value in part.items():
            if key in READERS:
                read({key: value}, scope)
                continue
            if key == "FuncCall":
                found = candidates_of(value, scope)
                for function in found:
                    findings.call(function)
                if not found:
                    findings.doubt(f"function {'.'.join(strings(value['funcname']))} is not known")
            if key == "objects":
                _name_objects(value, node, reading)
            todo.append(value)


def _name_relation(node: Node, reading: Reading, *, writes_to: bool = False) -> None:
    """A RangeVar of a statement that changes the relation itself. One that is not there need not be known."""
    findings = reading.findings
    schema, name = node.get("schemaname", ""), node["relname"]
    relation = findings.catalogue.find_relation(schema, name, findings.search_path)
    if relation is None:
        findings.creates(node)
        return
    findings.use_relation(relation)
    if writes_to:
        writes(relation, outermost(findings))
    if any(findings.is_sensitive(column) for column in relation.columns):
        findings.secret_text = True


def _name_objects(objects: Any, node: Node, reading: Reading) -> None:
    """The objects of a DROP, by name."""
    if node.get("removeType") not in _RELATIONS:
        return
    for wrapped in objects:
        names = strings(wrapped.get("List", {}).get("items"))
        schema = {"schemaname": names[-2]} if len(names) > 1 else {}
        _name_relation({"relname": names[-1], **schema}, reading)


_RELATIONS = frozenset(
    f"OBJECT_{word}" for word in ("TABLE", "VIEW", "MATVIEW", "FOREIGN_TABLE", "SEQUENCE", "INDEX")
)


def _aside(wrapped: Node, reading: Reading, keep: frozenset[Intent]) -> Row:
    """Reads a query that is not run: what it touches counts, of what it would do only `keep`."""
    findings = reading.findings
    intents, unproven = set(findings.intents), dict(findings.unproven)
    changes = findings.changes_context, findings.changes_catalogue
    statements = set(findings.statements)
    kind, node = kind_of(wrapped)
    row = describe(kind, node, reading)
    findings.statements = statements
    findings.intents = intents | (findings.intents & keep)
    if Intent.UNKNOWN not in keep:
        findings.unproven = unproven
        findings.changes_context, findings.changes_catalogue = changes
    return row


def _explain(node: Node, reading: Reading) -> Row:
    """EXPLAIN plans; with ANALYZE it runs. To plan is to run what does not change anything, so a doubt stays.

    A plan shows constants of the text and counts, no values of columns.
    """
    findings = reading.findings
    findings.intents.add(Intent.READ)
    if any(_is_on(option["DefElem"]) for option in node.get("options", ()) if _named(option, "analyze")):
        kind, inner = kind_of(node["query"])
        describe(kind, inner, reading)
    else:
        _aside(node["query"], reading, frozenset({Intent.UNKNOWN, Intent.NETWORK, Intent.CREDENTIAL}))
    findings.statements.add("explain")
    plan = UNPROVEN if findings.unproven else CLEAN
    return row_of([Field("QUERY PLAN", plan)])


def _named(option: Node, name: str) -> bool:
    return bool(option["DefElem"].get("defname", "").lower() == name)


def _is_on(option: Node) -> bool:
    """Whether a boolean option is on, or not certainly off (define.c, defGetBoolean)."""
    arg = option.get("arg")
    if arg is None:
        return True
    kind, node = kind_of(arg)
    value = node.get("sval", "") if kind == "String" else node.get("ival", node.get("boolval", 0))
    return str(value).lower() not in ("false", "off", "0")


def _prepare(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    _aside(node["query"], reading, frozenset())
    findings.statements.add("prepare")
    findings.intents.add(Intent.SESSION)
    reading.prepares = (node["name"], _text_after("AS", reading.text))
    return NOTHING


def _text_after(keyword: str, text: str) -> str:
    """What follows the first AS of PREPARE, or the first FOR of DECLARE: the query."""
    for token in parser.scan(text):
        if token.name == keyword:
            return text[token.end + 1 :].strip()
    raise Unparsable(f"{keyword} was not found in the statement", 1)


def _execute(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    scope = outermost(findings)
    values = [value_of(argument, scope) for argument in node.get("params", ())]
    name = node["name"]
    text = reading.prepared.get(name)
    findings.statements.add("execute")
    if text is None:
        findings.doubt(f"prepared statement {name} is not known")
        return _ANYTHING
    row, constants = _other_text(text, reading)
    secret = {constant.parameter for constant in constants}
    for number, value in enumerate(values, 1):
        if number in secret or findings.unproven:
            findings.constants |= {source for source in value.sources if isinstance(source, Constant)}
    return row


_DEEPEST = 10


def _other_text(text: str, reading: Reading) -> tuple[Row, set[Constant]]:
    """Reads a text that this statement runs; its constants stand elsewhere, so they are given back."""
    findings = reading.findings
    if reading.depth >= _DEEPEST:
        raise Unparsable("prepared statements execute each other too deeply", 1)
    own, findings.constants = findings.constants, set()
    secret = findings.secret_text
    try:
        sources = parse(text)
    except Unparsable as error:
        findings.doubt(f"what was prepared is not understood: {error.message}")
        sources = []
    row = _ANYTHING
    for source in sources:
        inner = Reading(findings, reading.prepared, reading.cursors, source.text, reading.depth + 1)
        row = describe(source.kind, source.node, inner)
        if (inner.prepares, inner.deallocates, inner.declares, inner.closes) != (None,) * 4:
            findings.doubt("what was prepared prepares or declares something itself")
    if len(sources) != 1:
        findings.doubt("what was prepared is not one statement")
    found, findings.constants = findings.constants, own
    findings.secret_text = secret
    return without_constants(row), found


def without_constants(row: Row) -> Row:
    """The row of another text: where its constants stand means nothing here."""

    def plain(value: Value) -> Value:
        return Value(frozenset(s for s in value.sources if not isinstance(s, Constant)), value.proven)

    fields = [Field(f.name, plain(f.value)) for f in row.fields]
    return row_of(fields, rest=plain(row.rest) if row.rest is not None else None)


def _deallocate(node: Node, reading: Reading) -> Row:
    reading.findings.statements.add("deallocate")
    reading.findings.intents.add(Intent.SESSION)
    reading.deallocates = node.get("name", "")
    return NOTHING


def _declare(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    kind, inner = kind_of(node["query"])
    describe(kind, inner, reading)
    findings.statements.add("declare")
    reading.declares = (node["portalname"], Cursor(_text_after("FOR", reading.text), findings.search_path))
    return NOTHING


def _fetch(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    moves = "ismove" in node
    findings.statements.add("move" if moves else "fetch")
    name = node.get("portalname", "")
    cursor = reading.cursors.get(name)
    if cursor is None:
        findings.doubt(f"cursor {name} is not known")
        return NOTHING if moves else _ANYTHING
    # Its names were resolved when it was declared.
    path, findings.search_path = findings.search_path, cursor.search_path
    row, _ = _other_text(cursor.query, reading)
    findings.search_path = path
    return NOTHING if moves else row


def _close(node: Node, reading: Reading) -> Row:
    reading.findings.statements.add("close")
    reading.findings.intents.add(Intent.SESSION)
    reading.closes = node.get("portalname", "")
    return NOTHING


def _discard(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("discard")
    findings.intents.add(Intent.SESSION)
    findings.changes_context = True
    if node.get("target") == "DISCARD_ALL":
        reading.deallocates = reading.closes = ""
    return NOTHING


def _transaction(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    name = TRANSACTIONS[node["kind"]]
    findings.statements.add(name)
    findings.intents.add(Intent.SESSION)
    if name == "commit_prepared":
        findings.intents.add(Intent.WRITE)
    # What SET LOCAL set ends here, and a rollback takes back SET, DDL and temporary tables.
    if name not in ("begin", "savepoint", "release"):
        findings.changes_context = True
    if name.startswith("rollback") or name == "commit_prepared":
        findings.changes_catalogue = True
    return NOTHING


def _set(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    kind, name = node.get("kind", ""), node.get("name", "")
    resets = kind in ("VAR_RESET", "VAR_RESET_ALL", "VAR_SET_DEFAULT")
    if name in ("role", "session_authorization") and not resets:
        findings.statements.add(f"set_{name}")
    else:
        findings.statements.add("reset" if kind in ("VAR_RESET", "VAR_RESET_ALL") else "set")
    if kind == "VAR_RESET_ALL":
        findings.intents.add(Intent.SESSION)
        findings.changes_context = True
    elif kind == "VAR_SET_MULTI":
        findings.intents.add(Intent.SESSION)  # SET TRANSACTION and SET SESSION CHARACTERISTICS
        findings.changes_context = name not in ("TRANSACTION", "SESSION CHARACTERISTICS")
    else:
        set_variable(name, findings, resets=resets or (name == "role" and _sets_none(node)))
    return NOTHING


def _sets_none(node: Node) -> bool:
    args = node.get("args", [])
    return bool(args) and args[0].get("A_Const", {}).get("sval", {}).get("sval") == "none"


_SHOWN = {"datestyle": "DateStyle", "timezone": "TimeZone", "intervalstyle": "IntervalStyle"}


def _show(node: Node, reading: Reading) -> Row:
    reading.findings.statements.add("show")
    reading.findings.intents.add(Intent.SESSION)
    name: str = node["name"]
    if name.lower() == "all":
        return row_of(Field(column, CLEAN) for column in ("name", "setting", "description"))
    return row_of([Field(_SHOWN.get(name.lower(), name), CLEAN)])


def _call(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("call")
    value = value_of({"FuncCall": node["funccall"]}, outermost(findings))
    if not findings.unproven:
        findings.doubt("what a procedure does is not proven")
    return row_of([], rest=value._replace(proven=False))


def _do(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("do")
    findings.doubt("a DO block runs code")
    _language(node.get("args", []), findings)
    return NOTHING


def _language(options: list[Node], findings: Findings) -> None:
    for option in options:
        if _named(option, "language"):
            language = option["DefElem"]["arg"].get("String", {}).get("sval", "").lower()
            if is_untrusted_language(language):
                findings.intents.add(Intent.EXEC)


def _create_function(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("create_procedure" if "is_procedure" in node else "create_function")
    findings.intents.add(Intent.DDL)
    findings.changes_context = findings.changes_catalogue = True
    _language(node.get("options", []), findings)
    return NOTHING


def _create_as(node: Node, reading: Reading) -> Row:
    """CREATE TABLE AS and CREATE MATERIALIZED VIEW: what the query gives is stored."""
    findings = reading.findings
    is_view = node.get("objtype") == "OBJECT_MATVIEW"
    kind, query = kind_of(node["query"])
    row = describe(kind, query, reading)
    findings.statements.add("create_materialized_view" if is_view else "create_table_as")
    findings.intents |= {Intent.DDL, Intent.WRITE}
    if kind != "SelectStmt" or not is_bounded(query):
        findings.intents.add(Intent.BULK_WRITE)
    if is_view:
        findings.creates(node["into"]["rel"])
    else:
        findings.copies(node["into"], row)
    return NOTHING


def _create_view(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    _aside(node["query"], reading, frozenset())
    findings.statements.add("create_view")
    findings.intents.add(Intent.DDL)
    findings.creates(node["view"])
    return NOTHING


def _create_rule(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("create_rule")
    findings.intents.add(Intent.DDL)
    findings.changes_context = findings.changes_catalogue = True
    _name_relation(node["relation"], reading)
    return NOTHING


def _create_schema(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("create_schema")
    findings.intents.add(Intent.DDL)
    findings.changes_context = findings.changes_catalogue = True
    for element in node.get("schemaElts", ()):
        kind, inner = kind_of(element)
        describe(kind, inner, reading)
    return NOTHING


def _refresh(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("refresh_materialized_view")
    findings.intents |= {Intent.WRITE, Intent.BULK_WRITE}
    relation = outermost(findings).relation(node["relation"])
    if relation is not None:
        findings.read_relation(relation)
        view = findings.catalogue.view(relation)
        findings.functions |= view.functions
        findings.intents |= view.intents
        for reason in view.unproven:
            findings.doubt(reason)
    return NOTHING


def _vacuum(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("vacuum" if "is_vacuumcmd" in node else "analyze")
    findings.intents.add(Intent.ADMIN)
    _survey(node, reading)
    findings.changes_context = findings.changes_catalogue = False
    return NOTHING


def _grant(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("grant" if "is_grant" in node else "revoke")
    findings.intents.add(Intent.ADMIN)
    _survey(node, reading)
    findings.changes_context = findings.changes_catalogue = True
    return NOTHING


def _grant_role(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("grant_role" if "is_grant" in node else "revoke_role")
    findings.intents |= {Intent.ADMIN, Intent.CREDENTIAL}
    findings.changes_context = findings.changes_catalogue = True
    return NOTHING


def _copy(node: Node, reading: Reading) -> Row:
    """COPY. Everything it sends leaves the database: an export; what it takes has no bounds."""
    findings = reading.findings
    into, program, file = "is_from" in node, "is_program" in node, node.get("filename", "")
    if program:
        findings.intents.add(Intent.EXEC)
        findings.programs.add(file)
    elif file:
        findings.intents.add(Intent.ADMIN)
    if "query" in node:
        kind, query = kind_of(node["query"])
        row = describe(kind, query, reading)
    else:
        row = _copied_columns(node, outermost(findings), into=into)
    findings.statements.add("copy")
    findings.intents |= {Intent.WRITE, Intent.BULK_WRITE} if into else {Intent.READ, Intent.EXPORT}
    return NOTHING if into or file else row


def _copied_columns(node: Node, scope: Scope, *, into: bool) -> Row:
    """The columns of COPY of a table: those it names, or all that are not generated."""
    findings = scope.findings
    relation = scope.relation(node["relation"])
    if relation is None:
        return _ANYTHING
    (writes(relation, scope) if into else findings.read_relation(relation))
    row = findings.catalogue.row(relation)
    names = strings(node.get("attlist")) or [
        column.name for column in relation.columns if not column.expression
    ]
    fields = [Field(name, row.index.get(name) or UNPROVEN) for name in names]
    for name, value in fields:
        if name not in row.index:
            findings.doubt(f"column {name} is not known")
        findings.touch(value)
    if "whereClause" in node:
        conditions(node["whereClause"], scope.inner([Item(relation.name, row, relation.schema)]))
    return row_of(fields)


_READERS: dict[str, Callable[[Node, Reading], Row]] = {
    "ExplainStmt": _explain,
    "PrepareStmt": _prepare,
    "ExecuteStmt": _execute,
    "DeallocateStmt": _deallocate,
    "DeclareCursorStmt": _declare,
    "FetchStmt": _fetch,
    "ClosePortalStmt": _close,
    "DiscardStmt": _discard,
    "TransactionStmt": _transaction,
    "VariableSetStmt": _set,
    "VariableShowStmt": _show,
    "CallStmt": _call,
    "DoStmt": _do,
    "CreateFunctionStmt": _create_function,
    "CreateTableAsStmt": _create_as,
    "ViewStmt": _create_view,
    "RuleStmt": _create_rule,
    "CreateSchemaStmt": _create_schema,
    "RefreshMatViewStmt": _refresh,
    "VacuumStmt": _vacuum,
    "GrantStmt": _grant,
    "GrantRoleStmt": _grant_role,
    "CopyStmt": _copy,
}
