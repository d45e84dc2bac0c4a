"""Loads the catalogue of a database: one snapshot, by the queries of catalogue.sql."""

import asyncio
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from itertools import groupby
from typing import Any

import asyncpg
import msgspec

from ingress.postgres.catalogue import Catalogue, Function, Operator, Relation, Type
from ingress.postgres.columns import Column
from ingress.postgres.views import see_through

Row = Mapping[str, Any]


async def read_fingerprint(connection: "asyncpg.Connection[asyncpg.Record]") -> str:
    """What differs whenever a catalogue read now would differ from one read before.

    Raises asyncpg's errors.
    """
    query = (files("ingress.postgres") / "fingerprint.sql").read_text()
    return str(await connection.fetchval(query))


async def read_catalogue(connection: "asyncpg.Connection[asyncpg.Record]") -> Catalogue:
    """What the connection's database holds now. Any user may ask; nothing is locked.

    The connection must be in no transaction. Raises asyncpg's errors.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        # View definitions are printed with every name qualified that this path does not find.
        await connection.execute("set local search_path = ''")
        for name, query in queries().items():
            rows[name] = [dict(row) for row in await connection.fetch(query)]
    return await asyncio.to_thread(make_catalogue, rows)  # a tenth of a second


def queries() -> dict[str, str]:
    """The queries of catalogue.sql by name."""
    text = (files("ingress.postgres") / "catalogue.sql").read_text()
    return {
        part.split("\n", 1)[0].strip(): part.split("\n", 1)[1].strip().removesuffix(";")
        for part in text.split("-- name: ")[1:]
    }


def make_catalogue(tables: Mapping[str, list[dict[str, Any]]]) -> Catalogue:
    """The catalogue of these answers to the queries."""
    (server,) = tables["server"]
    columns = {
        relation: list(found)
        for relation, found in groupby(tables["columns"], key=lambda row: row["relation"])
    }
    return Catalogue(
        version=hashlib.sha256(msgspec.json.encode(tables)).hexdigest(),
        server=server["version"],
        database=server["database"],
        schemas=(row["name"] for row in tables["schemas"]),
        relations=(_relation(row, columns.get(row["oid"], [])) for row in tables["relations"]),
        functions=map(_function, tables["functions"]),
        types=map(_type, tables["types"]),
        operators=map(_operator, tables["operators"]),
        see_through=see_through,
    )


def _relation(row: Row, columns: list[dict[str, Any]]) -> Relation:
    numbers = {
        column["number"]: Column(
            relation=row["oid"],
            name=column["name"],
            qualified=f"{row['schema']}.{row['name']}.{column['name']}",
            type=column["type"],
            expression=column["expression"] or "",
        )
        for column in columns
    }
    return Relation(
        oid=row["oid"],
        schema=row["schema"],
        name=row["name"],
        kind=row["kind"],
        columns=tuple(numbers.values()),
        numbers=numbers,
        definition=row["definition"] or "",
        rules=row["rules"],
        parents=tuple(row["parents"]),
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
    )


def _type(row: Row) -> Type:
    if row["checked"]:
        runs = "has a check that calls a function of a user's"
    elif row["cast_by_user"]:
        runs = "has a cast that calls a function of a user's"
    else:
        runs = ""
    return Type(row["oid"], row["schema"], row["name"], row["row"], runs, row["cast_by_user"])


def _operator(row: Row) -> Operator:
    function = Function(
        schema=row["function_schema"],
        name=row["function_name"],
        built_in=row["built_in"],
        volatility=row["volatility"],
        language=row["language"],
        extension=row["extension"],
        fewest=1,
        most=2,
    )
    return Operator(row["schema"], row["name"], function)
