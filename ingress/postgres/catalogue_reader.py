"""Loads the catalogue of a database: one snapshot, by the queries of catalogue.sql, of what has changed."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import chain, groupby
from typing import TypeAlias

import asyncpg

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.catalogue_changes import (
    CATALOGUES,
    COLUMNS,
    Changes,
    Fingerprint,
    Owned,
    Owners,
    Scope,
    differing,
    everything,
    fingerprint_query,
    is_same_server,
    keys_query,
    note,
    number_gone,
    rows_query,
    scope_of,
)
from ingress.postgres.catalogue_items import MATERIALISED, VIEW
from ingress.postgres.catalogue_making import Answers, Digests, Rows, digest, make_catalogue

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_PATIENCE = "100ms"
_PG_TYPE, _PG_PROC, _PG_CLASS = 1247, 1255, 1259  # OIDs of these catalogues, which never change
_SINCE = "select txid_snapshot_xmin(txid_current_snapshot()) & 4294967295"


@dataclass(frozen=True, slots=True)
class Roster:
    """Whom the rows of the system's catalogues tell of. `recent`: by catalogue, the rows that could be new
    when it was last looked at, with their xmin."""

    owned: Mapping[str, Owned]
    recent: Mapping[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Reading:
    """A catalogue, the answers it was made of with a digest of each, and the rows they came from."""

    catalogue: Catalogue
    answers: Answers
    digests: Digests
    roster: Roster


async def read_catalogue(connection: Connection, earlier: Reading | None = None) -> Reading:
    """What the connection's database holds now. Any user may ask. Of `earlier`, a reading of the same
    database, is taken what has not changed; all of it where nothing has.

    The connection must be in no transaction. A view whose tables someone has locked is not waited for: what
    it shows is not proven until the catalogue is read again. Raises asyncpg's errors.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        looked: tuple[Roster, Scope] | None = None
        if earlier is not None and (before := earlier.catalogue.fingerprint) is not None:
            now = await _fingerprint(connection, before.since)
            if earlier.catalogue.complete and now == before:
                return earlier
            looked = await _look(connection, earlier.roster, before, now)
        if looked is None:
            earlier = None
            looked = await _everything(connection)
        roster, scope = looked
        if earlier is not None and not earlier.catalogue.complete:
            scope = replace(scope, prints_all=True)
        inquiry = _Inquiry(connection, earlier)
        changed = await _ask(inquiry, scope)
        fingerprint = await _fingerprint(connection, int(await connection.fetchval(_SINCE)))
    # Of thousands of tables it takes a while.
    catalogue = await asyncio.to_thread(
        make_catalogue,
        inquiry.answers,
        inquiry.digests,
        earlier.catalogue if earlier is not None else None,
        changed,
        scope.functions,
    )
    if earlier is not None and earlier.catalogue.version == catalogue.version:
        catalogue = earlier.catalogue
    catalogue.fingerprint = fingerprint
    return Reading(catalogue, inquiry.answers, inquiry.digests, roster)


async def _fingerprint(connection: Connection, since: int) -> Fingerprint:
    query = fingerprint_query(since)
    return Fingerprint(query, str(await connection.fetchval(query)), since)


async def _everything(connection: Connection) -> tuple[Roster, Scope]:
    rows = {name: await _rows(connection, name) for name in CATALOGUES if name != COLUMNS}
    return Roster(rows, {}), everything(rows)


async def _rows(connection: Connection, name: str) -> Owned:
    return {row["key"]: _owners(row) for row in await connection.fetch(rows_query(name))}


def _owners(row: asyncpg.Record) -> Owners:
    return Owners(tuple(row["relations"]), row["type"], row["function"])


async def _look(
    connection: Connection, roster: Roster, before: Fingerprint, now: Fingerprint
) -> tuple[Roster, Scope] | None:
    """What differs; None where that is in doubt, and everything has to be read."""
    if not is_same_server(before, now):
        return None
    changes, rows, recent = Changes(), dict(roster.owned), dict(roster.recent)
    for name in differing(before, now):
        found = await connection.fetch(rows_query(name, before.since))
        seen = roster.recent.get(name, frozenset())
        recent[name] = frozenset((row["key"], row["xmin"]) for row in found)
        new = {row["key"]: _owners(row) for row in found if (row["key"], row["xmin"]) not in seen}
        if name == COLUMNS:
            note(changes, name, {}, new, ())
            continue
        gone: frozenset[str] = frozenset()
        if (number := number_gone(now, name, rows[name], new)) != 0:
            gone = frozenset(rows[name]).difference(await connection.fetchval(keys_query(name)) or ())
            if len(gone) != number:
                return None
        rows[name] = note(changes, name, rows[name], new, gone)
    if now.count(COLUMNS) < before.count(COLUMNS) and "class" not in changes.known:
        return None
    return Roster(rows, recent), scope_of(changes, rows)


