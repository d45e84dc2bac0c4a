"""What the value of an expression can derive from.

Every column in an expression counts, whatever the expression does with it: a condition of CASE, a FILTER, an
ORDER BY inside an aggregate, the WHERE of a subquery. What is not understood is not proven.
"""

from collections.abc import Callable
from typing import Any

from ingress.postgres.catalogue_items import Function
from ingress.postgres.sql.columns import (
    CLEAN,
    Constant,
    Row,
    Value,
    combine,
    computed,
    is_stored,
    only_implied,
)
from ingress.postgres.sql.comparisons import compares_tokens, sides
from ingress.postgres.sql.oracles import cast_tells, function_tells, kind_tells, operator_tells
from ingress.postgres.sql.scope import Scope
from ingress.postgres.sql.settings import set_variable
from ingress.postgres.sql.tree import Node, Unparsable, kind_of, parse, strings
from ingress.postgres.sql.type_names import built_in, check_type
from ingress.postgres.sql.words import words


def value_of(wrapped: Node, scope: Scope) -> Value:
    """What an expression's value can derive from. Notes on the way what it touches, calls and does."""
    for kind, node in wrapped.items():
        reader = _READERS.get(kind)
        if reader is not None:
            return reader(node, scope)
        return _inside(kind, node, scope)
    return doubtful(scope, "an expression is not understood")


def fold(node: Any, scope: Scope) -> Value:
    """What everything inside a part of the tree can derive from, taken together."""
    if isinstance(node, list):
        return combine([fold(item, scope) for item in node])
    if not isinstance(node, dict):
        return CLEAN
    found = []
    for key, value in node.items():
        if key[:1].isupper():
            found.append(value_of({key: value}, scope))
        elif key == "typeName":
            check_type(value, scope)
        elif isinstance(value, dict | list):
            found.append(fold(value, scope))
    return combine(found)


# Kinds that only hold other expressions together, with the version of PostgreSQL that has them.
_STRUCTURE = {
    **dict.fromkeys(
        words(
            """
            BoolExpr BooleanTest CaseWhen CoalesceExpr MinMaxExpr A_ArrayExpr CollateClause
            GroupingFunc NamedArgExpr XmlExpr XmlSerialize List SQLValueFunction SetToDefault
            CurrentOfExpr ResTarget WindowDef GroupingSet A_Indices TypeName
            """
        ),
        0,
    ),
    **dict.fromkeys(
        words(
            """
            JsonObjectConstructor JsonArrayConstructor JsonObjectAgg JsonArrayAgg JsonAggConstructor
            JsonKeyValue JsonValueExpr JsonFormat JsonOutput JsonReturning JsonIsPredicate
            """
        ),
        16,
    ),
    **dict.fromkeys(
        words(
            """
            JsonFuncExpr JsonParseExpr JsonScalarExpr JsonSerializeExpr JsonArgument JsonBehavior
            MergeSupportFunc
            """
        ),
        17,
    ),
}
_LEAVES = frozenset({"String", "Integer", "Float", "Boolean", "BitString", "A_Star"})


def _inside(kind: str, node: Node, scope: Scope) -> Value:
    if kind in _LEAVES:
        return CLEAN
    since = _STRUCTURE.get(kind)
    value = fold(node, scope)
    if kind_tells(kind):
        scope.findings.probe(value)
    if since is None:
        return doubtful(scope, f"{kind} is not understood", value)
    if since > scope.findings.catalogue.server:
        # An older server reads the same words as the call of a function of that name.
        return doubtful(
            scope, f"{kind} means something else to PostgreSQL {scope.findings.catalogue.server}", value
        )
    return value


def doubtful(scope: Scope, reason: str, value: Value = CLEAN) -> Value:
    scope.findings.doubt(reason)
    return seen(scope, computed(value, proven=False))


def seen(scope: Scope, value: Value) -> Value:
    """The value, after it was added to what the subqueries around it derive from."""
    for collected in scope.findings.within:
        collected.append(value)
    return value


