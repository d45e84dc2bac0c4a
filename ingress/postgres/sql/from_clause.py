"""What a FROM clause offers to the rest of its query (parse_clause.c)."""

from collections.abc import Iterable

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.catalogue_items import Function
from ingress.postgres.sql.aftermath import note_read
from ingress.postgres.sql.columns import (
    CLEAN,
    UNPROVEN,
    Column,
    Field,
    Row,
    Value,
    combine,
    computed,
    row_of,
)
from ingress.postgres.sql.expressions import candidates_of, check_operators, fold, seen, value_of
from ingress.postgres.sql.functions import output_proven
from ingress.postgres.sql.names import output_name
from ingress.postgres.sql.scope import Item, Scope
from ingress.postgres.sql.tree import Node, kind_of, strings
from ingress.postgres.sql.type_names import check_type

UNKNOWN_ROW = Row((), {}, UNPROVEN)


def read_from(clause: list[Node], scope: Scope) -> list[Item]:
    """The items of a FROM clause. `scope` is that of the query, which does not have them yet."""
    items: list[Item] = []
    for wrapped in clause:
        items += _read(wrapped, scope, items)
    return items


def _read(wrapped: Node, scope: Scope, before: list[Item]) -> list[Item]:
    """`before`: what stands left of it, for LATERAL."""
    kind, node = kind_of(wrapped)
    match kind:
        case "RangeVar":
            return [read_range_var(node, scope)]
        case "RangeSubselect":
            row = scope.query(node["subquery"], scope.inner(before) if "lateral" in node else scope)
            return [_aliased("", row, node)]
        case "RangeFunction":
            return [_functions(node, scope.inner(before))]
        case "RangeTableFunc":
            return [_xml_table(node, scope.inner(before))]
        case "JsonTable":
            return [_json_table(node, scope.inner(before))]
        case "JoinExpr":
            return _join(node, scope, before)
        case "RangeTableSample":
            return _sample(node, scope, before)
    scope.findings.doubt(f"{kind} in a FROM clause is not understood")
    return [Item("", UNKNOWN_ROW)]


def read_range_var(node: Node, scope: Scope) -> Item:
    """A relation or a WITH query, by name."""
    name = node["relname"]
    if "schemaname" not in node and (cte := scope.cte(name)) is not None:
        return _aliased(name, cte.resolve(), node)
    relation = scope.relation(node)
    if relation is None:
        return _aliased(name, UNKNOWN_ROW, node)
    scope.findings.read_relation(relation)
    scope.findings.read.add(relation)
    note_read(relation, scope.findings, only=not node.get("inh"))
    return _aliased(name, scope.findings.catalogue.row(relation), node, relation.schema)


def _aliased(name: str, row: Row, node: Node, schema: str = "") -> Item:
    alias = node.get("alias")
    if alias is None:
        return Item(name, row, schema)
    return Item(alias["aliasname"], renamed(row, strings(alias.get("colnames"))))


def renamed(row: Row, names: list[str]) -> Row:
    """The row with its first columns called otherwise."""
    if not names:
        return row
    known = {field.name for field in row.fields}
    hidden = [Field(name, value) for name, value in row.index.items() if name not in known]
    fields = [Field(name, row.rest or CLEAN) for name in names] if row.rest is not None else []
    count = len(row.fields)
    given = [Field(name, field.value) for name, field in zip(names, row.fields, strict=False)]
    return row_of([*given, *row.fields[len(given) :], *fields[count:]], hidden, row.rest)


def _join(node: Node, scope: Scope, before: list[Item]) -> list[Item]:
    left = _read(node["larg"], scope, before)
    right = _read(node["rarg"], scope, [*before, *left])
    items = [*left, *right]
    if "usingClause" in node or "isNatural" in node:
        items = _merge(node, scope, left, right)
    elif "quals" in node:
        conditions(node["quals"], scope.inner(items))
    if "alias" in node:
        alias = node["alias"]
        row = renamed(star(items), strings(alias.get("colnames")))
        return [Item(alias["aliasname"], row)]
    return items


