"""Loads the catalogue of a database: one snapshot, by the queries of catalogue.sql."""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from typing import Any, TypeAlias

import asyncpg
import msgspec

from ingress.postgres.catalogue import (
    MATERIALISED,
    VIEW,
    Call,
    Cascade,
    Catalogue,
    Fingerprint,
    Function,
    Operator,
    Relation,
    Type,
)
from ingress.postgres.sql.columns import Column
from ingress.postgres.sql.functions import NO_EFFECT, effect_of
from ingress.postgres.sql.views import see_through

Row = Mapping[str, Any]
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


Answers: TypeAlias = Mapping[str, list[dict[str, Any]]]
"""By the name of a query its rows."""

_PATIENCE = "100ms"
_FIRST_OF_USERS = 16384  # OIDs below are PostgreSQL's own (transam.h, FirstNormalObjectId)

# Which catalogues each query reads, by their names in fingerprint.sql: it is asked again when one changed.
# What a row of another catalogue only gives for as long as it is there, such as a type its kind, is left out.
_READS: Mapping[str, frozenset[str]] = {
    "schemas": frozenset(("namespace",)),
    "relations": frozenset(("class", "namespace", "rewrite", "inherits")),
    "columns": frozenset(("class", "attribute")),
    "calls": frozenset(("default", "constraint", "partitioned", "index", "policy", "trigger", "operator")),
    "cascades": frozenset(("constraint",)),
    "functions": frozenset(("proc", "namespace", "extension")),
    "types": frozenset(
        ("type", "namespace", "class", "attribute", "constraint", "cast", "proc", "range", "extension")
    ),
    "operators": frozenset(("operator", "namespace")),
}
_READ_BY_SYSTEM_VIEWS = frozenset(("rewrite", "proc", "namespace"))


@dataclass(frozen=True, slots=True)
class Reading:
    """A catalogue, and the answers it was made of."""

    catalogue: Catalogue
    answers: Answers


async def read_catalogue(connection: Connection, earlier: Reading | None = None) -> Reading:
    """What the connection's database holds now. Any user may ask. Of `earlier`, a reading of the same
    database, is taken what has not changed; all of it where nothing has.

    The connection must be in no transaction. A view whose tables someone has locked is not waited for: what
    it shows is not proven until the catalogue is read again. Raises asyncpg's errors.
    """
    fingerprinting = (files("ingress.postgres") / "fingerprint.sql").read_text()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        fingerprint = Fingerprint(fingerprinting, str(await connection.fetchval(fingerprinting)))
        if (
            earlier is not None
            and earlier.catalogue.complete
            and earlier.catalogue.fingerprint == fingerprint
        ):
            return earlier
        answers = await _ask(connection, fingerprint, earlier)
    # Of thousands of tables it takes a while.
    catalogue = await asyncio.to_thread(make_catalogue, answers)
    if earlier is not None and earlier.catalogue.version == catalogue.version:
        catalogue = earlier.catalogue
    catalogue.fingerprint = fingerprint
    return Reading(catalogue, answers)


async def _ask(connection: Connection, fingerprint: Fingerprint, earlier: Reading | None) -> Answers:
    """The answers to all queries, in the snapshot of the transaction that the connection is in."""
    texts = queries()
    # View definitions are printed with every name qualified that this path does not find.
    await connection.execute("set local search_path = ''")
    await connection.execute(f"set local lock_timeout = '{_PATIENCE}'")
    before = earlier.catalogue.fingerprint if earlier is not None else None
    known = earlier.answers if earlier is not None and before is not None else {}
    changed = _changed(before, fingerprint) if before is not None else frozenset()

    async def rows(name: str) -> list[dict[str, Any]]:
        if name in known and changed.isdisjoint(_READS[name]):
            return known[name]
        return [dict(row) for row in await connection.fetch(texts[name])]

    answers = {name: await rows(name) for name in _READS}
    answers["server"] = [dict(row) for row in await connection.fetch(texts["server"])]
    views = [row["oid"] for row in answers["relations"] if row["kind"] in (VIEW, MATERIALISED)]
    system: list[dict[str, Any]] = []
    if changed.isdisjoint(_READ_BY_SYSTEM_VIEWS):
        system = [row for row in known.get("views", ()) if row["oid"] < _FIRST_OF_USERS]
        views = [oid for oid in views if not system or oid >= _FIRST_OF_USERS]
    answers["views"] = system + await _unlocked(connection, texts["views"], views)
    generated = sorted({row["relation"] for row in answers["columns"] if row["generated"]})
    answers["generated"] = await _unlocked(connection, texts["generated"], generated)
    return answers


def _changed(before: Fingerprint, now: Fingerprint) -> frozenset[str]:
    """The catalogues that differ: a fingerprint is their names, each before its hash."""
    return frozenset(name for name, _ in set(_parts(now)) ^ set(_parts(before)))


def _parts(fingerprint: Fingerprint) -> Iterator[tuple[str, str]]:
    words = fingerprint.value.split(" ")
    return zip(words[::2], words[1::2], strict=True)


async def _unlocked(connection: Connection, query: str, oids: list[int]) -> list[dict[str, Any]]:
    """The rows of a query about these relations, without those that are locked."""
    if not oids:
        return []
    try:
        async with connection.transaction():
            return [dict(row) for row in await connection.fetch(query, oids)]
    except asyncpg.LockNotAvailableError:
        if len(oids) == 1:
            return []
    middle = len(oids) // 2
    return [
        *await _unlocked(connection, query, oids[:middle]),
        *await _unlocked(connection, query, oids[middle:]),
    ]


def queries(file: str = "catalogue.sql") -> dict[str, str]:
    """The queries of this file beside us, by name."""
    text = (files("ingress.postgres") / file).read_text()
    return {
        part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip().removesuffix(";")
        for part in text.split("-- name: ")[1:]
    }


