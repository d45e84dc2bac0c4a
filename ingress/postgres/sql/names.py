"""The name the server gives to a column of an answer (parse_target.c, FigureColname)."""

from ingress.postgres.sql.tree import Node, kind_of, strings

UNNAMED = "?column?"
_WEAK, _STRONG = 1, 2  # a weak name gives way to one found further out

_FIXED = {
    "GroupingFunc": "grouping",
    "MergeSupportFunc": "merge_action",
    "A_ArrayExpr": "array",
    "RowExpr": "row",
    "CoalesceExpr": "coalesce",
    "XmlSerialize": "xmlserialize",
    "JsonParseExpr": "json",
    "JsonScalarExpr": "json_scalar",
    "JsonSerializeExpr": "json_serialize",
    "JsonObjectConstructor": "json_object",
    "JsonArrayConstructor": "json_array",
    "JsonArrayQueryConstructor": "json_array",
    "JsonObjectAgg": "json_objectagg",
    "JsonArrayAgg": "json_arrayagg",
}
_BY_OPERATION = {
    "IS_GREATEST": "greatest",
    "IS_LEAST": "least",
    "IS_XMLCONCAT": "xmlconcat",
    "IS_XMLELEMENT": "xmlelement",
    "IS_XMLFOREST": "xmlforest",
    "IS_XMLPARSE": "xmlparse",
    "IS_XMLPI": "xmlpi",
    "IS_XMLROOT": "xmlroot",
    "IS_XMLSERIALIZE": "xmlserialize",
    "JSON_EXISTS_OP": "json_exists",
    "JSON_QUERY_OP": "json_query",
    "JSON_VALUE_OP": "json_value",
}


def output_name(wrapped: Node) -> str:
    """The name of a column without an alias."""
    return _figure(wrapped)[0] or UNNAMED


def _figure(wrapped: Node) -> tuple[str, int]:
    kind, node = kind_of(wrapped)
    if kind in _FIXED:
        return _FIXED[kind], _STRONG
    match kind:
        case "ColumnRef":
            return _last(strings(node["fields"]))
        case "A_Indirection":
            names = strings(node.get("indirection"))
            return _last(names) if names else _figure(node["arg"])
        case "FuncCall":
            return _last(strings(node["funcname"]))
        case "A_Expr" if node.get("kind") == "AEXPR_NULLIF":
            return "nullif", _STRONG
        case "TypeCast":
            name, strength = _figure(node["arg"])
            if strength > _WEAK:
                return name, strength
            return strings(node["typeName"].get("names"))[-1], _WEAK
        case "CollateClause":
            return _figure(node["arg"])
        case "CaseExpr":
            name, strength = _figure(node["defresult"]) if "defresult" in node else ("", 0)
            return (name, strength) if strength > _WEAK else ("case", _WEAK)
        case "SubLink":
            return _sublink(node)
        case "SQLValueFunction":
            return node["op"].removeprefix("SVFOP_").removesuffix("_N").lower(), _STRONG
        case "MinMaxExpr" | "XmlExpr" | "JsonFuncExpr":
            name = _BY_OPERATION.get(node.get("op", "IS_GREATEST"), "")
            return name, _STRONG if name else 0
    return "", 0


def _last(names: list[str]) -> tuple[str, int]:
    return (names[-1], _STRONG) if names else ("", 0)


def _sublink(node: Node) -> tuple[str, int]:
    match node.get("subLinkType"):
        case "EXISTS_SUBLINK":
            return "exists", _STRONG
        case "ARRAY_SUBLINK":
            return "array", _STRONG
        case "EXPR_SUBLINK":
            return _first(node["subselect"]["SelectStmt"]), _STRONG
    return "", 0


def _first(select: Node) -> str:
    """The name of a query's first column, where it is no star."""
    while "larg" in select:
        select = select["larg"]
    if "valuesLists" in select:
        return "column1"
    if not select.get("targetList"):
        return UNNAMED
    target = select["targetList"][0]["ResTarget"]
    return target.get("name") or output_name(target["val"])
