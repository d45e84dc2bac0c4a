"""Backend messages as a PostgreSQL server sends them, and what is in them again."""

import struct
from dataclasses import dataclass

Value = bytes | None

INT4, INT8, TEXT, JSON, JSONB, BYTEA, UUID, NUMERIC, FLOAT8 = 23, 20, 25, 114, 3802, 17, 2950, 1700, 701
DATE, NAME, XML, VARCHAR, BPCHAR, TEXT_ARRAY, INT8_ARRAY, USER_TYPE = (
    1082,
    19,
    142,
    1043,
    1042,
    1009,
    1016,
    16999,
)


@dataclass(frozen=True, slots=True)
class Described:
    """A field of a RowDescription."""

    name: str
    type: int = TEXT
    table: int = 0
    attribute: int = 0
    format: int = 0


def row_description(*fields: Described) -> bytes:
    """The body of a RowDescription."""
    body = struct.pack("!h", len(fields))
    for field in fields:
        body += field.name.encode() + b"\0"
        body += struct.pack("!IhIhih", field.table, field.attribute, field.type, -1, -1, field.format)
    return body


def data_row(*values: Value) -> bytes:
    """A whole DataRow."""
    body = struct.pack("!h", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return b"D" + struct.pack("!I", len(body) + 4) + body


def read_rows(block: bytes) -> list[tuple[Value, ...]]:
    """The values of whole DataRows; fails on any flaw in the framing."""
    rows: list[tuple[Value, ...]] = []
    for body in _bodies(block, b"D"):
        count = struct.unpack_from("!h", body)[0]
        position, values = 2, list[Value]()
        for _ in range(count):
            length = struct.unpack_from("!i", body, position)[0]
            position += 4
            assert length >= -1
            values.append(None if length < 0 else body[position : position + length])
            position += max(length, 0)
        assert position == len(body)
        rows.append(tuple(values))
    return rows


def copy_out(columns: int, *, binary: bool = False) -> bytes:
    """The body of a CopyOutResponse."""
    return struct.pack(f"!bh{columns}h", binary, columns, *[int(binary)] * columns)


def copy_data(*payloads: bytes) -> bytes:
    """Whole CopyData messages."""
    return b"".join(b"d" + struct.pack("!I", len(payload) + 4) + payload for payload in payloads)


def read_copy(block: bytes) -> list[bytes]:
    """The payloads of whole CopyData messages; fails on any flaw in the framing."""
    return _bodies(block, b"d")


def binary_tuple(*values: Value) -> bytes:
    """One tuple of COPY's binary format: a DataRow without its message head."""
    return data_row(*values)[5:]


COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!II", 0, 0)
COPY_TRAILER = struct.pack("!h", -1)


def error(**fields: str) -> bytes:
    """The body of an ErrorResponse or NoticeResponse."""
    return b"".join(kind.encode() + value.encode() + b"\0" for kind, value in fields.items()) + b"\0"


def read_error(body: bytes) -> dict[str, str]:
    """Its fields; fails on any flaw in the framing."""
    assert body.endswith(b"\0\0")
    return {field[:1].decode(): field[1:].decode() for field in body[:-2].split(b"\0")}


def _bodies(block: bytes, kind: bytes) -> list[bytes]:
    bodies, position = list[bytes](), 0
    while position < len(block):
        assert block[position : position + 1] == kind
        length = struct.unpack_from("!I", block, position + 1)[0]
        assert length >= 4
        bodies.append(block[position + 5 : position + 1 + length])
        position += 1 + length
    assert position == len(block)
    return bodies
