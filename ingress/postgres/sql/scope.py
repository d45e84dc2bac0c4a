"""What names mean at one place of a query, as the server resolves them (parse_relation.c, parse_cte.c)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ingress.postgres.catalogue_items import Relation
from ingress.postgres.sql.columns import UNPROVEN, Row, Value, combine
from ingress.postgres.sql.findings import Findings
from ingress.postgres.sql.tree import Node


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One thing a FROM clause names."""

    name: str  # its alias, or the relation's name; "" for what has none
    row: Row
    schema: str = ""  # of a relation without an alias: it may be named with its schema
    bare: bool = True  # its columns may be named without it


@dataclass(slots=True, eq=False)
class Cte:
    """One query of a WITH clause; read when it is first asked for."""

    read: "Callable[[Cte], Row]"
    row: Row | None = None
    reading: bool = False  # a reference now is one to itself
    named: bool = False  # it was named since this was last cleared

    def resolve(self) -> Row:
        self.named = True
        if self.row is None and not self.reading:
            self.reading = True
            self.row = self.read(self)
            self.reading = False
        if self.row is None:
            # Only WITH RECURSIVE may name itself, and that sets `row` first.
            return Row((), {}, UNPROVEN)
        return self.row


@dataclass(slots=True, eq=False)
class Scope:
    """The FROM items and WITH queries that can be named here; what is not found here is sought in `outer`."""

    findings: Findings
    query: "Callable[[Node, Scope], Row]"  # reads a subquery (the SELECT's node, and the scope it stands in)
    outer: "Scope | None" = None
    items: list[Item] = field(default_factory=list)
    ctes: dict[str, Cte] = field(default_factory=dict)
    windows: dict[str, Value] = field(default_factory=dict)  # of the WINDOW clause

    def inner(self, items: Iterable[Item] = ()) -> "Scope":
        """A scope within this one."""
        return Scope(self.findings, self.query, self, list(items))

    def column(self, name: str) -> Value | None:
        """What an unqualified name of a column means, or the name of an item for its whole row."""
        scope: Scope | None = self
        maybe: list[Value] = []  # from items whose columns are not certain
        while scope is not None:
            found = []
            for item in scope.items:
                if item.bare:
                    value = item.row.index.get(name)
                    if value is not None:
                        found.append(value)
                    elif item.row.rest is not None:
                        maybe.append(item.row.rest)
            if found:
                return found[0] if len(found) == 1 and not maybe else combine((*found, *maybe))
            scope = scope.outer
        named = self.item(name)
        if named is not None:
            return named.row.whole if not maybe else combine((named.row.whole, *maybe))
        return combine(maybe) if maybe else None

    def item(self, name: str, schema: str = "") -> Item | None:
        """The FROM item of that name, the innermost."""
        scope: Scope | None = self
        while scope is not None:
            for item in scope.items:
                if item.name == name and (not schema or item.schema == schema):
                    return item
            scope = scope.outer
        return None

    def cte(self, name: str) -> Cte | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.ctes:
                return scope.ctes[name]
            scope = scope.outer
        return None

    def relation(self, node: Node) -> Relation | None:
        """The relation a RangeVar names. None, and the statement unknown, where the catalogue has none."""
        schema, name = node.get("schemaname", ""), node["relname"]
        findings = self.findings
        catalogue = findings.catalogue
        found = catalogue.find_relation(schema, name, findings.search_path)
        if found is None:
            shown = f"{schema}.{name}" if schema else name
            findings.doubt(f"relation {shown} is not known")
            findings.tables.add(shown)
        return found
