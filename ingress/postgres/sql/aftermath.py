"""What reading or changing a relation sets off that the text does not say.

Policies, defaults, checks, indexes and triggers call functions; a foreign key passes changes on; what is
done to a table is done to those that inherit from it, and what is done to a view to its tables. The
catalogue shows all of it. A function that is not proven makes the statement unknown.
"""

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.catalogue_items import FOREIGN, Relation
from ingress.postgres.sql.findings import Findings
from ingress.postgres.sql.triggers import is_confined

INSERT, UPDATE, DELETE, TRUNCATE = "insert", "update", "delete", "truncate"
_ROWS = frozenset({INSERT, UPDATE})


def note_read(relation: Relation, findings: Findings, *, only: bool = False) -> None:
    """Rows of this relation are read; `only`: not those of relations that inherit from it."""
    _calls(relation, frozenset({"read"}), findings)
    if relation.is_view:
        return
    for child in _heirs(relation, findings.catalogue, only=only):
        findings.use_relation(child)


def note_change(
    relation: Relation, events: frozenset[str], findings: Findings, *, only: bool = False
) -> None:
    """Rows of this relation are changed by each of these events."""
    _change(relation, events, findings, set(), only=only)


def note_upkeep(relation: Relation, findings: Findings) -> None:
    """The relation is analysed, or its indexes are made anew."""
    _calls(relation, frozenset({"index"}), findings)


def _change(
    relation: Relation,
    events: frozenset[str],
    findings: Findings,
    seen: set[tuple[int, str]],
    *,
    only: bool = False,
) -> None:
    new = frozenset(event for event in events if (relation.oid, event) not in seen)
    if not new:
        return
    seen.update((relation.oid, event) for event in new)
    catalogue = findings.catalogue
    if relation.rules:
        findings.doubt(f"relation {relation.qualified} has rules, which rewrite what is done to it")
        findings.rewritten = True
    moments = {*new, *(f"instead_{event}" for event in new)}
    if new & _ROWS:
        moments |= {"write", "index"}
        for column in relation.columns:
            known = catalogue.type(column.type)
            if known is not None and known.runs:
                findings.doubt(f"type {known.schema}.{known.name} {known.runs}")
    if DELETE in new or TRUNCATE in new:
        moments.add("read")
    _calls(relation, frozenset(moments), findings)
    if relation.is_view:
        for name in catalogue.view(relation).tables:
            below = catalogue.relation_called(name)
            if below is not None and below.schema not in ("pg_catalog", "information_schema"):
                findings.use_relation(below)
                _change(below, new, findings, seen)
        return
    for cascade in relation.cascades:
        other = catalogue.relation(cascade.relation)
        if cascade.event in new and other is not None:
            findings.use_relation(other)
            _change(other, frozenset({cascade.then}), findings, seen)
    for child in _heirs(relation, catalogue, only=only):
        findings.use_relation(child)
    if not only:
        for child in catalogue.children(relation):
            _change(child, new, findings, seen, only=True)


def _heirs(relation: Relation, catalogue: Catalogue, *, only: bool) -> list[Relation]:
    """The relations that are touched through this one, and to be named: those that inherit from it.

    A table's partitions are the table itself; those elsewhere are named.
    """
    if only:
        return []
    return [
        child
        for child in catalogue.children(relation)
        if relation.kind != "p" or child.kind == FOREIGN or child.schema != relation.schema
    ]


def _calls(relation: Relation, moments: frozenset[str], findings: Findings) -> None:
    for call in relation.calls:
        if call.moment not in moments:
            continue
        function = call.function
        if call.moment in _TRIGGERS and is_confined(function, findings):
            findings.functions.add(function.qualified)
        elif call.moment in _TRIGGERS:
            findings.functions.add(function.qualified)
            reason = f"trigger {function.qualified} of {relation.qualified} is code that is not proven"
            findings.doubt(reason, of_code=True)
        else:
            findings.call(function)
            if function.built_in and function.name == "set_config":
                findings.doubt(f"relation {relation.qualified} changes a setting")


_TRIGGERS = frozenset({INSERT, UPDATE, DELETE, TRUNCATE})
_TRIGGERS |= frozenset(f"instead_{event}" for event in _TRIGGERS)
