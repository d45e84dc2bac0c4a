"""A mask for a column's type: in a value's place stands a value of that type, in text and in binary, or NULL.

A mask is of text. For a type that is none, the value is written as text, masked, and read back as the type
(the formats are those of the types' send functions, PostgreSQL source, utils/adt); what that is not possible
with becomes NULL.
"""

import struct
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from processors.masking.keyed import HASH_PREFIX
from processors.masking.masks import TOKEN, Mask

_DAY_ZERO, _MOMENT_ZERO = date(2000, 1, 1), datetime(2000, 1, 1)
_NUMERIC = struct.Struct("!hHHH")  # number of digits, weight of the first, sign, scale
_NEGATIVE, _SPECIAL = 0x4000, 0xC000
_BASE = 10000
_BASE_DIGITS = 4


@dataclass(frozen=True, slots=True)
class _Type:
    """How values of a type are read from binary as text, and made of text, and which masks suit it."""

    masks: frozenset[str]
    to_text: Callable[[bytes], str]
    from_text: Callable[[str], bytes]
    hash_range: int = 0  # of an integer: its hash is one of so many


def typed_mask(name: str, mask: Mask, type_: int, binary: bool) -> Mask | None:
    """The mask of this name for values of the type with this OID; None where there is none but NULL."""
    known = _TYPES.get(type_)
    if known is None or name not in known.masks:
        return None

    def change(value: bytes) -> bytes | None:
        try:
            text = known.to_text(value) if binary else value.decode()
            masked = mask(text.encode())
            if masked is None or masked == TOKEN:
                return None
            shown = _as_type(masked, known) if name == "hash" else masked.decode()
            packed = known.from_text(shown)  # also where text is wanted: out of range is no value
            return packed if binary else shown.encode()
        except (struct.error, ValueError, ArithmeticError):
            return None

    return change


def _as_type(hashed: bytes, known: _Type) -> str:
    """A hash as an integer of the type, or as a UUID (RFC 9562, version 8)."""
    digits = hashed.removeprefix(HASH_PREFIX).decode()
    if known.hash_range:
        return str(int(digits, 16) % known.hash_range)
    return str(uuid.UUID(f"{digits[:12]}8{digits[13:16]}8{digits[17:]}"))


def _integer(form: str, bits: int) -> _Type:
    packer = struct.Struct(form)
    return _Type(
        frozenset(("hash", "noise")),
        lambda value: str(packer.unpack(value)[0]),
        lambda text: packer.pack(int(text)),
        1 << (bits - 1),
    )


def _float(form: str) -> _Type:
    packer = struct.Struct(form)
    return _Type(
        frozenset(("noise",)),
        lambda value: f"{Decimal(repr(packer.unpack(value)[0])):f}",
        lambda text: packer.pack(float(text)),
    )


def _numeric_text(value: bytes) -> str:
    count, weight, sign, scale = _NUMERIC.unpack_from(value)
    if sign & _SPECIAL == _SPECIAL:
        raise ValueError("NaN and the infinities are no numbers")
    digits = struct.unpack_from(f"!{count}H", value, _NUMERIC.size)
    weight -= (weight & 0x8000) << 1
    whole = int("".join(f"{digit:04}" for digit in digits) or "0")
    shift = scale + _BASE_DIGITS * (weight - count + 1)  # to a whole number of units of the last digit
    scaled = str(whole * 10**shift if shift >= 0 else whole // 10**-shift).zfill(scale + 1)
    text = f"{scaled[:-scale]}.{scaled[-scale:]}" if scale else scaled
    return f"-{text}" if sign == _NEGATIVE else text


def _numeric_bytes(text: str) -> bytes:
    sign = _NEGATIVE if text.startswith("-") else 0
    whole, _, fraction = text.removeprefix("-").partition(".")
    padded = whole.zfill(-(-len(whole) // _BASE_DIGITS) * _BASE_DIGITS)
    digits_text = padded + fraction.ljust(-(-len(fraction) // _BASE_DIGITS) * _BASE_DIGITS, "0")
    digits = [int(digits_text[at : at + _BASE_DIGITS]) for at in range(0, len(digits_text), _BASE_DIGITS)]
    weight = len(padded) // _BASE_DIGITS - 1
    return _NUMERIC.pack(len(digits), weight, sign, len(fraction)) + struct.pack(f"!{len(digits)}H", *digits)


def _date_text(value: bytes) -> str:
    return _iso(_DAY_ZERO + timedelta(days=struct.unpack("!i", value)[0]))


def _iso(day: date) -> str:
    return f"{day.year:04}-{day.month:02}-{day.day:02}"


def _date_bytes(text: str) -> bytes:
    return struct.pack("!i", (date.fromisoformat(text) - _DAY_ZERO).days)


def _moment_text(value: bytes) -> str:
    moment = _MOMENT_ZERO + timedelta(microseconds=struct.unpack("!q", value)[0])
    return f"{_iso(moment)} {moment.hour:02}:{moment.minute:02}:{moment.second:02}"


def _moment_bytes(text: str) -> bytes:
    moment = datetime.fromisoformat(text).replace(tzinfo=None)
    return struct.pack("!q", (moment - _MOMENT_ZERO) // timedelta(microseconds=1))


_DATES = frozenset(("year", "month"))
_TYPES: Mapping[int, _Type] = {
    20: _integer("!q", 64),
    21: _integer("!h", 16),
    23: _integer("!i", 32),
    700: _float("!f"),
    701: _float("!d"),
    1082: _Type(_DATES, _date_text, _date_bytes),
    1114: _Type(_DATES, _moment_text, _moment_bytes),
    1184: _Type(_DATES, _moment_text, _moment_bytes),
    1700: _Type(frozenset(("noise",)), _numeric_text, _numeric_bytes),
    2950: _Type(
        frozenset(("hash",)), lambda value: str(uuid.UUID(bytes=value)), lambda text: uuid.UUID(text).bytes
    ),
}