def _column(node: Node, scope: Scope) -> Value:
    fields = node["fields"]
    if "String" not in fields[-1]:
        return _star(strings(fields), scope)
    names = strings(fields)
    if len(names) == 1:
        value = scope.column(names[0])
        if value is None:
            return doubtful(scope, f"column {names[0]} is not known")
    else:
        schema = names[-3] if len(names) > 2 else ""
        item = scope.item(names[-2], schema)
        if item is None:
            return doubtful(scope, f"column {'.'.join(names)} is not known")
        value = item.row.index.get(names[-1])
        if value is None:
            value = _field(item.row.whole, names[-1], scope)
    scope.findings.touch(value)
    return seen(scope, value)


def _star(names: list[str], scope: Scope) -> Value:
    """`t.*` where a value stands: the row as one value."""
    item = scope.item(names[-1], names[-2] if len(names) > 1 else "") if names else None
    if item is None:
        return doubtful(scope, f"{'.'.join([*names, '*'])} is not known")
    value = item.row.whole
    scope.findings.touch(value)
    return seen(scope, value)


def _constant(node: Node, scope: Scope) -> Value:
    location = node.get("location", 0)
    scope.findings.uncompared.add(location)
    if not scope.findings.sensitive.any or location <= 0 or "isnull" in node or "boolval" in node:
        return CLEAN
    return Value(frozenset((Constant(location),)))


def _parameter(node: Node, scope: Scope) -> Value:
    scope.findings.uncompared.add(node.get("location", 0))
    if not scope.findings.sensitive.any:
        return CLEAN
    return Value(frozenset((Constant(0, node.get("number", 0)),)))


def _operation(node: Node, scope: Scope) -> Value:
    if scope.findings.held is not None and (of_tokens := _comparison(node, scope)) is not None:
        return of_tokens
    proven = True
    names = strings(node.get("name"))
    if scope.findings.catalogue.has_operators:
        if names[-1] in _BETWEEN:
            proven = check_operators(scope, "<", "<=", ">", ">=")
        else:
            proven = check_operators(scope, names[-1], schema=names[-2] if len(names) > 1 else "")
    operands = [node[side] for side in ("lexpr", "rexpr") if side in node]
    value = combine([value_of(operand, scope) for operand in operands])
    if operator_tells(names[-1]):
        scope.findings.probe(value)
    if not proven:
        return seen(scope, computed(value, proven=False))
    return computed(value)


def _comparison(node: Node, scope: Scope) -> Value | None:
    """A comparison of a column with tokens made for it, which tells nothing that matters; None for any other
    operation."""
    found = sides(node)
    if found is None:
        return None
    column = value_of(found[0], scope)
    return only_implied(column) if compares_tokens(node, column, found[1], scope) else None


_BETWEEN = frozenset({"BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"})


def check_operators(scope: Scope, *names: str, schema: str = "") -> bool:
    """Notes the operators of users that these can mean; whether results derive from operands alone."""
    findings = scope.findings
    proven = True
    for name in names:
        for operator in findings.catalogue.find_operators(schema, name, findings.search_path):
            proven = findings.call(operator.function) and proven
    return proven


def _case(node: Node, scope: Scope) -> Value:
    decides = []
    if "arg" in node:
        check_operators(scope, "=")
        decides.append(value_of(node["arg"], scope))
    results = [value_of(node["defresult"], scope)] if "defresult" in node else []
    for wrapped in node.get("args", ()):
        when = wrapped["CaseWhen"]
        decides.append(value_of(when["expr"], scope))
        results.append(value_of(when["result"], scope))
    scope.findings.probe(*decides)
    return combine((*decides, *results))


def _null_test(node: Node, scope: Scope) -> Value:
    """IS [NOT] NULL. Of what is computed it tells more than whether there is one: nullif(card, 'x')."""
    value = value_of(node["arg"], scope)
    if is_stored(value):
        return only_implied(value)
    scope.findings.probe(value)
    return computed(value)


def _sort(node: Node, scope: Scope) -> Value:
    if "useOp" in node:
        names = strings(node["useOp"])
        check_operators(scope, names[-1], schema=names[-2] if len(names) > 1 else "")
    return value_of(node["node"], scope)


def _row(node: Node, scope: Scope) -> Value:
    return combine([value_of(arg, scope) for arg in node.get("args", ())])


