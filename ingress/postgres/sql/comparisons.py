"""Comparisons of columns with tokens that were made for them: where a token stands for its value.

That is so where a column that is masked by tokens is compared with such tokens, and with nothing else, by
`=`, `<>`, IN, NOT IN, `= ANY` or `<> ALL` (of `ARRAY[…]`, or of a parameter that is an array of them), and
the server certainly compares bytes. It tells no more than the tokens that answers show, since equal values
have equal tokens: so it is no probe. Anywhere else a token is the text that it is.
(docs/decisions/0048-what-a-token-stands-for.md)
"""

from typing import Any

from ingress.postgres.catalogue import is_temporary
from ingress.postgres.sql.columns import Column, Value
from ingress.postgres.sql.findings import Findings
from ingress.postgres.sql.held import NONE, Place, Revealed, literals
from ingress.postgres.sql.scope import Scope
from ingress.postgres.sql.tree import Node, kind_of, strings, walk
from ingress.postgres.sql.type_names import built_in
from processors.masking.tokens import TOKENISE
from schemas.vocabulary import Intent

KINDS = frozenset(("SelectStmt", "UpdateStmt", "DeleteStmt", "DeclareCursorStmt"))
"""Statements in which a token may stand for a value."""

_OF_ARRAYS = ("AEXPR_OP_ANY", "AEXPR_OP_ALL")
_INTENTS = frozenset((Intent.READ, Intent.PROBE, Intent.WRITE, Intent.BULK_WRITE))


def sides(node: Node) -> tuple[Node, list[Node]] | None:
    """The column, and what it is compared with, of an A_Expr that compares by equality; None for others."""
    names = strings(node.get("name"))
    if names not in (["="], ["<>"], ["pg_catalog", "="], ["pg_catalog", "<>"]):
        return None
    left, right = node.get("lexpr", {}), node.get("rexpr", {})
    items: Any = None
    match node.get("kind"), names[-1]:
        case "AEXPR_OP", _:
            if "ColumnRef" in right:
                left, right = right, left
            items = [right]
        case "AEXPR_IN", _:
            items = right.get("List", {}).get("items")
        case ("AEXPR_OP_ANY", "=") | ("AEXPR_OP_ALL", "<>"):
            bound = "ParamRef" in right.get("TypeCast", {}).get("arg", right)
            items = [right] if bound else right.get("A_ArrayExpr", {}).get("elements")
    return (left, items) if "ColumnRef" in left and items else None


def compares_tokens(node: Node, column: Value, others: list[Node], scope: Scope) -> bool:
    """Whether the comparison, with these `sides`, is one of a column with tokens; notes them, then."""
    findings = scope.findings
    held = findings.held
    pattern = _pattern_of(column, findings)
    if held is None or not pattern or _may_be_of_users(strings(node["name"]), findings):
        return False
    is_array = node["kind"] in _OF_ARRAYS and "A_ArrayExpr" not in node["rexpr"]
    places = [_place(other, scope, is_array=is_array) for other in others]
    found = {place: pattern for place in places if place is not None and held.made_for(place, pattern)}
    if len(found) < len(others):
        return False
    findings.compared |= found
    return True


def revealed(text: str, node: Node, findings: Findings) -> Revealed | None:
    """The tokens that stand for values, once the statement, which is all of this text, has been read. None
    where that is not certain of each of them: then it has to be read again as one that holds none."""
    places = findings.compared
    if not places:
        return NONE
    if not _INTENTS.issuperset(findings.intents) or findings.rewritten:
        return None
    if not findings.uncompared.isdisjoint(place.location for place in places):
        return None
    bound = {place: pattern for place, pattern in places.items() if place.number}
    numbers = {place.number for place in bound}
    if not numbers.isdisjoint(_elsewhere(node, {place.location for place in places})):
        return None
    written = {place: pattern for place, pattern in places.items() if not place.number}
    found = tuple(literals(text, written))
    if len(found) < len(written):
        return None
    parameters, arrays = (
        tuple(sorted({(one.number, pattern) for one, pattern in bound.items() if one.is_array is is_array}))
        for is_array in (False, True)
    )
    return Revealed(found, parameters, arrays, max(_numbers(node), default=0))


def _elsewhere(node: Node, compared: set[int]) -> set[int]:
    """The parameters that stand anywhere but in these places."""
    return {
        parameter.get("number", 0)
        for kind, parameter in walk(node)
        if kind == "ParamRef" and parameter.get("location", 0) not in compared
    }


def _numbers(node: Node) -> set[int]:
    return {parameter.get("number", 0) for kind, parameter in walk(node) if kind == "ParamRef"}


def _place(wrapped: Node, scope: Scope, *, is_array: bool) -> Place | None:
    """A text literal or a parameter, be it as `::text` or `::varchar`, or as an array of these; None for
    anything else."""
    kind, node = kind_of(wrapped)
    if kind == "TypeCast" and _is_of_text(node["typeName"], scope, dimensions=int(is_array)):
        kind, node = kind_of(node["arg"])
    location = node.get("location", 0)
    if location <= 0:
        return None
    if kind == "ParamRef" and node.get("number", 0) > 0:
        return Place(location, node["number"], is_array=is_array)
    if kind == "A_Const" and "sval" in node:
        return Place(location, token=node["sval"].get("sval", ""))
    return None


def _is_of_text(node: Node, scope: Scope, *, dimensions: int) -> bool:
    """Whether any text is the same as a value of this type, or any array of texts."""
    if "typmods" in node or "setof" in node or len(node.get("arrayBounds", ())) != dimensions:
        return False
    return built_in(node, scope) in ("text", "varchar")


def _pattern_of(value: Value, findings: Findings) -> str:
    """The pattern by which a value, the column itself, is masked by tokens in any answer; "" where it is not
    masked by that alone, or may be equal to other bytes than its own."""
    columns = [source for source in value.sources if isinstance(source, Column)]
    if value.bare is None or not value.proven or len(columns) != len(value.sources):
        return ""
    entries = {entry for column in columns for entry in findings.entries(column)}
    if len(entries) != 1 or not all(column.is_exact for column in columns):
        return ""
    (entry,) = entries
    return entry.pattern if entry.mask == TOKENISE else ""


def _may_be_of_users(names: list[str], findings: Findings) -> bool:
    """Whether an operator of a user's can be meant, also one made at this moment: PostgreSQL's own for
    two texts is found first where its schema is first."""
    schema = names[-2] if len(names) > 1 else ""
    path = [one for one in findings.search_path if not is_temporary(one)]
    if not schema and path[:1] != ["pg_catalog"]:
        return True
    found = findings.catalogue.find_operators(schema, names[-1], findings.search_path)
    return any(operator.takes_text for operator in found)
