"""What of the system's catalogues differs from what was read of them before: of rows, their owners. Pure.

A row's xmin is the transaction that wrote it. Those with an xmin from `since` on, the oldest transaction that
was open when the catalogues were read (its snapshot's xmin; PostgreSQL documentation, 9.27.9), may be new;
older ones were there and are as they were. What is gone is in their number. `age` compares as transaction
ids go round, and takes a row that was frozen long ago for a new one at worst.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from string import Template
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a query gave when the catalogue was read, or before: where it gives the same, nothing differs.
    `since`: the transaction from which on it looks."""

    query: str
    value: str
    since: int = 0

    @property
    def parts(self) -> dict[str, str]:
        """What it says of each catalogue, and of the server."""
        words = self.value.split(" ")
        return dict(zip(words[::2], words[1::2], strict=True))

    def count(self, name: str) -> int:
        """How many rows a catalogue has."""
        return int(self.parts[name].partition(":")[0])


class Owners(NamedTuple):
    """By OID what is described by a row of a catalogue. 0: none."""

    relations: tuple[int, ...]
    type: int
    function: int


Owned = Mapping[str, Owners]
"""The owners of one catalogue's rows, by what tells rows apart there."""


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """One of the system's catalogues: its columns that tell rows apart, and those with their owners' OIDs."""

    table: str
    key: str = "oid"
    relations: str = ""
    type: str = "0"
    function: str = "0"


CATALOGUES: Mapping[str, _Catalogue] = {
    "class": _Catalogue("pg_class", relations="oid"),
    "attribute": _Catalogue("pg_attribute", key="attrelid, attnum", relations="attrelid"),
    "default": _Catalogue("pg_attrdef", relations="adrelid"),
    "inherits": _Catalogue("pg_inherits", key="inhrelid, inhparent", relations="inhrelid"),
    "rewrite": _Catalogue("pg_rewrite", relations="ev_class"),
    "namespace": _Catalogue("pg_namespace"),
    "proc": _Catalogue("pg_proc", function="oid"),
    "type": _Catalogue("pg_type", type="oid"),
    "operator": _Catalogue("pg_operator"),
    "cast": _Catalogue("pg_cast", function="castfunc"),
    "constraint": _Catalogue("pg_constraint", relations="conrelid, confrelid", type="contypid"),
    "extension": _Catalogue("pg_extension"),
    "trigger": _Catalogue("pg_trigger", relations="tgrelid"),
    "policy": _Catalogue("pg_policy", relations="polrelid"),
    "index": _Catalogue("pg_index", key="indexrelid", relations="indrelid"),
    "partitioned": _Catalogue("pg_partitioned_table", key="partrelid", relations="partrelid"),
    "range": _Catalogue("pg_range", key="rngtypid", type="rngtypid"),
}
COLUMNS = "attribute"
"""The largest by far: its rows are not kept, for none goes without its relation."""
_SERVER = "server"
FIRST_OF_USERS = 16384
"""OIDs below are PostgreSQL's own (transam.h, FirstNormalObjectId)."""


@dataclass(slots=True)
class Changes:
    """What has to be read again, by OID, and the catalogues of which any row differs. `known`: of those,
    the ones in which a row that was there before differs or is gone."""

    relations: set[int] = field(default_factory=set)
    types: set[int] = field(default_factory=set)
    functions: set[int] = field(default_factory=set)
    catalogues: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)

    def add(self, owners: Owners) -> None:
        self.relations.update(owners.relations)
        self.types.add(owners.type)
        self.functions.add(owners.function)


_FINGERPRINT = Template(
    "select pg_catalog.concat_ws(' ', '$server', pg_catalog.concat_ws('.', "
    "pg_catalog.md5(pg_catalog.timestamptz_send(pg_catalog.pg_postmaster_start_time())), "
    "pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot()) operator(pg_catalog.>>) 30), "
    "pg_catalog.string_agg(part, ' ' order by part)) from ($parts) parts"
)
_PART = Template(
    "select pg_catalog.concat('$name ', pg_catalog.count(*), ':', pg_catalog.md5(pg_catalog.string_agg("
    "pg_catalog.concat_ws('.', $key, xmin), ',' order by $key) filter (where $is_recent))) as part "
    "from pg_catalog.$table"
)
_IS_RECENT = Template("pg_catalog.age(xmin) operator(pg_catalog.<=) pg_catalog.age('$since'::pg_catalog.xid)")
_ROWS = Template(
    "select concat_ws('.', $key) as key, xmin::text, array[$relations]::bigint[] as relations, "
    "$type::bigint as type, $function::bigint as function from pg_catalog.$table where $which"
)
_KEYS = Template("select array_agg(concat_ws('.', $key)) from pg_catalog.$table")


