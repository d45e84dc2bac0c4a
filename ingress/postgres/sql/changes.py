"""What INSERT, UPDATE, DELETE and MERGE write, read and return (analyze.c, parse_merge.c)."""

from collections.abc import Iterable

from ingress.postgres.catalogue_items import Relation
from ingress.postgres.sql.aftermath import DELETE, INSERT, UPDATE, note_change
from ingress.postgres.sql.bounds import bounds, is_bounded
from ingress.postgres.sql.columns import CLEAN, Column, Field, Row, Value, combine, row_of
from ingress.postgres.sql.expressions import doubtful, fold, value_of
from ingress.postgres.sql.from_clause import UNKNOWN_ROW, conditions, read_from
from ingress.postgres.sql.lineage import read_targets, read_with
from ingress.postgres.sql.needs import Need
from ingress.postgres.sql.scope import Item, Scope
from ingress.postgres.sql.tree import Node
from schemas.vocabulary import Intent


def read_insert(node: Node, scope: Scope) -> Row:
    events = [INSERT]
    if node.get("onConflictClause", {}).get("action") == "ONCONFLICT_UPDATE":
        events.append(UPDATE)
    inner, target = _begin(node, scope, *events)
    findings = scope.findings
    findings.statements.update(events)
    names = _target_names(node, target, inner)
    given = row_of([])
    if "selectStmt" in node:
        given = scope.query(node["selectStmt"], inner)
        if not is_bounded(node["selectStmt"]["SelectStmt"]):
            findings.intents.add(Intent.BULK_WRITE)
    values = _assigned(names, given)
    for name, value in values.items():
        assign(_column(target, name, inner), value, inner, INSERT)
    proposed = _after(target.row, values)
    if (conflict := node.get("onConflictClause")) is not None:
        written = [_column(target, name, inner) for name in values]
        values = _on_conflict(conflict, inner, target, proposed, written)
        proposed = _after(proposed, values)
    return _returning(node, inner, Item(target.name, proposed, target.schema), [])


def _on_conflict(
    node: Node, scope: Scope, target: Item, proposed: Row, written: list[Value]
) -> dict[str, Value]:
    """Whether a row is written tells whether there is one with the same values, in the columns that it names,
    or where it names none, in any of those `written`."""
    place = scope.inner([target, Item("excluded", proposed, bare=False)])
    infer = node.get("infer", {})
    if "indexElems" not in infer:
        scope.findings.probe(*written)
    for element in infer.get("indexElems", ()):
        item = element["IndexElem"]
        if "name" in item:
            column = _column(target, item["name"], scope)
            scope.findings.touch(column)
            scope.findings.probe(column)
        else:
            scope.findings.probe(fold(item.get("expr", {}), place))
    if "whereClause" in infer:
        conditions(infer["whereClause"], place)
    if "whereClause" in node:
        conditions(node["whereClause"], place)
    return _set(node.get("targetList", ()), target, place)


def read_update(node: Node, scope: Scope) -> Row:
    inner, target = _begin(node, scope, UPDATE)
    scope.findings.statements.add("update")
    others = read_from(node.get("fromClause", []), inner)
    place = inner.inner([target, *others])
    if "whereClause" in node:
        conditions(node["whereClause"], place)
    if not bounds(node.get("whereClause")):
        scope.findings.intents.add(Intent.BULK_WRITE)
    values = _set(node["targetList"], target, place)
    return _returning(node, inner, Item(target.name, _after(target.row, values), target.schema), others)


def read_delete(node: Node, scope: Scope) -> Row:
    inner, target = _begin(node, scope, DELETE)
    scope.findings.statements.add("delete")
    others = read_from(node.get("usingClause", []), inner)
    if "whereClause" in node:
        conditions(node["whereClause"], inner.inner([target, *others]))
    if not bounds(node.get("whereClause")):
        scope.findings.intents.add(Intent.BULK_WRITE)
    return _returning(node, inner, target, others)


def read_merge(node: Node, scope: Scope) -> Row:
    kinds = [wrapped["MergeWhenClause"].get("commandType", "") for wrapped in node["mergeWhenClauses"]]
    events = [_MERGED[kind] for kind in kinds if kind in _MERGED]
    inner, target = _begin(node, scope, *events)
    findings = scope.findings
    findings.statements.update(["merge", *events])
    if findings.catalogue.server < 15:
        findings.doubt(f"MERGE is not known to PostgreSQL {findings.catalogue.server}")
    others = read_from([node["sourceRelation"]], inner)
    place = inner.inner([target, *others])
    conditions(node["joinCondition"], place)
    # All rows of a source without bounds, or all rows of the target that the source does not name.
    clauses = [wrapped["MergeWhenClause"] for wrapped in node["mergeWhenClauses"]]
    source = {"fromClause": [node["sourceRelation"]]}
    if (
        not is_bounded(source)
        or not bounds(node["joinCondition"])
        or any(clause.get("matchKind") == "MERGE_WHEN_NOT_MATCHED_BY_SOURCE" for clause in clauses)
    ):
        findings.intents.add(Intent.BULK_WRITE)
    row = target.row
    for clause in clauses:
        if "condition" in clause:
            conditions(clause["condition"], place)
        match clause.get("commandType"):
            case "CMD_INSERT":
                names = _target_names({"cols": clause.get("targetList")}, target, inner)
                given = row_of(Field("", value_of(item, place)) for item in clause.get("values", ()))
                values = _assigned(names, given)
                for name, value in values.items():
                    assign(_column(target, name, inner), value, inner, INSERT)
                row = _after(row, values)
            case "CMD_UPDATE":
                row = _after(row, _set(clause.get("targetList", ()), target, place))
    return _returning(node, inner, Item(target.name, row, target.schema), others, others_first=True)


