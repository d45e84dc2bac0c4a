"""Statements that define, keep up or hand out objects, beyond what `statements.py` tells of them."""

from ingress.postgres.catalogue_items import MATERIALISED, PARTITIONED, TABLE
from ingress.postgres.sql.aftermath import note_upkeep
from ingress.postgres.sql.bounds import is_bounded
from ingress.postgres.sql.code import note_relations
from ingress.postgres.sql.columns import Row
from ingress.postgres.sql.findings import Findings
from ingress.postgres.sql.functions import is_untrusted_language
from ingress.postgres.sql.objects import note_made, note_schema
from ingress.postgres.sql.outlets import note_outlets
from ingress.postgres.sql.queries import outermost
from ingress.postgres.sql.reading import NOTHING, Reading, aside, is_option
from ingress.postgres.sql.survey import name_relation, note_names, survey
from ingress.postgres.sql.tree import Node, kind_of, strings
from schemas.vocabulary import Intent


def read_create_function(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("create_procedure" if "is_procedure" in node else "create_function")
    findings.intents.add(Intent.DDL)
    findings.changes_context = findings.changes_catalogue = True
    note_language(node.get("options", []), findings)
    note_made(strings(node["funcname"]), findings)
    for option in node.get("options", ()):
        if is_option(option, "as"):
            for code in strings(option["DefElem"]["arg"].get("List", {}).get("items")):
                note_relations(code, findings)
        if is_option(option, "security") and option["DefElem"]["arg"].get("Boolean", {}).get("boolval"):
            findings.intents.add(Intent.ADMIN)  # whoever calls it acts with its owner's rights
    note_names(node, findings)
    return NOTHING


def read_create_as(node: Node, reading: Reading) -> Row:
    """CREATE TABLE AS and CREATE MATERIALIZED VIEW: what the query gives is stored."""
    findings = reading.findings
    is_view = node.get("objtype") == "OBJECT_MATVIEW"
    kind, query = kind_of(node["query"])
    row = reading.describe(kind, query, reading)
    findings.statements.add("create_materialized_view" if is_view else "create_table_as")
    findings.intents |= {Intent.DDL, Intent.WRITE}
    if kind != "SelectStmt" or not is_bounded(query):
        findings.intents.add(Intent.BULK_WRITE)
    if is_view:
        findings.creates(node["into"]["rel"])
    else:
        findings.copies(node["into"], row)
    return NOTHING


def read_create_view(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    aside(node["query"], reading, frozenset({Intent.PROBE}))  # whoever reads the view does not say it again
    findings.statements.add("create_view")
    findings.intents.add(Intent.DDL)
    findings.creates(node["view"])
    return NOTHING


def read_create_rule(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("create_rule")
    findings.intents.add(Intent.DDL)
    findings.changes_context = findings.changes_catalogue = True
    name_relation(node["relation"], findings)
    note_names([node.get("actions", []), node.get("whereClause", {})], findings)
    note_outlets("RuleStmt", node, findings)
    return NOTHING


def read_create_schema(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("create_schema")
    findings.intents.add(Intent.DDL)
    note_schema(node.get("schemaname") or node.get("authrole", {}).get("rolename", ""), findings)
    findings.changes_context = findings.changes_catalogue = True
    for element in node.get("schemaElts", ()):
        kind, inner = kind_of(element)
        reading.describe(kind, inner, reading)
    return NOTHING


def read_refresh(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("refresh_materialized_view")
    findings.intents |= {Intent.WRITE, Intent.BULK_WRITE}
    relation = outermost(findings).relation(node["relation"])
    if relation is not None:
        findings.read_relation(relation)
        view = findings.catalogue.view(relation)
        note_upkeep(relation, findings)
        findings.functions |= view.functions
        findings.intents |= view.intents
        findings.changes_context |= view.changes_context
        for reason in view.unproven:
            findings.doubt(reason)
    return NOTHING


def read_vacuum(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("vacuum" if "is_vacuumcmd" in node else "analyze")
    findings.intents.add(Intent.ADMIN)
    survey(node, findings)
    findings.changes_context = findings.changes_catalogue = False
    note_upkeep_of(node.get("rels", []), findings)
    return NOTHING


_KEPT_UP = (TABLE, PARTITIONED, MATERIALISED)


def note_upkeep_of(named: list[Node], findings: Findings) -> None:
    """VACUUM, ANALYZE, CLUSTER, REINDEX: of the relations that were named, or of all."""
    of_users = [one for one in findings.catalogue.relations_of_users() if one.kind in _KEPT_UP]
    if not named:
        for relation in of_users:
            findings.use_relation(relation)
    for relation in of_users:
        if relation.qualified in findings.tables:
            note_upkeep(relation, findings)


def read_grant(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("grant" if "is_grant" in node else "revoke")
    findings.intents.add(Intent.ADMIN)
    survey(node, findings)
    if node.get("targtype") == "ACL_TARGET_ALL_IN_SCHEMA":
        for schema in strings(node.get("objects")):
            note_schema(schema, findings)
    findings.changes_context = findings.changes_catalogue = True
    return NOTHING


def read_grant_role(node: Node, reading: Reading) -> Row:
    findings = reading.findings
    findings.statements.add("grant_role" if "is_grant" in node else "revoke_role")
    findings.intents |= {Intent.ADMIN, Intent.CREDENTIAL}
    findings.changes_context = findings.changes_catalogue = True
    return NOTHING


def note_language(options: list[Node], findings: Findings) -> None:
    """Notes whether a function or block is in a language that can do what the server can."""
    for option in options:
        if is_option(option, "language"):
            language = option["DefElem"]["arg"].get("String", {}).get("sval", "").lower()
            if is_untrusted_language(language):
                findings.intents.add(Intent.EXEC)