def fingerprint_query(since: int) -> str:
    """One value that differs whenever what catalogue.sql reads may differ: for every catalogue the number of
    its rows, and a hash over those that may be new.

    It is asked on clients' connections, too, within a transaction of theirs: so every name is qualified. It
    depends on the server's start and on an era of a thousand million transactions, within which ids compare.
    """
    is_recent = _IS_RECENT.substitute(since=since)
    parts = (
        _PART.substitute(name=name, key=catalogue.key, table=catalogue.table, is_recent=is_recent)
        for name, catalogue in CATALOGUES.items()
    )
    return _FINGERPRINT.substitute(server=_SERVER, parts=" union all ".join(parts))


def rows_query(name: str, since: int | None = None) -> str:
    """The rows of a catalogue: key, xmin, and relations, type, function (see Owners). `since`: those that may
    be new."""
    which = _IS_RECENT.substitute(since=since) if since is not None else "true"
    return _ROWS.substitute(asdict(CATALOGUES[name]), which=which)


def keys_query(name: str) -> str:
    """What tells the rows of a catalogue apart: all of it, as one array."""
    return _KEYS.substitute(asdict(CATALOGUES[name]))


def is_same_server(before: Fingerprint, now: Fingerprint) -> bool:
    """Whether the two, of one query, can be compared at all."""
    return before.parts[_SERVER] == now.parts[_SERVER]


def differing(before: Fingerprint, now: Fingerprint) -> Iterator[str]:
    """The catalogues that differ."""
    parts, others = before.parts, now.parts
    return (name for name in CATALOGUES if parts[name] != others[name])


def number_gone(now: Fingerprint, name: str, known: Owned, new: Owned) -> int:
    """How many of the known rows of a catalogue are no more. `new`: those that are new, or may be."""
    return len(known.keys() | new.keys()) - now.count(name)


def note(changes: Changes, name: str, known: Owned, new: Owned, gone: Collection[str]) -> Owned:
    """Adds to `changes` what differs in this catalogue; its rows as they are now."""
    changes.catalogues.add(name)
    if gone or not known.keys().isdisjoint(new):
        changes.known.add(name)
    for key in (*new, *gone):
        if key in known:
            changes.add(known[key])
    for owners in new.values():
        changes.add(owners)
    return {key: owners for key, owners in {**known, **new}.items() if key not in gone}


@dataclass(frozen=True, slots=True)
class Scope:
    """What is to be read, by OID. `calls`: the relations of which it is read what they call. `prints_all`:
    the definitions of all views and generated columns, not of those alone that depend on what changed."""

    relations: frozenset[int]
    calls: frozenset[int]
    types: frozenset[int]
    functions: frozenset[int]
    prints_all: bool


def everything(rows: Mapping[str, Owned]) -> Scope:
    """All that a database with these rows holds."""
    relations = _relations(rows)
    return Scope(relations, relations, _types(rows), _functions(rows), prints_all=True)


def scope_of(changes: Changes, rows: Mapping[str, Owned]) -> Scope:
    """What is to be read after these changes, of a database with these rows."""
    relations, types, functions = (
        frozenset(oids) - {0} for oids in (changes.relations, changes.types, changes.functions)
    )
    renamed = "namespace" in changes.known  # each name within it is another
    extended = renamed or "extension" in changes.catalogues
    casting = any(owners.function in functions for owners in rows["cast"].values())
    others_operators = "operator" in changes.known
    # What depends on PostgreSQL's own is not recorded (pg_depend, "pinned").
    system = any(oid < FIRST_OF_USERS for oid in relations | types | functions)
    all_types = extended or casting or not changes.catalogues.isdisjoint(("cast", "range"))
    return Scope(
        relations=relations | _relations(rows) if renamed else relations,
        calls=relations | _relations(rows) if renamed or others_operators else relations,
        types=types | _types(rows) if all_types else types,
        functions=functions | _functions(rows) if extended else functions,
        prints_all=renamed or others_operators or system,
    )


def _relations(rows: Mapping[str, Owned]) -> frozenset[int]:
    return frozenset(oid for owners in rows["class"].values() for oid in owners.relations)


def _types(rows: Mapping[str, Owned]) -> frozenset[int]:
    return frozenset(owners.type for owners in rows["type"].values())


def _functions(rows: Mapping[str, Owned]) -> frozenset[int]:
    return frozenset(owners.function for owners in rows["proc"].values())
