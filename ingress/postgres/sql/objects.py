"""What a definition names beside the relations it is about, and what goes with an object that is dropped.

Objects with a schema are noted like relations, "schema.name", so that a rule that bounds definitions to a
schema bounds all of them. What is the database's own, such as an extension or a cast, is administration.
"""

from typing import Any

from ingress.postgres.catalogue import is_temporary
from ingress.postgres.catalogue_items import (
    FOREIGN,
    MATERIALISED,
    PARTITIONED,
    SEQUENCE,
    TABLE,
    VIEW,
    Relation,
)
from ingress.postgres.sql.findings import Findings
from ingress.postgres.sql.tree import Node, kind_of, strings
from ingress.postgres.sql.words import words
from schemas.vocabulary import Intent

WORDS = {
    TABLE: "table",
    PARTITIONED: "table",
    VIEW: "view",
    MATERIALISED: "materialized_view",
    FOREIGN: "foreign_table",
    SEQUENCE: "sequence",
    "c": "type",
}
"""What a relation of a kind is called in "alter_…" and "drop_…"."""

# Objects without a schema, whose definition is the whole database's matter.
_DATABASE_WIDE = words(
    """
    OBJECT_ACCESS_METHOD OBJECT_CAST OBJECT_DATABASE OBJECT_EVENT_TRIGGER OBJECT_EXTENSION OBJECT_FDW
    OBJECT_FOREIGN_SERVER OBJECT_LANGUAGE OBJECT_PUBLICATION OBJECT_ROLE OBJECT_SUBSCRIPTION
    OBJECT_TABLESPACE OBJECT_TRANSFORM
    """
)
_FUNCTIONS = words("OBJECT_FUNCTION OBJECT_PROCEDURE OBJECT_ROUTINE OBJECT_AGGREGATE")
# Named after a relation or type, or noted with it (survey.name_objects).
_ELSEWHERE = words(
    """
    OBJECT_TABLE OBJECT_VIEW OBJECT_MATVIEW OBJECT_FOREIGN_TABLE OBJECT_SEQUENCE OBJECT_INDEX OBJECT_COLUMN
    OBJECT_TABCONSTRAINT OBJECT_TRIGGER OBJECT_RULE OBJECT_POLICY OBJECT_SCHEMA
    """
)
# The field that holds the name of what a statement makes or alters.
_MADE = {
    "CreateEnumStmt": "typeName",
    "CreateRangeStmt": "typeName",
    "CreateDomainStmt": "domainname",
    "DefineStmt": "defnames",
    "CreateStatsStmt": "defnames",
    "CreateConversionStmt": "conversion_name",
    "CreateOpClassStmt": "opclassname",
    "CreateOpFamilyStmt": "opfamilyname",
}
_ALTERED = {
    "AlterEnumStmt": "typeName",
    "AlterDomainStmt": "typeName",
    "AlterTypeStmt": "typeName",
    "AlterStatsStmt": "defnames",
    "AlterOpFamilyStmt": "opfamilyname",
    "AlterFunctionStmt": "func",
    "AlterOperatorStmt": "opername",
    "AlterCollationStmt": "collname",
    "AlterTSConfigurationStmt": "cfgname",
    "AlterTSDictionaryStmt": "dictname",
}
# What DROP … CASCADE of these can take along beside what depends on it by its columns.
_TAKES_TABLES = words("OBJECT_EXTENSION OBJECT_TYPE OBJECT_ACCESS_METHOD")
_TAKES_FOREIGN_TABLES = words("OBJECT_EXTENSION OBJECT_FDW OBJECT_FOREIGN_SERVER")
# Changes of a table that are about rights, or switch off what watches over it (AlterTableType, parsenodes.h).
_GUARDS = words(
    """
    AT_ChangeOwner AT_EnableTrig AT_EnableAlwaysTrig AT_EnableReplicaTrig AT_DisableTrig AT_EnableTrigAll
    AT_DisableTrigAll AT_EnableTrigUser AT_DisableTrigUser AT_EnableRule AT_EnableAlwaysRule
    AT_EnableReplicaRule AT_DisableRule AT_EnableRowSecurity AT_DisableRowSecurity AT_ForceRowSecurity
    AT_NoForceRowSecurity
    """
)


def note_objects(kind: str, node: Node, findings: Findings) -> None:
    """Notes what a definition names, and whether it is a matter of rights or of the whole database."""
    if kind in _MADE:
        note_made(strings(node.get(_MADE[kind])), findings)
    if kind in _ALTERED:
        _note_named(_names(node.get(_ALTERED[kind], [])), findings)
    type = (
        node.get("removeType") or node.get("renameType") or node.get("objectType") or node.get("objtype", "")
    )
    if type in _DATABASE_WIDE:
        findings.intents.add(Intent.ADMIN)
    if kind == "AlterOwnerStmt" or any(
        command["AlterTableCmd"].get("subtype") in _GUARDS
        for command in node.get("cmds", ())
        if "AlterTableCmd" in command
    ):
        findings.intents.add(Intent.ADMIN)
    if type and type not in _ELSEWHERE and type not in _DATABASE_WIDE:
        for wrapped in (*node.get("objects", ()), *([node["object"]] if "object" in node else ())):
            names = _names(wrapped)
            _note_functions(names, findings) if type in _FUNCTIONS else _note_named(names, findings)
    _note_new_place(kind, node, findings)


