"""Which columns each column of a SELECT comes from, and what the SELECT touches on the way."""

from functools import partial

from ingress.postgres.sql.bounds import is_bounded
from ingress.postgres.sql.columns import UNPROVEN, Field, Row, Value, combine, row_of
from ingress.postgres.sql.expressions import check_operators, doubtful, fold, value_of
from ingress.postgres.sql.from_clause import UNKNOWN_ROW, conditions, read_from, renamed, star
from ingress.postgres.sql.names import output_name
from ingress.postgres.sql.scope import Cte, Item, Scope
from ingress.postgres.sql.tree import Node, Unparsable, kind_of, strings
from schemas.vocabulary import Intent

# A recursive query is read again until nothing new is found. Each round adds a column to some output.
_ROUNDS = 100
# A recursive WITH is read again for each level it is nested in; more than this is no statement anyone wrote.
_MOST_QUERIES = 20_000
_MOST_COLUMNS = 1664  # MaxTupleAttributeNumber


def read_select(node: Node, scope: Scope) -> Row:
    """The columns of a SELECT, VALUES or set operation. `scope`: what stands around it.

    Raises Unparsable where the statement is too complex to be read.
    """
    scope.findings.queries += 1
    if scope.findings.queries > _MOST_QUERIES:
        raise Unparsable("the statement is too complex", 1)
    inner = scope.inner()
    if "withClause" in node:
        read_with(node["withClause"], inner)
    if "valuesLists" in node:
        row = _values(node, inner)
        scope.findings.settle_each(row)
        _sort_output(node, row, inner)
    elif node.get("op", "SETOP_NONE") != "SETOP_NONE":
        row = _set_operation(node, inner)
        _sort_output(node, row, inner)
    else:
        scope.findings.intents.add(Intent.READ)
        row = _select(node, inner)
    for part in ("limitCount", "limitOffset"):
        if part in node:
            scope.findings.probe(value_of(node[part], inner))
    if "lockingClause" in node:
        # FOR UPDATE asks the server for the right to UPDATE, and is refused in a read-only transaction.
        scope.findings.intents.add(Intent.WRITE)
        scope.findings.locks = True
    return row


def _select(node: Node, scope: Scope) -> Row:
    findings = scope.findings
    scope.items = read_from(node.get("fromClause", []), scope)
    if "whereClause" in node:
        conditions(node["whereClause"], scope)
    for window in node.get("windowClause", ()):
        definition = window["WindowDef"]
        value = fold(definition, scope)
        if (base := scope.windows.get(definition.get("refname", ""))) is not None:
            value = combine((value, base))
        findings.settle(value)
        findings.probe(value)
        scope.windows[definition["name"]] = value
    row = read_targets(node.get("targetList", []), scope)
    for element in node.get("groupClause", ()):
        _order(element, row, scope, prefer_output=False)
    if "havingClause" in node:
        conditions(node["havingClause"], scope)
    for element in node.get("sortClause", ()):
        _order(element, row, scope, prefer_output=True)
    for element in node.get("distinctClause", ()):
        if element:
            _order(element, row, scope, prefer_output=True)
        else:  # a plain DISTINCT is a list of nothing
            _compare(row, scope)
    if "intoClause" in node:
        _into(node, row, scope)
    findings.settle_each(row)
    return row


def read_targets(targets: list[Node], scope: Scope) -> Row:
    """The columns of a SELECT list or of RETURNING, stars replaced by what they stand for."""
    fields: list[Field] = []
    rests: list[Value] = []
    for wrapped in targets:
        target = wrapped["ResTarget"]
        row = _star_of(target["val"], scope)
        if row is not None:
            fields += row.fields
            if row.rest is not None:
                rests.append(row.rest)
        else:
            value = value_of(target["val"], scope)
            fields.append(Field(target.get("name") or output_name(target["val"]), value))
        if len(fields) > _MOST_COLUMNS:
            raise Unparsable(f"a row can have at most {_MOST_COLUMNS} columns", 1)
    return row_of(fields, rest=combine(rests) if rests else None)