_MERGED = {"CMD_INSERT": INSERT, "CMD_UPDATE": UPDATE, "CMD_DELETE": DELETE}


def _begin(node: Node, scope: Scope, *events: str) -> tuple[Scope, Item]:
    """The scope of the statement with its WITH, and its target. A target is never a WITH query."""
    inner = scope.inner()
    if "withClause" in node:
        read_with(node["withClause"], inner)
    name = node["relation"].get("alias", {}).get("aliasname") or node["relation"]["relname"]
    relation = inner.relation(node["relation"])
    scope.findings.intents.add(Intent.WRITE)
    if relation is None:
        return inner, Item(name, UNKNOWN_ROW)
    writes(relation, inner, frozenset(events), only=not node["relation"].get("inh"))
    row = scope.findings.catalogue.row(relation)
    return inner, Item(name, row, "" if "alias" in node["relation"] else relation.schema)


def writes(relation: Relation, scope: Scope, events: frozenset[str], *, only: bool = False) -> None:
    """A statement changes the rows of this relation, by each of these events (aftermath.py); `only`: not
    those of relations that inherit from it."""
    findings = scope.findings
    findings.intents.add(Intent.WRITE)
    if relation.is_view:
        reads = Intent.READ in findings.intents
        findings.read_relation(relation)
        if not reads:  # the view's query stands for the rows that are written
            findings.intents.discard(Intent.READ)
    else:
        findings.use_relation(relation)
    findings.changes |= {Need(relation.oid, event) for event in events}
    note_change(relation, events, findings, only=only)
    if relation.schema == "pg_catalog":
        findings.intents |= {Intent.ADMIN, Intent.DDL}
        findings.changes_context = findings.changes_catalogue = True


def assign(target: Value, value: Value, scope: Scope, event: str) -> None:
    """A value is written into a column, by this event (aftermath.py).

    What comes from a sensitive column and can be read where it goes is an export (Findings.lets_out).
    """
    findings = scope.findings
    findings.touch(target, written=True)
    columns = (source for source in target.sources if isinstance(source, Column))
    findings.changes |= {Need(column.relation, event, column.name) for column in columns}
    findings.settle(target, value)
    if findings.lets_out_into(value, target):
        findings.intents.add(Intent.EXPORT)


def _target_names(node: Node, target: Item, scope: Scope) -> list[str]:
    """The columns an INSERT names, or all of the target's."""
    if node.get("cols"):
        for wrapped in node["cols"]:
            fold(wrapped["ResTarget"].get("indirection", []), scope)
        return [wrapped["ResTarget"]["name"] for wrapped in node["cols"]]
    return [field.name for field in target.row.fields]


def _assigned(names: list[str], given: Row) -> dict[str, Value]:
    """What each named column is given. A row that is not certain may give anything to each."""
    if given.rest is not None:
        return dict.fromkeys(names, given.whole)
    return {name: field.value for name, field in zip(names, given.fields, strict=False)}


def _column(target: Item, name: str, scope: Scope) -> Value:
    value = target.row.index.get(name, target.row.rest)
    return value if value is not None else doubtful(scope, f"column {name} is not known")


def _set(targets: Iterable[Node], target: Item, scope: Scope) -> dict[str, Value]:
    """SET: what each column is given."""
    values: dict[str, Value] = {}
    for wrapped in targets:
        node = wrapped["ResTarget"]
        fold(node.get("indirection", []), scope)
        value = value_of(node["val"], scope)
        assign(_column(target, node["name"], scope), value, scope, UPDATE)
        values[node["name"]] = combine((values.get(node["name"], CLEAN), value))
    return values


def _after(row: Row, values: dict[str, Value]) -> Row:
    """A row after columns of it were given values: each may still hold what it held."""
    fields = [Field(f.name, _changed(f.value, values.get(f.name, CLEAN))) for f in row.fields]
    known = {field.name for field in row.fields}
    hidden = [Field(name, value) for name, value in row.index.items() if name not in known]
    return row_of(fields, hidden, row.rest)


def _changed(stored: Value, given: Value) -> Value:
    """With what the client itself gives it, a column is still the very column."""
    if given.proven and not any(isinstance(source, Column) for source in given.sources):
        return stored._replace(sources=stored.sources | given.sources)
    return combine((stored, given))


def _returning(
    node: Node, scope: Scope, target: Item, others: list[Item], *, others_first: bool = False
) -> Row:
    clause = node.get("returningClause")
    if clause is None:
        return row_of([])
    scope.findings.intents.add(Intent.READ)
    items = [*others, target] if others_first else [target, *others]
    if scope.findings.catalogue.server >= 18:
        names = {"RETURNING_OPTION_OLD": "old", "RETURNING_OPTION_NEW": "new"}
        for wrapped in clause.get("options", ()):
            option = wrapped["ReturningOption"]
            names[option.get("option", "RETURNING_OPTION_OLD")] = option["value"]
        taken = {item.name for item in items}
        items += [Item(name, target.row, bare=False) for name in names.values() if name not in taken]
    elif clause.get("options"):
        scope.findings.doubt("RETURNING WITH is not known to this version of PostgreSQL")
    row = read_targets(clause["exprs"], scope.inner(items))
    scope.findings.settle_each(row)
    return row
