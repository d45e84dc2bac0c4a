"""A catalogue of the answers to the queries of catalogue.sql. Pure."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from ingress.postgres.catalogue import Catalogue
from ingress.postgres.catalogue_items import Call, Cascade, Function, Operator, Relation, Type
from ingress.postgres.sql.columns import Column
from ingress.postgres.sql.functions import NO_EFFECT, effect_of
from ingress.postgres.sql.views import see_through


class Row(Protocol):
    """One row of an answer, by the names of its columns, as asyncpg gives it."""

    def __getitem__(self, name: str, /) -> Any: ...

    def values(self) -> Iterable[Any]: ...


Rows = Sequence[Row]
Answers = Mapping[str, Mapping[int, Rows]]
"""By the name of a query, and by the OID of what they are about, its rows."""
Digests = Mapping[str, Mapping[int, bytes]]
"""A hash of these rows, likewise."""


def make_catalogue(
    answers: Answers,
    digests: Digests,
    earlier: Catalogue | None,
    changed: Collection[int],
    changed_functions: Collection[int],
) -> Catalogue:
    """The catalogue of these answers. Relations and functions but those that changed, by OID, are taken from
    `earlier`."""
    (server,) = answers["server"][0]

    def function(oid: int) -> Function:
        known = earlier.function(oid) if earlier is not None and oid not in changed_functions else None
        return known or _function(*answers["functions"][oid])

    functions = {oid: function(oid) for oid in sorted(answers["functions"])}

    def relation(oid: int) -> Relation:
        known = earlier.relation(oid) if earlier is not None and oid not in changed else None
        return known or _relation(oid, answers, functions)

    return Catalogue(
        version=_version(digests),
        server=server["version"],
        database=server["database"],
        utf8=server["utf8"],
        schemas=(row["name"] for row in answers["schemas"].get(0, ())),
        relations=map(relation, sorted(answers["relations"])),
        functions=functions.values(),
        types=make_types([row for _, rows in sorted(answers["types"].items()) for row in rows], functions),
        operators=(
            Operator(row["schema"], row["name"], _called(row["function"], functions), row["takes_text"])
            for row in answers["operators"].get(0, ())
        ),
        see_through=see_through,
    )


def digest(rows: Rows) -> bytes:
    return hashlib.sha256(msgspec.json.encode([tuple(row.values()) for row in rows])).digest()


def _version(digests: Digests) -> str:
    together = hashlib.sha256()
    for name in sorted(digests):
        together.update(name.encode())
        together.update(b"".join(found for _, found in sorted(digests[name].items())))
    return together.hexdigest()


def _calls(rows: Rows, functions: Mapping[int, Function]) -> Iterator[Call]:
    """What a relation calls of itself; what only computes with its arguments is left out."""
    for row in rows:
        function = _called(row["function"], functions)
        if not (function.built_in and effect_of(function) == NO_EFFECT):
            yield Call(row["moment"], function)


def _called(oid: int, functions: Mapping[int, Function]) -> Function:
    """The function of an OID. One that is not there is not PostgreSQL's own."""
    return functions.get(oid) or Function("", f"with OID {oid}", False, "v", "")


def _cascades(rows: Rows) -> Iterator[Cascade]:
    """What changes of a relation change elsewhere (pg_constraint.confdeltype: c, n, d)."""
    for row in rows:
        if row["deleted"] in "cnd":
            yield Cascade("delete", row["other"], "delete" if row["deleted"] == "c" else "update")
        if row["updated"] in "cnd":
            yield Cascade("update", row["other"], "update")


def _relation(oid: int, answers: Answers, functions: Mapping[int, Function]) -> Relation:
    def rows(name: str) -> Rows:
        return answers[name].get(oid, ())

    (row,) = rows("relations")
    expressions = {generated["number"]: generated["expression"] for generated in rows("generated")}
    numbers = {
        column["number"]: Column(
            relation=oid,
            name=column["name"],
            qualified=f"{row['schema']}.{row['name']}.{column['name']}",
            type=column["type"],
            generated=column["generated"],
            expression=expressions.get(column["number"], ""),
            is_exact=column["exact"],
        )
        for column in rows("columns")
    }
    return Relation(
        oid=oid,
        schema=row["schema"],
        name=row["name"],
        kind=row["kind"],
        columns=tuple(numbers.values()),
        numbers=numbers,
        definition=next((view["definition"] for view in rows("views")), ""),
        rules=row["rules"],
        parents=tuple(row["parents"]),
        calls=tuple(_calls(rows("calls"), functions)),
        cascades=tuple(_cascades(rows("cascades"))),
        written=row["written"],
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
        oid=row["about"],
        definer=row["definer"],
        text=row["text"],
        version=row["version"],
        returns=row["returns"],
    )


def make_types(rows: Sequence[Row], functions: Mapping[int, Function]) -> Iterator[Type]:
    """The types. Making a value runs what its own checks call, and those of all it is made of."""
    parts = {row["about"]: row["parts"] for row in rows}
    own = {row["about"]: _runs(row, functions) for row in rows}
    suspect = {oid for oid, why in own.items() if why}
    for row in rows:
        oid = row["about"]
        why = own[oid]
        if not why and suspect:
            why = next((own[part] for part in _within(oid, parts) if own.get(part)), "")
        yield Type(oid, row["schema"], row["name"], row["row"], why, row["cast_by_user"])


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
