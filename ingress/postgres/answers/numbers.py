"""Card numbers in binary numbers.

The formats are those of int8send, float8send and numeric_send (PostgreSQL source, utils/adt).
"""

import struct
from collections.abc import Callable, Mapping

from processors.masking.detectors import is_card_number

_INT8 = struct.Struct("!q")
_FLOAT8 = struct.Struct("!d")
_NUMERIC = struct.Struct("!hhHh")  # number of digits, weight of the first, sign, scale
_POSITIVE, _NEGATIVE = 0x0000, 0x4000
LEAST_CARD, _MOST = 10**12, 10**19  # 13 to 19 digits
_BASE = 10000


def _int8(value: bytes) -> int | None:
    return int(_INT8.unpack(value)[0])


def _float8(value: bytes) -> int | None:
    number = float(_FLOAT8.unpack(value)[0])
    return int(number) if number.is_integer() else None


def _numeric(value: bytes) -> int | None:
    count, weight, sign, _ = _NUMERIC.unpack_from(value)
    if sign not in (_POSITIVE, _NEGATIVE) or not 3 <= weight <= 4:  # 10000**3 has 13 digits
        return None
    digits = struct.unpack_from(f"!{count}h", value, _NUMERIC.size)
    if any(digits[weight + 1 :]):
        return None
    number = 0
    for digit in (digits + (0,) * (weight + 1))[: weight + 1]:
        number = number * _BASE + digit
    return number


_DECODERS: Mapping[int, Callable[[bytes], int | None]] = {20: _int8, 701: _float8, 1700: _numeric}


def binary_card_check(type_: int) -> Callable[[bytes], bool] | None:
    """Whether a value of the type with this OID, in binary, is a card number; None where none can be."""
    decode = _DECODERS.get(type_)
    if decode is None:
        return None

    def holds_card_number(value: bytes) -> bool:
        try:
            number = decode(value)
        except struct.error:
            return True  # not what its type says: it is not shown
        return (
            number is not None and LEAST_CARD <= abs(number) < _MOST and is_card_number(b"%d" % abs(number))
        )

    return holds_card_number