def _star_of(wrapped: Node, scope: Scope) -> Row | None:
    """What a target that is a star stands for; None: it is no star."""
    kind, node = kind_of(wrapped)
    row: Row | None = None
    if kind == "ColumnRef" and "A_Star" in node["fields"][-1]:
        names = strings(node["fields"])
        if not names:
            row = star(scope.items)
        else:
            item = scope.item(names[-1], names[-2] if len(names) > 1 else "")
            if item is None:
                doubtful(scope, f"{'.'.join([*names, '*'])} is not known")
                return UNKNOWN_ROW
            row = item.row
    elif kind == "A_Indirection" and "A_Star" in node["indirection"][-1]:
        value = value_of({"A_Indirection": {**node, "indirection": node["indirection"][:-1]}}, scope)
        row = value.row or row_of([], rest=value)
    else:
        return None
    for field in row.fields:
        scope.findings.touch(field.value)
        for collected in scope.findings.within:
            collected.append(field.value)
    return row


def _order(wrapped: Node, row: Row, scope: Scope, *, prefer_output: bool) -> None:
    """An element of ORDER BY or GROUP BY: the name of an output column, or an expression over the items."""
    kind, node = kind_of(wrapped)
    if kind == "SortBy":
        if "useOp" in node:
            check_operators(scope, strings(node["useOp"])[-1])
        kind, node = kind_of(node["node"])
        wrapped = {kind: node}
    if kind == "GroupingSet" or (kind == "RowExpr" and node.get("row_format") == "COERCE_IMPLICIT_CAST"):
        for part in node.get("content") or node.get("args", ()):
            _order(part, row, scope, prefer_output=prefer_output)
        return
    names = strings(node["fields"]) if kind == "ColumnRef" else []
    position = node.get("ival", {}).get("ival", 0) if kind == "A_Const" else 0
    if position:
        is_certain = row.rest is None and 0 < position <= len(row.fields)
        scope.findings.probe(row.fields[position - 1].value if is_certain else row.whole)
        return
    if len(names) == 1 and names[0] in row.index and (prefer_output or scope.column(names[0]) is None):
        scope.findings.probe(row.index[names[0]])
        return
    value = fold(wrapped, scope)
    scope.findings.settle(value)
    scope.findings.probe(value)


def _compare(row: Row, scope: Scope) -> None:
    """All columns of the rows are compared: equal rows become one."""
    scope.findings.probe(
        *(field.value for field in row.fields), *([row.rest] if row.rest is not None else [])
    )


def _sort_output(node: Node, row: Row, scope: Scope) -> None:
    """ORDER BY of VALUES or of a set operation: over the output alone."""
    place = scope.inner([Item("", row)])
    for element in node.get("sortClause", ()):
        _order(element, row, place, prefer_output=True)


def _values(node: Node, scope: Scope) -> Row:
    lists = [_listed(entry["List"].get("items", []), scope) for entry in node["valuesLists"]]
    if any(values is None or len(values) != len(lists[0] or ()) for values in lists):
        return UNKNOWN_ROW
    return row_of(
        Field(f"column{number}", combine(values) if len(lists) > 1 else values[0])
        for number, values in enumerate(zip(*filter(None, lists), strict=True), 1)
    )


def _listed(items: list[Node], scope: Scope) -> list[Value] | None:
    """One row of VALUES, stars replaced by what they stand for; None where that is not certain."""
    values: list[Value] = []
    for item in items:
        row = _star_of(item, scope)
        if row is None:
            values.append(value_of(item, scope))
        elif row.rest is not None:
            return None
        else:
            values += [field.value for field in row.fields]
    return values


def _set_operation(node: Node, scope: Scope) -> Row:
    """UNION, INTERSECT, EXCEPT: column by column. A chain of them is read from the left without recursion."""
    rights = []
    left = node
    compares = False
    while left.get("op", "SETOP_NONE") != "SETOP_NONE" and (left is node or left.keys() <= _PLAIN):
        compares = compares or not _keeps_all(left)
        rights.append(left["rarg"])
        left = left["larg"]
    rows = [read_select(part, scope) for part in (left, *reversed(rights))]
    row = merged(rows)
    scope.findings.settle_each(row)
    if compares:
        _compare(row, scope)
    return row


