"""Reads any statement that can stand in a WITH or be run for rows: SELECT, INSERT, UPDATE, DELETE, MERGE."""

from collections.abc import Callable, Mapping

from ingress.postgres.sql.changes import read_delete, read_insert, read_merge, read_update
from ingress.postgres.sql.columns import Row
from ingress.postgres.sql.findings import Findings
from ingress.postgres.sql.lineage import read_select
from ingress.postgres.sql.scope import Scope
from ingress.postgres.sql.tree import Node, kind_of

READERS: Mapping[str, Callable[[Node, Scope], Row]] = {
    "SelectStmt": read_select,
    "InsertStmt": read_insert,
    "UpdateStmt": read_update,
    "DeleteStmt": read_delete,
    "MergeStmt": read_merge,
}


def read(wrapped: Node, scope: Scope) -> Row:
    """The columns that the statement gives; what it does is added to the scope's findings.

    Raises Unparsable where it is too complex to be read.
    """
    kind, node = kind_of(wrapped)
    return READERS[kind](node, scope)


def outermost(findings: Findings) -> Scope:
    """The scope of a whole statement."""
    return Scope(findings, read)
