"""What a statement that is no query names: relations, functions, and the queries and expressions it holds.

Columns are not resolved in such expressions (a default, an index, a policy): what they call is noted by
name.
"""

from typing import Any

from ingress.postgres.sql.aftermath import TRUNCATE
from ingress.postgres.sql.changes import writes
from ingress.postgres.sql.expressions import candidates_of, check_operators
from ingress.postgres.sql.findings import Findings
from ingress.postgres.sql.functions import effect_of
from ingress.postgres.sql.queries import READERS, outermost, read
from ingress.postgres.sql.scope import Scope
from ingress.postgres.sql.tree import Node, strings
from ingress.postgres.sql.type_names import check_type
from ingress.postgres.sql.words import words

_BETWEEN = ("<", "<=", ">", ">=")


def survey(node: Any, findings: Findings, *, writes_to: bool = False) -> None:
    """Notes what a statement names anywhere; `writes_to`: it changes the rows of the relations it names."""
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
            name_relation(part, findings, writes_to=writes_to)
        for key, value in part.items():
            if key in READERS:
                read({key: value}, scope)
            else:
                _note(key, value, scope)
                todo.append(value)


def _note(kind: str, node: Any, scope: Scope) -> None:
    findings = scope.findings
    match kind:
        case "FuncCall":
            found = candidates_of(node, scope)
            for function in found:
                findings.call(function)
            if not found:
                findings.doubt(f"function {'.'.join(strings(node['funcname']))} is not known")
        case "A_Indirection":
            _note_fields(strings(node.get("indirection")), findings)
        case "ColumnRef":
            _note_fields(strings(node["fields"])[1:], findings)
        case "A_Expr":
            names = strings(node.get("name"))
            symbols = _BETWEEN if "BETWEEN" in names[-1] else tuple(names[-1:])
            check_operators(scope, *symbols, schema=names[-2] if len(names) > 1 else "")
        case "CaseExpr" | "SubLink":
            check_operators(scope, (strings(node.get("operName")) or ["="])[-1])
        case "TypeCast":
            check_type(node["typeName"], scope)


def _note_fields(names: list[str], findings: Findings) -> None:
    """`value.name` can be the call `name(value)`: noted where that would do something."""
    for name in names:
        for function in findings.catalogue.find_functions("", name, findings.search_path):
            if function.takes(1) and effect_of(function).intents:
                findings.call(function)


def name_relation(node: Node, findings: Findings, *, writes_to: bool = False) -> None:
    """A RangeVar of a statement that changes the relation itself. One that is not there need not be known."""
    schema, name = node.get("schemaname", ""), node["relname"]
    relation = findings.catalogue.find_relation(schema, name, findings.search_path)
    if relation is None:
        findings.creates(node)
        return
    findings.use_relation(relation)
    if writes_to:
        writes(relation, outermost(findings), frozenset({TRUNCATE}), only=not node.get("inh"))
    if any(findings.is_sensitive(column) for column in relation.columns):
        findings.secret_text = True


def note_names(node: Any, findings: Findings) -> None:
    """Notes the relations and functions named anywhere within, and nothing of what is done with them."""
    todo = [node]
    while todo:
        part = todo.pop()
        if isinstance(part, list):
            todo += part
        if not isinstance(part, dict):
            continue
        todo += part.values()
        if "relname" in part:
            relation = findings.catalogue.find_relation(
                part.get("schemaname", ""), part["relname"], findings.search_path
            )
            if relation is not None:
                findings.use_relation(relation)
        if "FuncCall" in part:
            for function in candidates_of(part["FuncCall"], outermost(findings)):
                findings.functions.add(function.qualified)


def name_objects(kind: str, objects: list[Node], findings: Findings) -> None:
    """The objects of a DROP, COMMENT or SECURITY LABEL. `kind`: OBJECT_TABLE and the like."""
    for wrapped in objects:
        names = strings(wrapped.get("List", {}).get("items")) or strings([wrapped])
        if kind in _PARTS:
            names = names[:-1]
        elif kind not in _RELATIONS:
            continue
        if names:
            schema = {"schemaname": names[-2]} if len(names) > 1 else {}
            name_relation({"relname": names[-1], **schema}, findings)


_RELATIONS = words(
    "OBJECT_TABLE OBJECT_VIEW OBJECT_MATVIEW OBJECT_FOREIGN_TABLE OBJECT_SEQUENCE OBJECT_INDEX"
)
# Named after the relation they belong to.
_PARTS = words("OBJECT_COLUMN OBJECT_TABCONSTRAINT OBJECT_TRIGGER OBJECT_RULE OBJECT_POLICY")