def make_catalogue(tables: Answers) -> Catalogue:
    """The catalogue of these answers to the queries."""
    (server,) = tables["server"]
    definitions = {row["oid"]: row["definition"] for row in tables["views"]}
    expressions = {(row["relation"], row["number"]): row["expression"] for row in tables["generated"]}
    columns = {
        relation: list(found)
        for relation, found in groupby(tables["columns"], key=lambda row: row["relation"])
    }
    functions = {row["oid"]: _function(row) for row in tables["functions"]}
    calls = _calls(tables["calls"], functions)
    cascades = _cascades(tables["cascades"])
    return Catalogue(
        version=hashlib.sha256(msgspec.json.encode(tables)).hexdigest(),
        server=server["version"],
        database=server["database"],
        utf8=server["utf8"],
        schemas=(row["name"] for row in tables["schemas"]),
        relations=(
            _relation(
                row,
                columns,
                definitions,
                expressions,
                tuple(calls.get(row["oid"], ())),
                tuple(cascades.get(row["oid"], ())),
            )
            for row in tables["relations"]
        ),
        functions=functions.values(),
        types=make_types(tables["types"], functions),
        operators=(
            Operator(row["schema"], row["name"], _called(row["function"], functions))
            for row in tables["operators"]
        ),
        see_through=see_through,
    )


def _calls(rows: Sequence[Row], functions: Mapping[int, Function]) -> dict[int, list[Call]]:
    """What each relation calls of itself; what only computes with its arguments is left out."""
    found: dict[int, list[Call]] = {}
    for row in rows:
        function = _called(row["function"], functions)
        if function.built_in and effect_of(function) == NO_EFFECT:
            continue
        found.setdefault(row["relation"], []).append(Call(row["moment"], function))
    return found


def _called(oid: int, functions: Mapping[int, Function]) -> Function:
    """The function of an OID. One that is not there is not PostgreSQL's own."""
    return functions.get(oid) or Function("", f"with OID {oid}", False, "v", "")


def _cascades(rows: Sequence[Row]) -> dict[int, list[Cascade]]:
    """What changes of each relation change elsewhere (pg_constraint.confdeltype: c, n, d)."""
    found: dict[int, list[Cascade]] = {}
    for row in rows:
        to = found.setdefault(row["relation"], [])
        if row["deleted"] in "cnd":
            to.append(Cascade("delete", row["other"], "delete" if row["deleted"] == "c" else "update"))
        if row["updated"] in "cnd":
            to.append(Cascade("update", row["other"], "update"))
    return found


def _relation(
    row: Row,
    columns: Mapping[int, Sequence[Row]],
    definitions: Mapping[int, str],
    expressions: Mapping[tuple[int, int], str],
    calls: tuple[Call, ...],
    cascades: tuple[Cascade, ...],
) -> Relation:
    numbers = {
        column["number"]: Column(
            relation=row["oid"],
            name=column["name"],
            qualified=f"{row['schema']}.{row['name']}.{column['name']}",
            type=column["type"],
            generated=column["generated"],
            expression=expressions.get((row["oid"], column["number"]), ""),
        )
        for column in columns.get(row["oid"], ())
    }
    return Relation(
        oid=row["oid"],
        schema=row["schema"],
        name=row["name"],
        kind=row["kind"],
        columns=tuple(numbers.values()),
        numbers=numbers,
        definition=definitions.get(row["oid"], ""),
        rules=row["rules"],
        parents=tuple(row["parents"]),
        calls=calls,
        cascades=cascades,
    )


def _function(row: Row) -> Function:
    # Of several OUT arguments one without a name is called column1 …; a single one as the function is.
    outputs: tuple[str, ...] | None = None
    if row["outputs"] and (len(row["outputs"]) > 1 or row["outputs"][0]):
        outputs = tuple(name or f"column{number}" for number, name in enumerate(row["outputs"], 1))
    return Function(
        schema=row["schema"],
        name=row["name"],
        built_in=row["built_in"],
        volatility=row["volatility"],
        language=row["language"],
        extension=row["extension"],
        fewest=row["fewest"],
        most=row["most"],
        outputs=outputs,
        row=row["row"],
        polymorphic=row["polymorphic"],
        oid=row["oid"],
        definer=row["definer"],
        text=row["text"],
        version=row["version"],
        returns=row["returns"],
    )


def make_types(rows: Sequence[Row], functions: Mapping[int, Function]) -> list[Type]:
    """The types. Making a value runs what its own checks call, and those of all it is made of."""
    parts = {row["oid"]: row["parts"] for row in rows}
    own = {row["oid"]: _runs(row, functions) for row in rows}
    suspect = {oid for oid, why in own.items() if why}
    found = []
    for row in rows:
        why = own[row["oid"]]
        if not why and suspect:
            why = next((own[part] for part in _within(row["oid"], parts) if own.get(part)), "")
        found.append(Type(row["oid"], row["schema"], row["name"], row["row"], why, row["cast_by_user"]))
    return found


def _runs(row: Row, functions: Mapping[int, Function]) -> str:
    for oid in row["calls"]:
        function = _called(oid, functions)
        if effect_of(function) != NO_EFFECT:
            return f"has a check that calls {function.qualified}"
    return "has a cast that calls a function of a user's" if row["cast_by_user"] else ""


def _within(oid: int, parts: Mapping[int, Sequence[int]]) -> Iterator[int]:
    """The types that this one is made of, at any depth."""
    seen = {oid}
    todo = [oid]
    while todo:
        for part in parts.get(todo.pop(), ()):
            if part not in seen:
                seen.add(part)
                todo.append(part)
                yield part
