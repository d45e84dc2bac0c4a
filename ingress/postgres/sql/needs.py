"""The privileges at the target that a statement needs for what its own text does.

By column where it names columns (documentation, "Privileges" 5.8, and the pages of SELECT, INSERT, UPDATE,
DELETE, MERGE, COPY and TRUNCATE). Beneath a view its owner's count, and for what foreign keys do, the table's
owner's: neither is needed by who asks.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ingress.postgres.catalogue_items import SYSTEM_COLUMNS, Relation
from ingress.postgres.sql.columns import Column

_SYSTEM = frozenset(SYSTEM_COLUMNS.values())


class Need(NamedTuple):
    """A privilege ("select", "insert", "update", "delete", "truncate") on a relation, or a column of it."""

    relation: int  # OID
    privilege: str
    column: str = ""  # empty: the whole relation


def needs_of(
    read: Iterable[Relation], locked: bool, selected: Iterable[Column], changes: Iterable[Need]
) -> frozenset[Need]:
    """What to grant. `read`: the relations that are read from by name; `locked`: FOR UPDATE or the like;
    `selected`: all columns whose values are used; `changes`: of what is written, relations and columns."""
    wholes = {need for need in changes if not need.column}
    written = {need for need in changes if need.column and Need(need.relation, need.privilege) in wholes}
    by_column = {(need.relation, need.privilege) for need in written}
    found = written | {need for need in wholes if (need.relation, need.privilege) not in by_column}
    columns: dict[int, set[str]] = {relation.oid: set() for relation in read}
    columns |= {need.relation: set() for need in wholes}
    for column in selected:
        if column.relation in columns:
            columns[column.relation].add(column.name)
    for oid, names in columns.items():
        found |= (
            {Need(oid, "select", name) for name in names} if not names & _SYSTEM else {Need(oid, "select")}
        )
    for relation in read:
        if not columns[relation.oid]:
            found.add(_any_column(relation, "select"))
        if locked:
            found.add(_any_column(relation, "update"))
    return frozenset(found)


def _any_column(relation: Relation, privilege: str) -> Need:
    """Where PostgreSQL asks for the privilege on a column, whichever it is: count(*), FOR UPDATE."""
    return Need(relation.oid, privilege, relation.columns[0].name if relation.columns else "")
