"""A value in PostgreSQL's binary format -> text, for the types that clients ask for most. Pure.

The formats are those of the types' `…send` functions (PostgreSQL source, src/backend/utils/adt). A type that
is not here, or a value that does not have its type's form, is shown as bytes are: \\x and hexadecimal.
"""

import struct
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL counts from here
_NUMERIC_HEADER = struct.Struct("!hhHh")
_NUMERIC_SPECIAL = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}
_NEGATIVE = 0x4000


def as_text(type_oid: int, value: bytes) -> str:
    """The value as text; never raises."""
    decode = _DECODERS.get(type_oid)
    if decode is not None:
        try:
            return decode(value)
        except (ValueError, OverflowError, struct.error):
            pass  # masked, perhaps: it does not have the form of its type any more
    return f"\\x{value.hex()}"


def _utf8(value: bytes) -> str:
    return value.decode()


def _integer(value: bytes) -> str:
    return str(int.from_bytes(value, signed=True))


def _unsigned(value: bytes) -> str:
    return str(int.from_bytes(value))


def _boolean(value: bytes) -> str:
    return {b"\x00": "f", b"\x01": "t"}.get(value) or f"\\x{value.hex()}"


def _real(value: bytes) -> str:
    return f"{struct.unpack('!f', value)[0]:.7g}"


def _double(value: bytes) -> str:
    return repr(struct.unpack("!d", value)[0])


def _uuid(value: bytes) -> str:
    return str(uuid.UUID(bytes=value))


def _date(value: bytes) -> str:
    days = struct.unpack("!i", value)[0]
    return str(date(2000, 1, 1) + timedelta(days=days))


def _timestamp(value: bytes) -> str:
    return str((_EPOCH + timedelta(microseconds=struct.unpack("!q", value)[0])).replace(tzinfo=None))


def _timestamp_with_zone(value: bytes) -> str:
    return str(_EPOCH + timedelta(microseconds=struct.unpack("!q", value)[0]))


def _jsonb(value: bytes) -> str:
    if value[:1] != b"\x01":
        raise ValueError("an unknown version of jsonb")
    return value[1:].decode()


def _numeric(value: bytes) -> str:
    """numeric_send: digits to the base 10,000, the weight of the first, the sign, decimals to show."""
    count, weight, sign, scale = _NUMERIC_HEADER.unpack_from(value)
    if sign in _NUMERIC_SPECIAL:
        return _NUMERIC_SPECIAL[sign]
    digits = struct.unpack_from(f"!{count}H", value, _NUMERIC_HEADER.size)

    def group(position: int) -> str:
        return f"{digits[position]:04d}" if 0 <= position < count else "0000"

    whole = "".join(group(position) for position in range(weight + 1)).lstrip("0") or "0"
    fraction = "".join(group(position) for position in range(weight + 1, weight + 2 + scale // 4))[:scale]
    return f"{'-' if sign == _NEGATIVE else ''}{whole}{'.' if scale else ''}{fraction}"


_DECODERS: Mapping[int, Callable[[bytes], str]] = {
    16: _boolean,
    18: _utf8,  # "char"
    19: _utf8,  # name
    20: _integer,
    21: _integer,
    23: _integer,
    25: _utf8,
    26: _unsigned,  # oid
    114: _utf8,  # json
    700: _real,
    701: _double,
    1042: _utf8,  # character(n)
    1043: _utf8,
    1082: _date,
    1114: _timestamp,
    1184: _timestamp_with_zone,
    1700: _numeric,
    2950: _uuid,
    3802: _jsonb,
}