def _keeps_all(node: Node) -> bool:
    """UNION ALL, which alone compares nothing."""
    return node["op"] == "SETOP_UNION" and "all" in node


_PLAIN = {"op", "all", "larg", "rarg", "limitOption"}


def merged(rows: list[Row]) -> Row:
    """The columns of a set operation, called as in its first query."""
    counts = {len(row.fields) for row in rows}
    rests = [row.rest for row in rows if row.rest is not None]
    if len(counts) > 1:
        rests.append(UNPROVEN)
    fields = zip(*(row.fields for row in rows), strict=False)
    return row_of(
        [Field(column[0].name, combine([field.value for field in column])) for column in fields],
        rest=combine(rests) if rests else None,
    )


def _into(node: Node, row: Row, scope: Scope) -> None:
    """SELECT INTO: a new table."""
    findings = scope.findings
    findings.statements.add("select_into")
    findings.intents |= {Intent.DDL, Intent.WRITE}
    if not is_bounded(node):
        findings.intents.add(Intent.BULK_WRITE)
    findings.copies(node["intoClause"], row)


def read_with(clause: Node, scope: Scope) -> None:
    """The queries of a WITH, put into `scope`. Each is read, named or not."""
    recursive = "recursive" in clause
    for wrapped in clause["ctes"]:
        node = wrapped["CommonTableExpr"]
        # Without RECURSIVE a query sees those before it alone: its own name means what it means outside.
        place = scope if recursive else scope.inner()
        if not recursive:
            place.ctes = dict(scope.ctes)
            place.outer = scope.outer
        cte = Cte(partial(_read_cte, node, place, recursive))
        scope.ctes[node["ctename"]] = cte
        if not recursive:
            cte.resolve()
    for wrapped in clause["ctes"]:
        scope.ctes[wrapped["CommonTableExpr"]["ctename"]].resolve()


def _read_cte(node: Node, scope: Scope, recursive: bool, cte: Cte) -> Row:
    query = node["ctequery"]
    select = query.get("SelectStmt", {})
    if recursive and select.get("op") == "SETOP_UNION":
        return _fixpoint(cte, node, select, scope)
    row = renamed(scope.query(query, scope), strings(node.get("aliascolnames")))
    return _with_added(row, node, scope)


def _fixpoint(cte: Cte, node: Node, select: Node, scope: Scope) -> Row:
    """A query that may name itself: its first part, and what comes of that until nothing is new."""
    inner = scope.inner()
    if "withClause" in select:
        read_with(select["withClause"], inner)
    names = strings(node.get("aliascolnames"))
    first = read_select(select["larg"], inner)
    row = renamed(first, names)
    for _ in range(_ROUNDS):
        cte.row, cte.named = row, False
        grown = renamed(merged([first, read_select(select["rarg"], inner)]), names)
        if not cte.named or _same(row, grown):
            if not _keeps_all(select):
                _compare(grown, scope)
            return _with_added(grown, node, scope)
        row = grown
    scope.findings.doubt("a recursive query is too deep to follow")
    return UNKNOWN_ROW


def _same(one: Row, other: Row) -> bool:
    return (
        len(one.fields) == len(other.fields)
        and one.rest == other.rest
        and all(
            (a.value.sources, a.value.proven, a.value.implied)
            == (b.value.sources, b.value.proven, b.value.implied)
            for a, b in zip(one.fields, other.fields, strict=True)
        )
    )


def _with_added(row: Row, node: Node, scope: Scope) -> Row:
    """A WITH query's columns with those that SEARCH and CYCLE add, which the query itself does not see."""
    added = []
    if (search := node.get("search_clause")) is not None:
        value = _of(row, search["search_col_list"])
        scope.findings.probe(value)
        added.append(Field(search["search_seq_column"], value))
    if (cycle := node.get("cycle_clause")) is not None:
        value = _of(row, cycle["cycle_col_list"])
        scope.findings.probe(value)
        added += [Field(cycle["cycle_mark_column"], value), Field(cycle["cycle_path_column"], value)]
    return row_of([*row.fields, *added], rest=row.rest) if added else row


def _of(row: Row, names: list[Node]) -> Value:
    return combine(row.index.get(name, UNPROVEN) for name in strings(names))
