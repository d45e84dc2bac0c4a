"""What happens to each column of an answer: decided once, when the answer is described.

PostgreSQL documentation, "Message Formats", RowDescription.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from ingress.errors import TargetError
from ingress.postgres.answers.types import typed_mask
from ingress.postgres.sql.columns import Origin
from processors.masking.masks import FULL, MASKS, NOTHING, TOKEN, Mask
from processors.masking.plan import UNPROVEN, sensitive_column
from processors.masking.tokens import mask_of
from schemas.vocabulary import MaskingPlan

# Table OID and column number -> where this column's values come from; None when that is not proven.
FindOrigin = Callable[[int, int], Origin | None]

_COUNT = struct.Struct("!h")
_FIELD = struct.Struct("!IhIhih")  # table OID, column number, type OID, type size, type modifier, format
_JSON_TOKEN = b'"' + TOKEN + b'"'
_JSONB_VERSION = b"\x01"


class Kind(Enum):
    """How a value of a type can be changed so that a client that knows the type still reads it."""

    TEXT = auto()  # into any text
    JSON = auto()  # into other JSON
    JSONB = auto()  # likewise; in binary a version byte stands before it
    BYTES = auto()  # bytea: text within its bytes, which in text format are in hex
    NUMBER = auto()  # only into NULL, and its digits may be a card number
    FIXED = auto()  # only into NULL, and it holds no text: a date, a boolean, a UUID
    OTHER = auto()  # only into NULL, and text may be within it: arrays, composites, ranges, types of users


# OIDs of pg_type.dat, which never change.
_KINDS: dict[int, Kind] = {
    oid: kind
    for kind, oids in (
        # name text unknown bpchar varchar cstring xml
        (Kind.TEXT, (19, 25, 705, 1042, 1043, 2275, 142)),
        (Kind.JSON, (114,)),
        (Kind.JSONB, (3802,)),
        (Kind.BYTES, (17,)),
        # int8 float8 numeric money, and arrays of the first three
        (Kind.NUMBER, (20, 701, 1700, 790, 1016, 1022, 1231)),
        # bool int2 int4 oid tid xid cid float4 date time timestamp timestamptz interval timetz
        (Kind.FIXED, (16, 21, 23, 26, 27, 28, 29, 700, 1082, 1083, 1114, 1184, 1186, 1266)),
        # point lseg box macaddr macaddr8 inet cidr bit varbit uuid pg_lsn xid8 void
        (Kind.FIXED, (600, 601, 603, 829, 774, 869, 650, 1560, 1562, 2950, 3220, 5069, 2278)),
        # arrays of bool int2 int4 oid float4 date timestamp timestamptz uuid
        (Kind.FIXED, (1000, 1005, 1007, 1028, 1021, 1182, 1115, 1185, 2951)),
    )
    for oid in oids
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer. `mask` is None when its values may be shown; `field` names it in events.

    `is_unmasked`: a reviewer let its values be seen: detectors do not look for them either.
    """

    kind: Kind
    binary: bool
    mask: Mask | None = None
    mask_name: str = ""
    field: str = ""
    is_unmasked: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a RowDescription."""

    name: str
    table: int
    attribute: int
    type: int
    binary: bool


def parse_fields(body: bytes) -> tuple[Field, ...]:
    """The fields of a RowDescription's body. Raises TargetError."""
    try:
        count = _COUNT.unpack_from(body)[0]
        position = _COUNT.size
        fields: list[Field] = []
        for _ in range(count):
            end = body.index(b"\x00", position)
            table, attribute, type_, _, _, code = _FIELD.unpack_from(body, end + 1)
            name = body[position:end].decode("utf-8", "replace")
            fields.append(Field(name, table, attribute, type_, code != 0))
            position = end + 1 + _FIELD.size
    except (struct.error, ValueError) as error:
        raise TargetError("the target sent a malformed row description") from error
    if position != len(body) or count < 0:
        raise TargetError("the target sent a malformed row description")
    return tuple(fields)


