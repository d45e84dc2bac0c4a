"""One statement being read: what its readers share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ingress.postgres.changes import writes
from ingress.postgres.columns import UNPROVEN, Row, row_of
from ingress.postgres.expressions import candidates_of
from ingress.postgres.findings import Findings
from ingress.postgres.queries import READERS, outermost, read
from ingress.postgres.tree import Node, kind_of, strings
from schemas.vocabulary import Intent

NOTHING = row_of([])
"""The columns of a statement that returns no rows."""
ANYTHING = Row((), {}, UNPROVEN)
"""The columns of a statement that may return any."""


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
    describe: "Callable[[str, Node, Reading], Row]"  # reads a statement within this one
    depth: int = 0  # EXECUTE of what executes …
    prepares: tuple[str, str] | None = None
    deallocates: str | None = None
    declares: tuple[str, Cursor] | None = None
    closes: str | None = None


def survey(node: Any, reading: Reading, *, writes_to: bool = False) -> None:
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
            name_relation(part, reading, writes_to=writes_to)
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


def name_relation(node: Node, reading: Reading, *, writes_to: bool = False) -> None:
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
        name_relation({"relname": names[-1], **schema}, reading)


_RELATIONS = frozenset(
    f"OBJECT_{word}" for word in ("TABLE", "VIEW", "MATVIEW", "FOREIGN_TABLE", "SEQUENCE", "INDEX")
)


def aside(wrapped: Node, reading: Reading, keep: frozenset[Intent]) -> Row:
    """Reads a query that is not run: what it touches counts, of what it would do only `keep`."""
    findings = reading.findings
    intents, unproven = set(findings.intents), dict(findings.unproven)
    changes = findings.changes_context, findings.changes_catalogue
    statements = set(findings.statements)
    kind, node = kind_of(wrapped)
    row = reading.describe(kind, node, replace(reading))
    findings.statements = statements
    findings.intents = intents | (findings.intents & keep)
    if Intent.UNKNOWN not in keep:
        findings.unproven = unproven
        findings.changes_context, findings.changes_catalogue = changes
    return row


def is_option(option: Node, name: str) -> bool:
    return bool(option["DefElem"].get("defname", "").lower() == name)
