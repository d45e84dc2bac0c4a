"""Definitions that let sensitive values out: under a name that no pattern covers, or to code.

That is an export, as copying them would be. And what a definition checks of every row (a constraint, the
predicate of an index, a policy) tells of the values it names, as a query would: a probe.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ingress.postgres.catalogue_items import Relation
from ingress.postgres.sql.columns import Column
from ingress.postgres.sql.findings import Findings
from ingress.postgres.sql.tree import Node, strings, walk
from schemas.vocabulary import Intent


def note_outlets(kind: str, node: Node, findings: Findings) -> None:
    """Notes what a statement that defines or alters objects lets out of sensitive columns."""
    reader = _READERS.get(kind)
    if reader is not None and findings.sensitive.any:
        reader(node, findings)


def _rename(node: Node, findings: Findings) -> None:
    to = node["newname"]
    if node["renameType"] == "OBJECT_SCHEMA":
        for relation in findings.catalogue.relations_in(node["subname"]):
            _leave(relation, findings, (to, relation.name))
    elif (found := _relation(node.get("relation"), findings)) is None:
        return
    elif node["renameType"] == "OBJECT_COLUMN":
        columns = [column for column in found.columns if column.name == node.get("subname")]
        if any(_leaves(column, findings, [f"{found.qualified}.{to}"]) for column in columns):
            findings.intents.add(Intent.EXPORT)
    elif node["renameType"] in _RELATIONS:
        _leave(found, findings, (found.schema, to))


_RELATIONS = {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE"}


def _set_schema(node: Node, findings: Findings) -> None:
    found = _relation(node.get("relation"), findings)
    if found is not None:
        _leave(found, findings, (node["newschema"], found.name))


def _alter_table(node: Node, findings: Findings) -> None:
    found = _relation(node["relation"], findings)
    for wrapped in node["cmds"]:
        command = wrapped["AlterTableCmd"]
        match command.get("subtype"):
            case "AT_DetachPartition":
                name = command["def"]["PartitionCmd"]["name"]
                _part(_relation(name, findings), findings)
            case "AT_DropInherit":
                _part(found, findings)
            case "AT_DropExpression" if found is not None:
                _store(found, command.get("name", ""), findings)
            case "AT_AlterColumnType" if found is not None:
                using = command["def"]["ColumnDef"].get("raw_default")
                if using is not None and _mentioned(using, found, findings):
                    _tell(using, found, findings)
                    findings.intents.add(Intent.EXPORT)
            case "AT_AddConstraint" if found is not None:
                _tell(command["def"], found, findings)


def _index(node: Node, findings: Findings) -> None:
    found = _relation(node["relation"], findings)
    if found is not None:
        elements = [
            element
            for element in node.get("indexParams", ())
            if "unique" in node or "expr" in element["IndexElem"]
        ]
        _tell([elements, node.get("whereClause")], found, findings)


def _policy(node: Node, findings: Findings) -> None:
    found = _relation(node["table"], findings)
    if found is not None:
        _tell([node.get("qual"), node.get("with_check")], found, findings)


def _code(node: Node, findings: Findings) -> None:
    """A trigger or a rule: it sees the rows that are written."""
    found = _relation(node["relation"], findings)
    if found is None or any(map(findings.is_sensitive, found.columns)):
        findings.intents.add(Intent.EXPORT)


def _publication(node: Node, findings: Findings) -> None:
    """Whoever subscribes is given every row that changes."""
    findings.intents.add(Intent.EXPORT)


_READERS: Mapping[str, Callable[[Node, Findings], None]] = {
    "RenameStmt": _rename,
    "AlterObjectSchemaStmt": _set_schema,
    "AlterTableStmt": _alter_table,
    "IndexStmt": _index,
    "CreatePolicyStmt": _policy,
    "AlterPolicyStmt": _policy,
    "CreateTrigStmt": _code,
    "RuleStmt": _code,
    "CreatePublicationStmt": _publication,
    "AlterPublicationStmt": _publication,
}


def _relation(node: Node | None, findings: Findings) -> Relation | None:
    if node is None:
        return None
    return findings.catalogue.find_relation(node.get("schemaname", ""), node["relname"], findings.search_path)


def _leave(relation: Relation, findings: Findings, to: tuple[str, str]) -> None:
    """The relation has this schema and name from now on; whom it inherits from, and who from it, stays."""
    catalogue = findings.catalogue
    for column in relation.columns:
        names = [".".join((*to, column.name)), *catalogue.names(column)[1:], *catalogue.inherited(column)]
        if _leaves(column, findings, names):
            findings.intents.add(Intent.EXPORT)


def _part(relation: Relation | None, findings: Findings) -> None:
    """The relation no longer inherits."""
    for column in relation.columns if relation is not None else ():
        if _leaves(column, findings, [column.qualified, *findings.catalogue.inherited(column)]):
            findings.intents.add(Intent.EXPORT)


def _leaves(column: Column, findings: Findings, names: list[str]) -> bool:
    return findings.is_sensitive(column) and not any(map(findings.sensitive.covers, names))


def _store(relation: Relation, name: str, findings: Findings) -> None:
    """A generated column becomes an ordinary one, and nothing says any more where its values come from."""
    value = findings.catalogue.row(relation).index.get(name)
    derives = value is not None and findings.derives_from_sensitive(value)
    if derives and not _is_covered(relation, name, findings):
        findings.intents.add(Intent.EXPORT)


def _is_covered(relation: Relation, name: str, findings: Findings) -> bool:
    return any(findings.is_sensitive(column) for column in relation.columns if column.name == name)


def _tell(expressions: Any, relation: Relation, findings: Findings) -> None:
    columns = _mentioned(expressions, relation, findings)
    if columns:
        findings.probed |= columns
        findings.intents.add(Intent.PROBE)


def _mentioned(expressions: Any, relation: Relation, findings: Findings) -> set[Column]:
    """The sensitive columns of the relation that expressions name, by name or by naming the whole row."""
    names = set(_names(expressions))
    every = bool(names & {relation.name, "*"})
    return {
        column
        for column in relation.columns
        if (every or column.name in names) and findings.is_sensitive(column)
    }


def _names(expressions: Any) -> Iterator[str]:
    for kind, node in walk(expressions):
        match kind:
            case "ColumnRef":
                yield from strings(node["fields"])
                if "A_Star" in node["fields"][-1]:
                    yield "*"
            case "IndexElem" if "name" in node:
                yield node["name"]
            case "Constraint":
                yield from strings(node.get("keys"))