def decide(
    fields: tuple[Field, ...],
    formats: tuple[bool, ...],
    plan: MaskingPlan,
    origin: FindOrigin,
    masks: Mapping[str, Mask] = MASKS,
    *,
    unmasked: frozenset[str] = frozenset(),
) -> tuple[Column, ...]:
    """What happens to each column. `formats`: whether each comes in binary. `masks`: by name. `unmasked`:
    "schema.table.column" that are left clear, where the target and lineage both name that very column.

    A column that the target itself names as the very column of a table, or as one of a view that shows such a
    column as it is, is judged by that, its own mask or none, where lineage proves nothing else: what was
    written into a column comes back under its name (RETURNING). All else is judged by lineage, with the
    mask for computed values, and masked when lineage is missing or of another number of columns.
    """
    known = len(plan.outputs) == len(plan.sources) == len(fields)
    return tuple(
        _decide(
            field,
            binary,
            plan.outputs[number] if known else plan.unproven,
            plan.sources[number] if known else UNPROVEN,
            plan,
            origin,
            masks,
            unmasked,
        )
        for number, (field, binary) in enumerate(zip(fields, formats, strict=True))
    )


def decide_copy(
    count: int, binary: bool, plan: MaskingPlan, masks: Mapping[str, Mask] = MASKS
) -> tuple[Column, ...]:
    """What happens to each column of COPY's data, which has positions but neither names nor types. In binary
    a text would not be a value of most types: what is masked is NULL there."""
    known = len(plan.outputs) == len(plan.sources) == count
    names = plan.outputs if known else (plan.unproven,) * count
    sources = plan.sources if known else ("",) * count
    return tuple(
        Column(
            Kind.OTHER,
            binary,
            mask_of(masks, NOTHING if binary else name, _pattern(source, plan)) if name else None,
            name,
            f"output:{number}",
        )
        for number, (name, source) in enumerate(zip(names, sources, strict=True), start=1)
    )


def undescribed(count: int) -> tuple[Column, ...]:
    """Columns that nothing is known about: all NULL."""
    return tuple(
        _masked(Kind.OTHER, False, NOTHING, f"output:{number}", MASKS) for number in range(1, count + 1)
    )


def _decide(
    field: Field,
    binary: bool,
    by_lineage: str,
    source: str,
    plan: MaskingPlan,
    find_origin: FindOrigin,
    masks: Mapping[str, Mask],
    unmasked: frozenset[str],
) -> Column:
    kind = _KINDS.get(field.type, Kind.OTHER)
    name = f"output:{field.name}"
    # A whole row has the table's OID too, and column number 0.
    origin = (
        find_origin(field.table, field.attribute)
        if plan.columns and field.table and field.attribute
        else None
    )
    if origin is not None:
        entries = [
            (column, entry)
            for column in origin.columns
            if (entry := sensitive_column(column, plan.columns)) is not None
        ]
        hidden = {column for column, _ in entries}
        if origin.bare and source in hidden and hidden <= unmasked:
            return Column(kind, binary, field=source, is_unmasked=True)
        if entries:
            # Its own mask, where it has one, unless another column's value was written into it.
            column, entry = entries[0]
            is_own = source in dict(entries) or (
                not plan.writes and bool(by_lineage) and source in ("", UNPROVEN)
            )
            is_one = origin.bare and len({entry.mask for _, entry in entries}) == 1
            mask = entry.mask if is_own and is_one else FULL
            return _masked(kind, binary, mask, column, masks, field.type, entry.pattern)
        if len(origin.columns) == 1 and source == UNPROVEN and not plan.writes:
            return Column(kind, binary)
    if not by_lineage:
        return Column(kind, binary)
    return _masked(kind, binary, by_lineage, name, masks, pattern=_pattern(source, plan))


def _pattern(column: str, plan: MaskingPlan) -> str:
    entry = sensitive_column(column, plan.columns)
    return entry.pattern if entry is not None else ""


def _masked(
    kind: Kind,
    binary: bool,
    mask_name: str,
    field: str,
    masks: Mapping[str, Mask],
    type_: int = 0,
    pattern: str = "",
) -> Column:
    mask = mask_of(masks, mask_name, pattern)
    return Column(kind, binary, _suited(kind, binary, mask_name, mask, type_), mask_name, field)


def _suited(kind: Kind, binary: bool, mask_name: str, mask: Mask, type_: int) -> Mask:
    """The mask, of this name, for values of this kind and type; NULL where its text would not be a value."""
    if mask is MASKS[NOTHING] or kind is Kind.TEXT:
        return mask
    typed = typed_mask(mask_name, mask, type_, binary)
    if typed is not None:
        return typed
    if kind is Kind.JSON or (kind is Kind.JSONB and not binary):
        return lambda value: _JSON_TOKEN
    if kind is Kind.JSONB:
        return lambda value: _JSONB_VERSION + _JSON_TOKEN
    return MASKS[NOTHING]
