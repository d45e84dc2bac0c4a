"""What views show: their definitions read as the queries they are, and generated columns likewise."""

from ingress.postgres.catalogue import Catalogue, is_temporary
from ingress.postgres.catalogue_items import Relation, View
from ingress.postgres.sql.columns import UNPROVEN, Row, Value
from ingress.postgres.sql.expressions import value_of
from ingress.postgres.sql.findings import Findings, sensitivity
from ingress.postgres.sql.queries import outermost, read
from ingress.postgres.sql.scope import Item
from ingress.postgres.sql.tree import Unparsable, parse
from schemas.vocabulary import Intent

# PostgreSQL's own views show no password where they leave it out; theirs are judged by the columns they have.
_OWN_SCHEMAS = ("pg_catalog", "information_schema")


def see_through(catalogue: Catalogue, relation: Relation) -> View:
    """What reading from this relation does beside reading its own rows, and what its columns derive from.

    What cannot be understood is not proven, with the reason.
    """
    # A definition is printed for an empty search path: what is not in pg_catalog has its schema.
    path = (relation.schema, "pg_catalog") if is_temporary(relation.schema) else ("pg_catalog",)
    findings = Findings(catalogue, path, sensitivity(()))
    try:
        values = _view(relation, findings) if relation.is_view else _generated(relation, findings)
    except Unparsable as error:
        findings.doubt(f"{relation.qualified} is not understood: {error.message}")
        values = ()
    except RecursionError:
        findings.doubt(f"{relation.qualified} reads from too many views one behind the other")
        values = ()
    if len(values) != len(relation.columns):
        findings.doubt(f"the columns of {relation.qualified} are not understood")
        values = (UNPROVEN,) * len(relation.columns)
    if relation.schema in _OWN_SCHEMAS:
        findings.intents.discard(Intent.CREDENTIAL)
    return View(
        columns=values,
        intents=frozenset(findings.intents),
        tables=frozenset(findings.tables),
        touched=frozenset(findings.touched | findings.hidden),
        functions=frozenset(findings.functions),
        unproven=tuple(findings.unproven),
        changes_context=findings.changes_context,
    )


def _view(relation: Relation, findings: Findings) -> tuple[Value, ...]:
    if not relation.definition:
        raise Unparsable("its definition could not be read", 1)
    (source,) = parse(relation.definition)
    row = read({source.kind: source.node}, outermost(findings))
    return tuple(field.value for field in row.fields) if row.rest is None else ()


def _generated(relation: Relation, findings: Findings) -> tuple[Value, ...]:
    row: Row = findings.catalogue.stored_row(relation)
    scope = outermost(findings).inner([Item(relation.name, row, relation.schema)])
    values = []
    for column, field in zip(relation.columns, row.fields, strict=True):
        if not column.generated:
            values.append(field.value)
            continue
        if not column.expression:
            raise Unparsable(f"the expression of column {column.name} could not be read", 1)
        (source,) = parse(f"select {column.expression}")
        value = value_of(source.node["targetList"][0]["ResTarget"]["val"], scope)
        values.append(Value(field.value.sources | value.sources, value.proven, implied=value.implied))
    return tuple(values)