def note_schema(name: str, findings: Findings) -> None:
    """A statement is about a whole schema: about all that is in it, and may come to be."""
    findings.tables.add(f"{name}.*")
    findings.tables.update(relation.qualified for relation in findings.catalogue.relations_in(name))


def note_drop(node: Node, findings: Findings) -> None:
    """What DROP takes along: each kind of it is named as if it were dropped by itself."""
    type, objects = node.get("removeType", ""), node.get("objects", [])
    cascades = node.get("behavior") == "DROP_CASCADE"
    gone: list[Relation] = []
    if type == "OBJECT_SCHEMA":
        for wrapped in objects:
            for name in _names(wrapped):
                gone += findings.catalogue.relations_in(name) if cascades else []
                note_schema(name, findings)
    if type == "OBJECT_TABLE":
        for relation in list(findings.catalogue.relations_of_users()):
            if relation.qualified in findings.tables:
                gone += findings.catalogue.children(relation)
    for relation in gone:
        findings.tables.add(relation.qualified)
        findings.statements.add(f"drop_{WORDS.get(relation.kind, 'table')}")
    # What an extension is made of goes with it, whatever the statement says.
    if type in _TAKES_TABLES and (cascades or type == "OBJECT_EXTENSION"):
        findings.statements |= {"drop_table", "drop_view"}
    if type in _TAKES_FOREIGN_TABLES and (cascades or type == "OBJECT_EXTENSION"):
        findings.statements.add("drop_foreign_table")


def note_everything(findings: Findings) -> None:
    """A statement is about whatever belongs to some role, or about all tables."""
    findings.tables.update(relation.qualified for relation in findings.catalogue.relations_of_users())


def altered_as(relation: Relation) -> str:
    """The statement that alters a relation, called by what that is: ALTER INDEX can rename a table, too."""
    return f"alter_{WORDS.get(relation.kind, 'table')}"


def _names(wrapped: Any) -> list[str]:
    if isinstance(wrapped, list):
        return strings(wrapped)
    if "names" in wrapped or "objname" in wrapped:
        return strings(wrapped.get("names", wrapped.get("objname")))
    kind, node = kind_of(wrapped)
    match kind:
        case "String":
            return [node.get("sval", "")]
        case "List":
            return strings(node.get("items"))
        case "TypeName" | "ObjectWithArgs":
            return _names(node)
    return []


def _fixed_path(findings: Findings) -> list[str]:
    return [name for name in findings.search_path if not is_temporary(name) and name != "pg_catalog"]


def note_made(names: list[str], findings: Findings) -> None:
    """An object is made, or replaced."""
    if names:
        schema = names[-2] if len(names) > 1 else next(iter(_fixed_path(findings)), "")
        findings.tables.add(f"{schema}.{names[-1]}")


def _note_named(names: list[str], findings: Findings) -> None:
    """An object that is there, in one of the schemas of the path where its own is not said."""
    if names:
        schemas = [names[-2]] if len(names) > 1 else _fixed_path(findings)
        findings.tables.update(f"{schema}.{names[-1]}" for schema in schemas)


def _note_functions(names: list[str], findings: Findings) -> None:
    found = findings.catalogue.find_functions(
        names[-2] if len(names) > 1 else "", names[-1] if names else "", findings.search_path
    )
    for function in found:
        findings.functions.add(function.qualified)
        findings.tables.add(function.qualified)
    if not found:
        _note_named(names, findings)


def _note_new_place(kind: str, node: Node, findings: Findings) -> None:
    """What is renamed or moved gets a name that may mean something to others."""
    relation = node.get("relation")
    if kind == "RenameStmt" and node.get("renameType") == "OBJECT_SCHEMA":
        note_schema(node["subname"], findings)
        findings.tables.add(f"{node['newname']}.*")
    elif kind == "RenameStmt" and relation is not None and node.get("renameType") in _ELSEWHERE:
        if node["renameType"] not in ("OBJECT_COLUMN", "OBJECT_TABCONSTRAINT"):
            known = findings.catalogue.find_relation(
                relation.get("schemaname", ""), relation["relname"], findings.search_path
            )
            schema = known.schema if known else relation.get("schemaname", "")
            _note_named([*([schema] if schema else []), node["newname"]], findings)
    elif kind == "AlterObjectSchemaStmt":
        name = relation["relname"] if relation is not None else (_names(node.get("object", [])) or [""])[-1]
        findings.tables.add(f"{node['newschema']}.{name}")