def _cast(node: Node, scope: Scope) -> Value:
    proven = check_type(node["typeName"], scope)
    value = value_of(node["arg"], scope)
    if "arrayBounds" in node["typeName"] or cast_tells(built_in(node["typeName"], scope)):
        scope.findings.probe(value)
    if not proven:
        return seen(scope, computed(value, proven=False))
    return computed(value)


def _indirection(node: Node, scope: Scope) -> Value:
    value = value_of(node["arg"], scope)
    for step in node.get("indirection", ()):
        if "String" in step:
            value = _field(value, step["String"].get("sval", ""), scope)
        elif "A_Indices" in step:
            chosen_by = fold(step, scope)
            scope.findings.probe(chosen_by)
            value = combine((value, chosen_by))
    return value


def _field(value: Value, name: str, scope: Scope) -> Value:
    """`value.name`: a field of the row, or else the call `name(value)` ("Functional notation": the two are
    one to the server, for values of any type)."""
    if value.row is not None and (found := value.row.index.get(name)) is not None:
        return found
    findings = scope.findings
    candidates = [
        function
        for function in findings.catalogue.find_functions("", name, findings.search_path)
        if function.takes(1)
    ]
    if not candidates:
        if value.row is not None and value.row.rest is None:
            return doubtful(scope, f"column {name} is not known", value)
        return computed(value)
    return _called(candidates, value, scope)


def _call(node: Node, scope: Scope) -> Value:
    args = node.get("args", [])
    parts = [value_of(arg, scope) for arg in args]
    decides = _decides(node, scope)
    scope.findings.probe(*decides)
    if "agg_distinct" in node:
        scope.findings.probe(*parts)
    candidates = candidates_of(node, scope)
    if {function.name for function in candidates} == {"count"} and "agg_distinct" not in node:
        parts = [only_implied(part) if is_stored(part) else part for part in parts]
    value = combine((*parts, *decides))
    if len(args) == 1:
        _coercion(strings(node["funcname"]), scope)
    if not candidates:
        names = strings(node["funcname"])
        if len(names) == len(args) == 1 and parts[0].row is not None:
            found = parts[0].row.index.get(names[0])
            if found is not None:
                return found
        return doubtful(scope, f"function {'.'.join(names)} is not known", value)
    if any(function.name == "set_config" and function.built_in for function in candidates):
        _set_config(args, scope)
    if any(function.name in ("nextval", "setval") and function.built_in for function in candidates):
        _sequence(args, scope)
    return _called(candidates, value, scope)


def _decides(node: Node, scope: Scope) -> list[Value]:
    """What the FILTER, ORDER BY and OVER of a call derive from."""
    found = [fold(node[key], scope) for key in ("agg_order", "agg_filter") if key in node]
    return [*found, _window(node["over"], scope)] if "over" in node else found


def _coercion(names: list[str], scope: Scope) -> None:
    """`name(value)` is a cast where a type has the name and no function takes the value as it is
    (parse_func.c, func_get_detail)."""
    findings = scope.findings
    known = findings.catalogue.find_type(names[-2] if len(names) > 1 else "", names[-1], findings.search_path)
    if known is not None and known.runs:
        findings.doubt(f"type {known.schema}.{known.name} {known.runs}")


def _set_config(args: list[Node], scope: Scope) -> None:
    constant = args[0].get("A_Const", {}).get("sval", {}).get("sval") if args else None
    if constant is None:
        scope.findings.doubt("the setting that set_config changes is not written out")
    else:
        set_variable(constant, scope.findings)


def _sequence(args: list[Node], scope: Scope) -> None:
    """Notes the sequence that an argument of type regclass names."""
    arg = args[0].get("TypeCast", {}).get("arg", args[0]) if args else {}
    name = arg.get("A_Const", {}).get("sval", {}).get("sval", "")
    try:
        (source,) = parse(f"table {name}")
        ((_, node),) = [kind_of(item) for item in source.node["fromClause"]]
        relation = scope.relation(node)
    except (Unparsable, ValueError, KeyError):  # no constant, or not a name
        scope.findings.doubt("the sequence is not written out")
        return
    if relation is not None:
        scope.findings.use_relation(relation)