class _Inquiry:
    """Asks the queries, and keeps what earlier answers say of all else."""

    def __init__(self, connection: Connection, earlier: Reading | None) -> None:
        self._connection = connection
        self._texts = queries()
        self.before: Answers = earlier.answers if earlier is not None else {}
        self._digests: Digests = earlier.digests if earlier is not None else {}
        self.answers: dict[str, Mapping[int, Rows]] = {}
        self.digests: dict[str, Mapping[int, bytes]] = {}

    async def list(self, name: str) -> None:
        """All rows of a query that is about nothing in particular."""
        self._put(name, {0}, await self._connection.fetch(self._texts[name]))

    async def ask(self, name: str, oids: Collection[int]) -> None:
        """The rows about these."""
        rows = await self._connection.fetch(self._texts[name], list(oids)) if oids else []
        self._put(name, oids, rows)

    async def ask_unlocked(self, name: str, oids: Collection[int], of: Collection[int]) -> None:
        """Likewise, without those whose tables are locked. Of others `of` these nothing is kept."""
        self._put(name, of, await self._unlocked(self._texts[name], sorted(oids)))

    async def _unlocked(self, query: str, oids: Sequence[int]) -> Rows:
        if not oids:
            return []
        try:
            async with self._connection.transaction():
                return await self._connection.fetch(query, oids)
        except asyncpg.LockNotAvailableError:
            if len(oids) == 1:
                return []
        middle = len(oids) // 2
        return [
            *await self._unlocked(query, oids[:middle]),
            *await self._unlocked(query, oids[middle:]),
        ]

    async def run(self, statement: str) -> None:
        await self._connection.execute(statement)

    async def dependants(self, scope: Scope, types: Collection[int]) -> set[int]:
        """The relations that depend on what was there before and is asked for again, and on these types."""
        seeds = [
            (catalogue, oid)
            for catalogue, name, oids in (
                (_PG_CLASS, "relations", scope.relations),
                (_PG_TYPE, "types", scope.types.union(types)),
                (_PG_PROC, "functions", scope.functions),
            )
            for oid in oids
            if oid in self.before.get(name, {})
        ]
        if not seeds:
            return set()
        rows = await self._connection.fetch(self._texts["dependants"], *map(list, zip(*seeds, strict=True)))
        return {row["about"] for row in rows}

    def _put(self, name: str, oids: Collection[int], rows: Rows) -> None:
        found = {about: list(group) for about, group in groupby(rows, key=lambda row: row["about"])}
        kept = {oid: rows for oid, rows in self.before.get(name, {}).items() if oid not in oids}
        self.answers[name] = {**kept, **found}
        digests = self._digests.get(name, {})
        self.digests[name] = {oid: digests[oid] for oid in kept} | {
            oid: digest(rows) for oid, rows in found.items()
        }


async def _ask(inquiry: _Inquiry, scope: Scope) -> set[int]:
    """Asks for all of this in the snapshot of the transaction that the connection is in. The OIDs of the
    relations about which anything was asked."""
    # View definitions are printed with every name qualified that this path does not find.
    await inquiry.run("set local search_path = ''")
    await inquiry.run(f"set local lock_timeout = '{_PATIENCE}'")
    for name in ("server", "schemas", "operators"):
        await inquiry.list(name)
    await inquiry.ask("functions", scope.functions)
    for name in ("relations", "columns", "cascades"):
        await inquiry.ask(name, scope.relations)
    await inquiry.ask("calls", scope.calls)
    relations, before = inquiry.answers["relations"], inquiry.before.get("relations", {})
    of_rows = {
        row["type"] for oid in scope.relations for row in chain(relations.get(oid, ()), before.get(oid, ()))
    }
    await inquiry.ask("types", scope.types | of_rows)
    printed: Collection[int]
    if scope.prints_all:
        printed = {*relations, *before}
    else:
        printed = scope.relations | await inquiry.dependants(scope, of_rows)
    views = {oid for oid in printed for row in relations.get(oid, ()) if row["kind"] in (VIEW, MATERIALISED)}
    columns = inquiry.answers["columns"]
    generated = {oid for oid in printed if any(row["generated"] for row in columns.get(oid, ()))}
    await inquiry.ask_unlocked("views", views, printed)
    await inquiry.ask_unlocked("generated", generated, printed)
    calling = (
        oid
        for oid, rows in inquiry.answers["calls"].items()
        if any(row["function"] in scope.functions for row in rows)
    )
    return {*scope.relations, *scope.calls, *views, *generated, *calling}


def queries(file: str = "catalogue.sql") -> dict[str, str]:
    """The queries of this file beside us, by name."""
    text = (files("ingress.postgres") / file).read_text()
    return {
        part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip().removesuffix(";")
        for part in text.split("-- name: ")[1:]
    }
