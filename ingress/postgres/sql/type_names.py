"""What the name of a type means where a statement writes one."""

from ingress.postgres.sql.scope import Scope
from ingress.postgres.sql.tree import Node, strings


def check_type(node: Node, scope: Scope) -> bool:
    """Notes what making a value of this type can run; whether the value stays what it was."""
    names = strings(node.get("names"))
    if not names or names[0] == "pg_catalog":
        return True
    findings = scope.findings
    found = findings.catalogue.find_type(names[-2] if len(names) > 1 else "", names[-1], findings.search_path)
    if found is None:
        findings.doubt(f"type {'.'.join(names)} is not known")
        return False
    if found.runs:
        findings.doubt(f"type {found.schema}.{found.name} {found.runs}")
        return False
    return True


def built_in(node: Node, scope: Scope) -> str:
    """The name of a built-in type; "" for another."""
    names = strings(node.get("names"))
    findings = scope.findings
    if not names or (len(names) > 1 and names[-2] != "pg_catalog"):
        return ""
    if len(names) > 1:
        return names[-1]
    found = findings.catalogue.find_type("", names[0], findings.search_path)
    return found.name if found is not None and found.schema == "pg_catalog" else ""
