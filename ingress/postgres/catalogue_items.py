"""What a catalogue lists: relations, functions, types and operators, and what they set off by themselves."""

from collections.abc import Mapping
from dataclasses import dataclass

from ingress.postgres.sql.columns import Column, Value
from schemas.vocabulary import Intent

SYSTEM_COLUMNS = {-1: "ctid", -2: "xmin", -3: "cmin", -4: "xmax", -5: "cmax", -6: "tableoid"}
TABLE, PARTITIONED, VIEW, MATERIALISED, FOREIGN, SEQUENCE = "r", "p", "v", "m", "f", "S"  # pg_class.relkind


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """What a query can read from, as pg_class has it."""

    oid: int
    schema: str
    name: str
    kind: str  # pg_class.relkind
    columns: tuple[Column, ...]
    numbers: Mapping[int, Column]  # by pg_attribute.attnum
    definition: str = ""  # of a view: its query; "" where it could not be read
    rules: bool = False  # it has rules of a user's
    parents: tuple[int, ...] = ()  # OIDs, of a partition or a table that inherits
    calls: "tuple[Call, ...]" = ()  # what it calls of itself
    cascades: "tuple[Cascade, ...]" = ()  # what a change of it changes elsewhere
    written: str = ""  # of a user's view: a hash of its query as it is stored

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def is_view(self) -> bool:
        return self.kind in (VIEW, MATERIALISED)


@dataclass(frozen=True, slots=True)
class Call:
    """A function that a relation calls without being told to.

    `moment`: "write" (a default, check, policy or key of partitions), "index", "read" (a policy), or a
    trigger's "insert", "update", "delete", "truncate", which "instead_" in front makes all that happens.
    """

    moment: str
    function: "Function"


@dataclass(frozen=True, slots=True)
class Cascade:
    """A foreign key that passes changes on to the relation that has it."""

    event: str  # "delete" or "update" of the relation it refers to
    relation: int  # OID
    then: str  # "delete" or "update" of this relation


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function, procedure or aggregate, as pg_proc has it."""

    schema: str
    name: str
    built_in: bool
    volatility: str  # pg_proc.provolatile: i, s, v
    language: str
    extension: str = ""  # the extension it belongs to
    fewest: int = 0  # arguments it takes
    most: int | None = 0  # None: any number
    outputs: tuple[str, ...] | None = (
        None  # of a row it returns, the names of the columns; None: one unnamed value
    )
    row: int = 0  # OID of the relation whose row it returns; 0: none
    polymorphic: bool = False  # what it returns depends on its arguments, so it may be a row of any kind
    oid: int = 0
    definer: bool = False  # it runs with its owner's rights (SECURITY DEFINER)
    text: str = ""  # of a trigger's function that may be simple enough to be read
    version: str = ""  # of a user's function: changes with what it does
    returns: int = 0  # OID of the type of what it returns

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}"

    def takes(self, count: int) -> bool:
        return self.fewest <= count and (self.most is None or count <= self.most)


@dataclass(frozen=True, slots=True, eq=False)
class Type:
    """A data type, as pg_type has it."""

    oid: int
    schema: str
    name: str
    row: int = 0  # OID of the relation whose row it is, or whose rows its arrays hold
    runs: str = ""  # why making such a value may run a function of a user's; empty: it does not
    casts: bool = False  # such a value may be turned into another by a function of a user's


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """An operator of a user's. (Those of PostgreSQL itself are not listed: they read and write nothing.)"""

    schema: str
    name: str
    function: Function
    takes_text: bool = True  # it can be meant where texts are operands


@dataclass(frozen=True, slots=True)
class View:
    """What reading from a view does and what its columns derive from."""

    columns: tuple[Value, ...]
    intents: frozenset[Intent]
    tables: frozenset[str]
    touched: frozenset[Column]
    functions: frozenset[str]
    unproven: tuple[str, ...]
    changes_context: bool = False  # what is read after it may mean something else