def candidates_of(node: Node, scope: Scope) -> list[Function]:
    """The functions that a FuncCall can mean."""
    names = strings(node["funcname"])
    findings = scope.findings
    found = findings.catalogue.find_functions(
        names[-2] if len(names) > 1 else "", names[-1], findings.search_path
    )
    if "func_variadic" in node or "agg_within_group" in node:
        return found
    if not found and names == ["pg_catalog", "extract"]:  # before version 14 EXTRACT was date_part
        return findings.catalogue.find_functions("pg_catalog", "date_part", ())
    count = len(node.get("args", ()))
    return [function for function in found if function.takes(count)]


def _called(candidates: list[Function], value: Value, scope: Scope) -> Value:
    """The result of a call that can mean any of these; it does what the worst of them does."""
    proven = True
    if any(map(function_tells, candidates)):
        scope.findings.probe(value)
    for function in candidates:
        proven = scope.findings.call(function, value) and proven
    if proven:
        return computed(value)
    return seen(scope, computed(value, proven=False))


def _json_aggregate(node: Node, scope: Scope) -> Value:
    """JSON_OBJECTAGG and JSON_ARRAYAGG, which other than calls hold their clauses in a constructor."""
    scope.findings.probe(*_decides(node.get("constructor", {}), scope))
    return _inside("JsonAggConstructor", node, scope)


def _window(node: Node, scope: Scope) -> Value:
    """OVER: a window written there, or one of the WINDOW clause."""
    value = fold(node, scope)
    named = [scope.windows[name] for key in ("name", "refname") if (name := node.get(key)) in scope.windows]
    return combine((value, *named))


def _subquery(node: Node, scope: Scope) -> Value:
    """A subquery as a value: it derives from all that it reads, its conditions included."""
    findings = scope.findings
    kind = node.get("subLinkType", "")
    parts = [value_of(node["testexpr"], scope)] if "testexpr" in node else []
    if parts:
        check_operators(scope, (strings(node.get("operName")) or ["="])[-1])
    collected: list[Value] = []
    findings.within.append(collected)
    row = scope.query(node["subselect"], scope)
    findings.within.pop()
    columns = combine(collected)
    touched = Value(frozenset(s for s in columns.sources if not isinstance(s, Constant)), columns.proven)
    value = combine((*parts, only_implied(touched), *(field.value for field in row.fields)))
    if kind == "EXISTS_SUBLINK":
        return only_implied(value)
    if parts:
        findings.probe(value)
    if kind == "EXPR_SUBLINK" and len(row.fields) == 1 and row.fields[0].value.row is not None:
        return value._replace(row=_within(row.fields[0].value.row, value))
    return value


def _within(row: Row, value: Value) -> Row:
    """The fields of a row that a subquery gives: each derives from all that the subquery reads."""
    index = {name: value for name in row.index}
    return Row(tuple(field._replace(value=value) for field in row.fields), index, value if row.rest else None)


def _array_query(node: Node, scope: Scope) -> Value:
    value = _subquery({"subselect": node["query"]}, scope)
    return value if scope.findings.catalogue.server >= 16 else _inside("JsonFuncExpr", {}, scope)


def _select(node: Node, scope: Scope) -> Value:
    return _subquery({"subselect": {"SelectStmt": node}}, scope)


def _multiple(node: Node, scope: Scope) -> Value:
    """One column of `SET (a, b) = …`."""
    source = node["source"]
    kind, inner = next(iter(source.items()))
    position = node.get("colno", 1) - 1
    if kind == "RowExpr" and position < len(inner.get("args", ())):
        return value_of(inner["args"][position], scope)
    return value_of(source, scope)


_READERS: dict[str, Callable[[Node, Scope], Value]] = {
    "ColumnRef": _column,
    "A_Const": _constant,
    "ParamRef": _parameter,
    "A_Expr": _operation,
    "TypeCast": _cast,
    "FuncCall": _call,
    "CaseExpr": _case,
    "NullTest": _null_test,
    "JsonObjectAgg": _json_aggregate,
    "JsonArrayAgg": _json_aggregate,
    "RowExpr": _row,
    "SubLink": _subquery,
    "A_Indirection": _indirection,
    "SortBy": _sort,
    "JsonArrayQueryConstructor": _array_query,
    "SelectStmt": _select,
    "MultiAssignRef": _multiple,
}
