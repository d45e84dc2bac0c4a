"""What a value is made of: columns of relations, and the constants written in the text."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column of a relation. There is one object a column in a snapshot, so it is compared by identity."""

    relation: int  # OID
    name: str
    qualified: str  # "schema.table.column"
    type: int  # OID
    generated: bool = False  # computed from others of its row, by
    expression: str = ""
    is_exact: bool = False  # text or varchar of which equal values are equal bytes


class Origin(NamedTuple):
    """Where the values of a result's column come from."""

    columns: tuple[str, ...]  # every column "schema.table.column" they can derive from, its own name first
    bare: bool  # they are the very values of one stored column, by whichever of these names


class Constant(NamedTuple):
    """A literal of the text, by where its token starts (a byte offset), or a parameter, by its number."""

    location: int
    parameter: int = 0


class Field(NamedTuple):
    """A column of a row that a query or a relation gives."""

    name: str
    value: "Value"


class Value(NamedTuple):
    """What a value can derive from."""

    sources: frozenset[Column | Constant]
    proven: bool = True  # `sources` is complete
    row: "Row | None" = None  # of a composite value, its fields where they are known
    bare: Column | None = None  # it is the very value of this column
    # Of `sources`, those it tells nothing of that matters: what a condition decided was noted where that
    # stands, and whether a column is NULL is no secret.
    implied: frozenset[Column | Constant] = frozenset()


@dataclass(slots=True, eq=False)
class Row:
    """The fields of a row, in order. `hidden`: found by name, but no part of a star (system columns).

    `rest` stands for every field that is not known by name, as with functions that return any row;
    None when the fields are certain.
    """

    fields: tuple[Field, ...]
    index: dict[str, Value]
    rest: Value | None = None
    _whole: Value | None = None

    @property
    def whole(self) -> Value:
        """The row as one value."""
        if self._whole is None:
            parts = [field.value for field in self.fields]
            if self.rest is not None:
                parts.append(self.rest)
            together = combine(parts)
            self._whole = Value(together.sources, together.proven, self)
        return self._whole


CLEAN = Value(frozenset())
UNPROVEN = Value(frozenset(), proven=False)


def combine(values: Iterable[Value]) -> Value:
    """A value that can derive from each of these."""
    found = [value for value in values if value is not CLEAN]
    if not found:
        return CLEAN
    if len(found) == 1:
        return computed(found[0])
    return Value(
        frozenset().union(*(value.sources for value in found)),
        all(value.proven for value in found),
        implied=_implied(found),
    )


def computed(value: Value, *, proven: bool = True) -> Value:
    """What is computed from a value: neither the column itself nor a row of known fields.

    `proven`: it derives from that value alone.
    """
    if proven and value.row is None and value.bare is None:
        return value
    return Value(value.sources, value.proven and proven, implied=value.implied)


def only_implied(value: Value) -> Value:
    """What follows from a value without telling of it."""
    return Value(value.sources, value.proven, implied=value.sources)


def is_stored(value: Value) -> bool:
    """Whether a value is that of a column, or of a row of such, as it is stored."""
    row = value.row
    return value.bare is not None or (
        row is not None and row.rest is None and all(field.value.bare is not None for field in row.fields)
    )


def _implied(values: list[Value]) -> frozenset[Column | Constant]:
    """What none of these tells of."""
    implied: frozenset[Column | Constant] = frozenset().union(*(value.implied for value in values))
    return implied.difference(*(value.sources - value.implied for value in values)) if implied else implied


def row_of(fields: Iterable[Field], hidden: Iterable[Field] = (), rest: Value | None = None) -> Row:
    """A row of these fields. Of fields with one name, a reference may mean each."""
    known = tuple(fields)
    index: dict[str, Value] = {}
    for field in (*known, *hidden):
        index[field.name] = combine((index[field.name], field.value)) if field.name in index else field.value
    return Row(known, index, rest)
