"""Whether a statement that changes data is bounded: judged by its text alone, so `id > 0` is a bound.

A change without a WHERE, or with one that is true of every row by its form, is unbounded; so is an INSERT
of all that a relation holds.
"""

from typing import Any

from ingress.postgres.sql.tree import Node, kind_of, strings

_REFLEXIVE = frozenset({"=", ">=", "<=", "~~", "~~*"})


def bounds(condition: Node | None) -> bool:
    """Whether a WHERE can leave out a row."""
    return condition is not None and not _always(condition)


def _always(wrapped: Node) -> bool:
    """Whether a condition is true of every row by its form, or says nothing of the row."""
    kind, node = kind_of(wrapped)
    if kind == "BoolExpr":
        match node.get("boolop", "AND_EXPR"):
            case "AND_EXPR":
                return all(map(_always, node["args"]))
            case "OR_EXPR":
                return any(map(_always, node["args"])) or _covers_null(node["args"])
    if kind == "NullTest":
        return node.get("nulltesttype") == "IS_NOT_NULL"
    if kind == "A_Expr" and "lexpr" in node and "rexpr" in node:
        operator = strings(node.get("name"))[-1]
        if operator in _REFLEXIVE and _form(node["lexpr"]) == _form(node["rexpr"]):
            return True
        if operator in ("~~", "~~*") and node["rexpr"].get("A_Const", {}).get("sval", {}).get("sval") == "%":
            return True
    return not _names_a_column(wrapped)


def _covers_null(parts: list[Node]) -> bool:
    """`x IS NULL OR …` of the same x, taken with IS NOT NULL."""
    tests = [part["NullTest"] for part in parts if "NullTest" in part]
    return len({test.get("nulltesttype") for test in tests}) > 1


def _form(node: Any) -> Any:
    """A part of the tree without its place in the text."""
    if isinstance(node, dict):
        return {key: _form(value) for key, value in node.items() if key != "location"}
    if isinstance(node, list):
        return [_form(item) for item in node]
    return node


def _names_a_column(node: Any) -> bool:
    if isinstance(node, dict):
        if "ColumnRef" in node or "CurrentOfExpr" in node:
            return True
        return any(_names_a_column(value) for key, value in node.items() if key != "SelectStmt")
    return isinstance(node, list) and any(map(_names_a_column, node))


def is_bounded(query: Node) -> bool:
    """Whether the rows a SELECT gives are bounded by a LIMIT, a WHERE, or because no relation is read."""
    if "valuesLists" in query:
        return True
    limit = query.get("limitCount")
    if limit is not None and "isnull" not in limit.get("A_Const", {}):
        return True
    if "larg" in query:
        return is_bounded(query["larg"]) and is_bounded(query["rarg"])
    return bounds(query.get("whereClause")) or all(map(_gives_few, query.get("fromClause", ())))


def _gives_few(wrapped: Node) -> bool:
    kind, node = kind_of(wrapped)
    match kind:
        case "RangeSubselect":
            return is_bounded(node["subquery"].get("SelectStmt", {}))
        case "RangeFunction":
            # Functions give what their arguments hold, but for generate_series.
            calls = [entry["List"]["items"][0].get("FuncCall", {}) for entry in node["functions"]]
            return all("generate_series" not in strings(call.get("funcname")) for call in calls)
        case "JoinExpr":
            return _gives_few(node["larg"]) and _gives_few(node["rarg"])
    return kind in ("RangeTableFunc", "JsonTable")
