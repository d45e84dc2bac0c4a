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
        return Value(found[0].sources, found[0].proven)
    return Value(
        frozenset().union(*(value.sources for value in found)),
        all(value.proven for value in found),
    )


def row_of(fields: Iterable[Field], hidden: Iterable[Field] = (), rest: Value | None = None) -> Row:
    """A row of these fields. Of fields with one name, a reference may mean each."""
    known = tuple(fields)
    index: dict[str, Value] = {}
    for field in (*known, *hidden):
        index[field.name] = combine((index[field.name], field.value)) if field.name in index else field.value
    return Row(known, index, rest)
