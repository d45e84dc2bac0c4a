"""What the names of a statement mean, as one value that differs when an object is another, or was altered."""

import hashlib
from collections.abc import Iterable, Iterator

from ingress.postgres.catalogue_items import Function, Relation


def meaning_of(objects: Iterable[Relation | Function]) -> str:
    """SHA-256, in hex, over each object's identity and definition; "" for none."""
    parts = sorted(
        "\x01".join(_relation(one) if isinstance(one, Relation) else _function(one)) for one in objects
    )
    return hashlib.sha256("\x02".join(parts).encode()).hexdigest() if parts else ""


def _parts(one: Relation | Function) -> Iterator[str]:
    return _relation(one) if isinstance(one, Relation) else _function(one)


def _relation(relation: Relation) -> Iterator[str]:
    yield f"relation {relation.oid} {relation.kind} {relation.rules}"
    yield relation.qualified
    yield relation.definition
    for column in relation.columns:
        yield f"{column.name} {column.type} {column.expression}"
    yield from sorted(f"{one.moment} {one.function.oid} {one.function.version}" for one in relation.calls)
    for cascade in relation.cascades:
        yield f"{cascade.event} {cascade.relation} {cascade.then}"


def _function(function: Function) -> Iterator[str]:
    yield f"function {function.oid} {function.version}"
    yield function.qualified
