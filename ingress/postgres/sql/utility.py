"""What every kind of statement does that is no query: `describe` finds its reader.

Each reader gets the statement's node and the `Reading`, notes what the statement does and answers with the
columns of what it returns.
"""

from collections.abc import Callable

from ingress.postgres.sql.aftermath import INSERT, note_read
from ingress.postgres.sql.changes import writes
from ingress.postgres.sql.code import note_code
from ingress.postgres.sql.columns import CLEAN, UNPROVEN, Field, Row, row_of
from ingress.postgres.sql.definitions import (
    note_language,
    note_upkeep_of,
    read_create_as,
    read_create_function,
    read_create_rule,
    read_create_schema,
    read_create_view,
    read_grant,
    read_grant_role,
    read_refresh,
    read_vacuum,
)
from ingress.postgres.sql.expressions import value_of
from ingress.postgres.sql.findings import Findings
from ingress.postgres.sql.from_clause import conditions
from ingress.postgres.sql.needs import Need
from ingress.postgres.sql.objects import altered_as, note_drop, note_everything, note_objects, note_schema
from ingress.postgres.sql.outlets import note_outlets
from ingress.postgres.sql.prepared import (
    read_close,
    read_deallocate,
    read_declare,
    read_execute,
    read_explain,
    read_fetch,
    read_prepare,
)
from ingress.postgres.sql.queries import READERS, outermost, read
from ingress.postgres.sql.reading import ANYTHING, NOTHING, Reading
from ingress.postgres.sql.scope import Item, Scope
from ingress.postgres.sql.settings import set_variable
from ingress.postgres.sql.statements import FIXED, TRANSACTIONS, name_by_object
from ingress.postgres.sql.survey import name_objects, survey
from ingress.postgres.sql.tree import Node, kind_of, strings
from ingress.postgres.sql.words import words
from schemas.vocabulary import Intent


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
    made = _CREATES.get(kind)
    if made is not None:
        table = node.get("base", node)
        findings.creates(table[made])
        survey({key: value for key, value in table.items() if key != made}, findings)
    else:
        survey(node, findings, writes_to=name == "truncate")
    if "objects" in node:
        name_objects(node.get("removeType", ""), node["objects"], findings)
    if "object" in node and "objtype" in node:
        name_objects(node["objtype"], [node["object"]], findings)
    note_outlets(kind, node, findings)
    note_objects(kind, node, findings)
    _note_whole(kind, node, findings)
    return NOTHING


def _note_whole(kind: str, node: Node, findings: Findings) -> None:
    """Statements about more than they name one by one."""
    match kind:
        case "DropStmt":
            note_drop(node, findings)
        case "DropOwnedStmt":
            findings.statements |= _OWNED
            note_everything(findings)
        case "ReassignOwnedStmt" | "AlterTableMoveAllStmt":
            note_everything(findings)
        case "ImportForeignSchemaStmt":
            findings.tables.add(f"{node['local_schema']}.*")
        case "CreatePublicationStmt" | "AlterPublicationStmt":
            if "for_all_tables" in node:
                note_everything(findings)
            for wrapped in node.get("pubobjects", ()):
                if "name" in wrapped["PublicationObjSpec"]:
                    note_schema(wrapped["PublicationObjSpec"]["name"], findings)
        case "ReindexStmt" | "ClusterStmt":
            if node.get("kind") == "REINDEX_OBJECT_SCHEMA":
                note_schema(node["name"], findings)
            note_upkeep_of([node["relation"]] if "relation" in node else [], findings)
        case "AlterTableStmt" | "RenameStmt" | "AlterObjectSchemaStmt" if "relation" in node:
            target = node["relation"]
            relation = findings.catalogue.find_relation(
                target.get("schemaname", ""), target["relname"], findings.search_path
            )
            if relation is not None:
                findings.statements.add(altered_as(relation))


_OWNED = {f"drop_{word}" for word in ("table", "view", "materialized_view", "foreign_table", "sequence")}


# The field that names what a statement makes: there may be another of that name elsewhere on the path.
_CREATES = {
    "CreateStmt": "relation",
    "CreateForeignTableStmt": "relation",
    "CreateSeqStmt": "sequence",
    "CompositeTypeStmt": "typevar",
}
_LEAVES_MEANING = frozenset({"truncate", "lock", "notify", "checkpoint", "reindex", "cluster", "comment"})
_WITH_PASSWORDS = words(
    """
    create_role alter_role create_user_mapping alter_user_mapping create_server alter_server
    create_subscription alter_subscription alter_system create_foreign_data_wrapper
    alter_foreign_data_wrapper
    """
)


def _discard(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("discard")
    findings.intents.add(Intent.SESSION)
    findings.changes_context = True
    if node.get("target") in ("DISCARD_ALL", "DISCARD_TEMP"):
        findings.changes_catalogue = True  # another relation may stand behind a temporary one
    if node.get("target") == "DISCARD_ALL":
        reading.deallocates = reading.closes = ""
    return NOTHING


def _transaction(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    name = TRANSACTIONS[node["kind"]]
    findings.statements.add(name)
    findings.intents.add(Intent.SESSION)
    if name in ("prepare_transaction", "commit_prepared", "rollback_prepared"):
        findings.intents.add(Intent.WRITE)  # it outlives the session, or is not the session's own
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
    note_language(node.get("args", []), findings)
    for option in node.get("args", ()):
        note_code(option["DefElem"].get("arg", {}).get("String", {}).get("sval", ""), findings)
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
        return ANYTHING
    if into:
        writes(relation, scope, frozenset({INSERT}))
    else:
        findings.read_relation(relation)
        findings.read.add(relation)
        note_read(relation, findings, only=True)
    row = findings.catalogue.row(relation)
    names = strings(node.get("attlist")) or [
        column.name for column in relation.columns if not column.generated
    ]
    fields = [Field(name, row.index.get(name) or UNPROVEN) for name in names]
    for name, value in fields:
        if name not in row.index:
            findings.doubt(f"column {name} is not known")
        findings.touch(value, written=into)
        if into:
            findings.changes.add(Need(relation.oid, INSERT, name))
    if "whereClause" in node:
        conditions(node["whereClause"], scope.inner([Item(relation.name, row, relation.schema)]))
    return row_of(fields)


_READERS: dict[str, Callable[[Node, Reading], Row]] = {
    "ExplainStmt": read_explain,
    "PrepareStmt": read_prepare,
    "ExecuteStmt": read_execute,
    "DeallocateStmt": read_deallocate,
    "DeclareCursorStmt": read_declare,
    "FetchStmt": read_fetch,
    "ClosePortalStmt": read_close,
    "DiscardStmt": _discard,
    "TransactionStmt": _transaction,
    "VariableSetStmt": _set,
    "VariableShowStmt": _show,
    "CallStmt": _call,
    "DoStmt": _do,
    "CreateFunctionStmt": read_create_function,
    "CreateTableAsStmt": read_create_as,
    "ViewStmt": read_create_view,
    "RuleStmt": read_create_rule,
    "CreateSchemaStmt": read_create_schema,
    "RefreshMatViewStmt": read_refresh,
    "VacuumStmt": read_vacuum,
    "GrantStmt": read_grant,
    "GrantRoleStmt": read_grant_role,
    "CopyStmt": _copy,
}
