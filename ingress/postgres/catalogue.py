"""A snapshot of what a database holds: what names mean, and what views and functions are.

Pure: `catalogue_reader.py` fills it from a server. Nothing of it changes, except that what a view reads is
found when it is first asked for, and kept.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from ingress.postgres.catalogue_changes import Fingerprint
from ingress.postgres.catalogue_items import SYSTEM_COLUMNS, Function, Operator, Relation, Type, View
from ingress.postgres.sql.columns import Column, Constant, Field, Origin, Row, Value, row_of


class Catalogue:
    """The relations, functions, types and operators of one database. Treat it as a value: it never changes.

    `see_through` reads a view's definition; it must be pure.
    """

    def __init__(
        self,
        *,
        version: str,
        server: int,
        database: str,
        utf8: bool = True,
        schemas: Iterable[str],
        relations: Iterable[Relation],
        functions: Iterable[Function],
        types: Iterable[Type],
        operators: Iterable[Operator],
        see_through: "Callable[[Catalogue, Relation], View]",
    ) -> None:
        self.version = version  # a hash of the content; part of cache keys
        self.server = server  # major version
        self.database = database
        self.fingerprint: Fingerprint | None = None
        self.utf8 = utf8  # it keeps texts in UTF-8
        self.schemas = frozenset(schemas)
        self._relations = {relation.oid: relation for relation in relations}
        self._by_name = {(relation.schema, relation.name): relation for relation in self._relations.values()}
        functions = tuple(functions)
        self._functions_by_oid = {function.oid: function for function in functions}
        self._functions = _grouped(functions)
        self._types = {(known.schema, known.name): known for known in types}
        self._types_by_oid = {known.oid: known for known in self._types.values()}
        self._operators = _grouped(operators)
        self.has_operators = bool(self._operators)
        self._see_through = see_through
        # Whether the definition of every view and generated column could be read; if not, read again soon.
        self.complete = all(map(_is_complete, self._relations.values()))
        self._children: dict[int, list[int]] = {}
        for relation in self._relations.values():
            for parent in relation.parents:
                self._children.setdefault(parent, []).append(relation.oid)
        self._homonyms: dict[str, list[Relation]] = {}
        for relation in self._relations.values():
            if relation.schema not in ("pg_catalog", "information_schema"):
                self._homonyms.setdefault(relation.name, []).append(relation)
        self._rows: dict[int, Row] = {}
        self._views: dict[int, View] = {}
        self._own: dict[Column, tuple[str, ...]] = {}

    def relation(self, oid: int) -> Relation | None:
        return self._relations.get(oid)

    def find_relation(self, schema: str, name: str, search_path: tuple[str, ...]) -> Relation | None:
        """The relation a name means. An unqualified one has the `schema` "" and is sought along the path."""
        if schema == "pg_temp":
            schema = temporary_schema(search_path)
        if schema:
            return self._by_name.get((schema, name))
        for candidate in search_path:
            found = self._by_name.get((candidate, name))
            if found is not None:
                return found
        return None

    def relation_called(self, qualified: str) -> Relation | None:
        """The relation "schema.name"; None, too, where a dot within a name leaves it unclear."""
        schema, _, name = qualified.partition(".")
        return self._by_name.get((schema, name))

    def relations_named(self, name: str) -> list[Relation]:
        """The relations of this name in any schema but the system's."""
        return self._homonyms.get(name, [])

    def relations_in(self, schema: str) -> list[Relation]:
        return [relation for relation in self._relations.values() if relation.schema == schema]

    def function(self, oid: int) -> Function | None:
        return self._functions_by_oid.get(oid)

    def find_functions(self, schema: str, name: str, search_path: tuple[str, ...]) -> list[Function]:
        """Every function a name can mean: the arguments' types, which choose among them, are not known here.

        The temporary schema is not searched for functions ("Runtime Configuration", search_path).
        """
        known = self._functions.get(name, ())
        if schema == "pg_temp":
            schema = temporary_schema(search_path)
        if schema:
            return [function for function in known if function.schema == schema]
        return [
            function
            for function in known
            if function.schema in search_path and not is_temporary(function.schema)
        ]

    def find_type(self, schema: str, name: str, search_path: tuple[str, ...]) -> Type | None:
        if schema == "pg_temp":
            schema = temporary_schema(search_path)
        for candidate in (schema,) if schema else search_path:
            found = self._types.get((candidate, name))
            if found is not None:
                return found
        return None

    def type(self, oid: int) -> Type | None:
        return self._types_by_oid.get(oid)

    def children(self, relation: Relation) -> list[Relation]:
        """The relations that inherit from it or are its partitions, at any depth."""
        return [self._relations[oid] for oid in self._descendants(relation.oid)]

    def relations_of_users(self) -> list[Relation]:
        """Every relation outside the system's schemas."""
        return [relation for found in self._homonyms.values() for relation in found]

    def find_operators(self, schema: str, name: str, search_path: tuple[str, ...]) -> list[Operator]:
        """The operators of users that a name can mean."""
        known = self._operators.get(name)
        if not known:
            return []
        return [op for op in known if (op.schema == schema if schema else op.schema in search_path)]

    def row(self, relation: Relation) -> Row:
        """The columns of a relation, each with all it derives from."""
        row = self._rows.get(relation.oid)
        if row is None:
            row = self._rows[relation.oid] = self._make_row(relation)
        return row

    def _make_row(self, relation: Relation) -> Row:
        if not relation.is_view and not any(column.generated for column in relation.columns):
            return self.stored_row(relation)
        columns = self.view(relation).columns
        return row_of(
            (
                Field(
                    column.name,
                    Value(value.sources | {column}, value.proven, value.row, value.bare, value.implied),
                )
                for column, value in zip(relation.columns, columns, strict=True)
            ),
            [] if relation.is_view else _hidden(relation),
        )

    def stored_row(self, relation: Relation) -> Row:
        """The columns of a table as they are stored, without what generated columns are computed from."""
        return row_of(
            (Field(column.name, self._value(column)) for column in relation.columns), _hidden(relation)
        )

    def _value(self, column: Column) -> Value:
        known = self._types_by_oid.get(column.type)
        inner = self._relations.get(known.row) if known and known.row else None
        proven = column.qualified not in UNPROVEN_COLUMNS and not (known and known.casts)
        sources: frozenset[Column | Constant] = frozenset((column,))
        if inner is None or inner.is_view:
            return Value(sources, proven, bare=column)
        fields = (Field(field.name, Value(sources, proven)) for field in inner.columns)
        return Value(sources, proven, row_of(fields), bare=column)

    def view(self, relation: Relation) -> View:
        """What reading from a view does, through the views it reads itself."""
        view = self._views.get(relation.oid)
        if view is None:
            view = self._views[relation.oid] = self._see_through(self, relation)
        return view

    def names(self, column: Column) -> tuple[str, ...]:
        """The column by name, "schema.table.column", and those it inherits from: a partition's table's."""
        names = self._own.get(column)
        if names is None:
            found = [column.qualified]
            for oid in self._ancestors(column.relation):
                found += _named(self._relations[oid], column.name)
            names = self._own[column] = tuple(found)
        return names

    def inherited(self, column: Column) -> list[str]:
        """The columns that inherit it, by name: what is read from a table comes from its partitions too."""
        found = []
        for oid in self._descendants(column.relation):
            found += _named(self._relations[oid], column.name)
        return found

    def origin(self, table_oid: int, attribute: int) -> Origin | None:
        """Where a result column comes from.

        `table_oid` and `attribute` are RowDescription's. None where that is not proven: an OID that is not
        known, a view with a column that is not understood, a whole row (attribute 0).
        """
        relation = self._relations.get(table_oid)
        if relation is None:
            return None
        column = relation.numbers.get(attribute)
        if column is None:
            system = SYSTEM_COLUMNS.get(attribute)
            return (
                Origin((f"{relation.qualified}.{system}",), bare=True)
                if system and not relation.is_view
                else None
            )
        value = self.row(relation).index.get(column.name)
        if value is None or not value.proven:
            return None
        names = dict.fromkeys(self.names(column))
        for source in sorted((s for s in value.sources if isinstance(s, Column)), key=lambda s: s.qualified):
            names |= dict.fromkeys(self.names(source))
            names |= dict.fromkeys(self.inherited(source))
        return Origin(tuple(names), bare=value.bare is not None)

    def _ancestors(self, oid: int) -> list[int]:
        return _reach(oid, lambda at: self._relations[at].parents if at in self._relations else ())

    def _descendants(self, oid: int) -> list[int]:
        return _reach(oid, lambda at: self._children.get(at, ()))