def _merge(node: Node, scope: Scope, left: list[Item], right: list[Item]) -> list[Item]:
    """JOIN … USING and NATURAL JOIN: the columns of one name become one, and come first."""
    rows = star(left), star(right)
    if "isNatural" in node:
        there = {field.name for field in rows[1].fields}
        names = [field.name for field in rows[0].fields if field.name in there]
    else:
        names = strings(node["usingClause"])
    check_operators(scope, "=")
    merged = []
    for name in names:
        sides = [row.index.get(name, row.rest) or UNPROVEN for row in rows]
        for side in sides:
            scope.findings.touch(side)
            seen(scope, side)
        scope.findings.settle(*sides)
        scope.findings.probe(*sides)
        merged.append(Field(name, combine(sides)))
    others = [field for row in rows for field in row.fields if field.name not in names]
    rests = [row.rest for row in rows if row.rest is not None]
    if "isNatural" in node and rests:
        scope.findings.doubt("a natural join of what has no certain columns")
    row = row_of([*merged, *others], rest=combine(rests) if rests else None)
    alias = node.get("join_using_alias")
    named = [Item(alias["aliasname"], row_of(merged), bare=False)] if alias else []
    return [
        Item("", row),
        *(Item(i.name, i.row, i.schema, bare=False) for i in (*left, *right) if i.name),
        *named,
    ]


def star(items: Iterable[Item]) -> Row:
    """What `*` stands for."""
    visible = [item for item in items if item.bare]
    if len(visible) == 1:
        return visible[0].row
    rests = [item.row.rest for item in visible if item.row.rest is not None]
    fields = [field for item in visible for field in item.row.fields]
    return row_of(fields, rest=combine(rests) if rests else None)


def conditions(wrapped: Node, scope: Scope) -> None:
    """A WHERE, ON or HAVING. Each condition of an AND is judged by itself: what constants stand with what."""
    kind, node = kind_of(wrapped)
    if kind == "BoolExpr" and node.get("boolop") == "AND_EXPR":
        for part in node["args"]:
            conditions(part, scope)
    else:
        value = value_of(wrapped, scope)
        scope.findings.settle(value)
        scope.findings.probe(value)


def _sample(node: Node, scope: Scope, before: list[Item]) -> list[Item]:
    method = strings(node["method"])
    if method[-1] not in ("system", "bernoulli"):
        scope.findings.doubt(f"the sampling method {method[-1]} is not PostgreSQL's own")
    place = scope.inner(before)
    scope.findings.probe(fold(node.get("args", []), place), fold(node.get("repeatable", {}), place))
    return _read(node["relation"], scope, before)


def _functions(node: Node, scope: Scope) -> Item:
    """Functions in FROM: their columns side by side."""
    fields: list[Field] = []
    rests: list[Value] = []
    alias = node.get("alias", {})
    for entry in node["functions"]:
        call, definitions = (*entry["List"]["items"], {})[:2]
        listed = definitions.get("List", {}).get("items") if definitions else node.get("coldeflist")
        for single in _split(call):
            single_name = alias.get("aliasname", "") if "is_rowsfrom" not in node else ""
            row = _function_row(single, listed, single_name, scope)
            fields += row.fields
            if row.rest is not None:
                rests.append(row.rest)
    if "ordinality" in node:
        fields.append(Field("ordinality", CLEAN))
    row = row_of(fields, rest=combine(rests) if rests else None)
    name = alias.get("aliasname") or next((f.name for f in fields), "")
    if not alias:
        kind, call = kind_of(node["functions"][0]["List"]["items"][0])
        name = strings(call["funcname"])[-1] if kind == "FuncCall" else name
    return Item(name, renamed(row, strings(alias.get("colnames"))))


def _split(call: Node) -> list[Node]:
    """unnest with several arrays stands for one call each (parse_clause.c, transformRangeFunction)."""
    function = call.get("FuncCall")
    if function is None or strings(function["funcname"])[-1] != "unnest" or len(function.get("args", ())) < 2:
        return [call]
    return [{"FuncCall": {**function, "args": [arg]}} for arg in function["args"]]


def _function_row(call: Node, listed: list[Node] | None, alias: str, scope: Scope) -> Row:
    value = value_of(call, scope)
    scope.findings.settle(value)
    value = computed(value)
    if listed:
        definitions = [item["ColumnDef"] for item in listed]
        for definition in definitions:
            check_type(definition["typeName"], scope)
        return row_of(Field(definition["colname"], value) for definition in definitions)
    kind, node = kind_of(call)
    if kind != "FuncCall":
        return row_of([Field(alias or output_name(call), value)])
    candidates = candidates_of(node, scope)
    shapes = [_shape(function, node, scope) for function in candidates]
    if not shapes or any(shape is None or shape != shapes[0] for shape in shapes):
        return row_of([Field(alias, value)] if alias else [], rest=value)
    if not shapes[0]:
        return row_of([Field(alias or candidates[0].name, value)])
    return row_of(
        Field(
            name, value if all(output_proven(f, name) for f in candidates) else value._replace(proven=False)
        )
        for name in shapes[0]
    )


def _shape(function: Function, node: Node, scope: Scope) -> tuple[str, ...] | None:
    """The columns a function's rows have; () for one called as the alias or function; None: uncertain."""
    catalogue = scope.findings.catalogue
    if function.row:
        relation = catalogue.relation(function.row)
        return tuple(column.name for column in relation.columns) if relation else None
    if function.outputs is not None:
        return function.outputs
    if function.polymorphic and not _is_scalar(node.get("args", []), scope):
        return None
    return ()


def _is_scalar(args: list[Node], scope: Scope) -> bool:
    """Whether these arguments are certainly no rows and no arrays of rows."""
    return all(_scalar(arg, scope) for arg in args)


def _scalar(arg: Node, scope: Scope) -> bool:
    kind, node = kind_of(arg)
    catalogue, path = scope.findings.catalogue, scope.findings.search_path
    match kind:
        case "A_Const":
            return True
        case "A_ArrayExpr":
            return _is_scalar(node.get("elements", []), scope)
        case "TypeCast":
            names = strings(node["typeName"].get("names"))
            found = catalogue.find_type(names[-2] if len(names) > 1 else "", names[-1], path)
            return found is not None and not found.row and found.name not in ("record", "_record")
        case "FuncCall":
            return all(
                not f.polymorphic and not f.row and f.outputs is None for f in candidates_of(node, scope)
            )
        case "ColumnRef" if "String" in node["fields"][-1]:
            value = value_of(arg, scope)
            return (
                value.row is None
                and all(
                    isinstance(source, Column) and source.type and _no_row(catalogue, source)
                    for source in value.sources
                )
                and len(value.sources) == 1
            )
    return False


def _no_row(catalogue: Catalogue, column: Column) -> bool:
    known = catalogue.type(column.type)
    return known is not None and not known.row and not known.name.endswith("record")


def _xml_table(node: Node, scope: Scope) -> Item:
    document = combine(fold(node.get(part, {}), scope) for part in ("docexpr", "rowexpr", "namespaces"))
    scope.findings.probe(document)
    fields = []
    for wrapped in node["columns"]:
        column = wrapped["RangeTableFuncCol"]
        fields.append(Field(column["colname"], combine((document, fold(column, scope)))))
    row = row_of(fields)
    scope.findings.settle_each(row)
    return _aliased("xmltable", row, node)


def _json_table(node: Node, scope: Scope) -> Item:
    if scope.findings.catalogue.server < 17:
        scope.findings.doubt(
            f"JSON_TABLE means something else to PostgreSQL {scope.findings.catalogue.server}"
        )
    document = combine(fold(node.get(part, {}), scope) for part in ("context_item", "passing", "on_error"))
    scope.findings.probe(document)
    row = row_of(_json_columns(node["columns"], document, scope))
    scope.findings.settle_each(row)
    return _aliased("json_table", row, node)


def _json_columns(columns: list[Node], document: Value, scope: Scope) -> list[Field]:
    """A level's own columns, then those of the levels nested in it."""
    fields, nested = [], []
    for wrapped in columns:
        column = wrapped["JsonTableColumn"]
        if "columns" in column:
            nested += _json_columns(column["columns"], document, scope)
        else:
            fields.append(Field(column["name"], combine((document, fold(column, scope)))))
    return [*fields, *nested]