# Columns of the system's that hold values of other tables' columns: statistics and stored defaults.
# The text of other sessions' statements holds literals.
UNPROVEN_COLUMNS = frozenset(
    {
        *(f"pg_catalog.pg_statistic.stavalues{n}" for n in range(1, 6)),
        "pg_catalog.pg_statistic_ext_data.stxdmcv",
        "pg_catalog.pg_statistic_ext_data.stxdexpr",
        "pg_catalog.pg_attribute.attmissingval",
        "pg_catalog.pg_largeobject.data",
    }
)


def is_temporary(schema: str) -> bool:
    return schema.startswith("pg_temp_")


def temporary_schema(search_path: tuple[str, ...]) -> str:
    """What pg_temp stands for in a session with this path. A session without one has no temporary objects."""
    return next((schema for schema in search_path if is_temporary(schema)), "pg_temp")


def _is_complete(relation: Relation) -> bool:
    if relation.is_view:
        return bool(relation.definition)
    return all(column.expression for column in relation.columns if column.generated)


def _hidden(relation: Relation) -> list[Field]:
    """The system columns, which a star leaves out."""
    own = {column.name for column in relation.columns}
    return [
        Field(name, Value(frozenset((Column(relation.oid, name, f"{relation.qualified}.{name}", 0),))))
        for name in SYSTEM_COLUMNS.values()
        if name not in own
    ]


_Named = TypeVar("_Named", Function, Operator)


def _grouped(items: Iterable[_Named]) -> dict[str, tuple[_Named, ...]]:
    grouped: dict[str, list[_Named]] = {}
    for item in items:
        grouped.setdefault(item.name, []).append(item)
    return {name: tuple(found) for name, found in grouped.items()}


def _named(relation: Relation, column: str) -> list[str]:
    return [found.qualified for found in relation.columns if found.name == column]


def _reach(start: int, step: "Callable[[int], Iterable[int]]") -> list[int]:
    """What can be reached from `start`, without it."""
    found: dict[int, None] = {}
    todo = [start]
    while todo:
        for oid in step(todo.pop()):
            if oid not in found and oid != start:
                found[oid] = None
                todo.append(oid)
    return list(found)
