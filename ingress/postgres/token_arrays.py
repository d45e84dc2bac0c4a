"""Arrays of tokens as clients bind them, and arrays of values in their place. One dimension, and no NULL.
(PostgreSQL documentation 8.15.6; array_recv and array_send in src/backend/utils/adt/arrayfuncs.c)
"""

import re
import struct
from collections.abc import Iterable

_MOST = 1000  # elements: each is tried with the key of its gateway
_TEXTS = (25, 1043)  # OIDs: text, varchar
_HEADER = struct.Struct(
    "!iiIii"
)  # dimensions, whether one is NULL, the elements' type, how many, from which on
_LENGTH = struct.Struct("!i")
_ELEMENT = re.compile(rb'("?)([\w-]+)\1')  # of the letters that tokens have


def parse_array(value: bytes, *, is_binary: bool) -> tuple[bytes, ...]:
    """The elements, each of which may be a token; empty where one cannot be, or it is no such array."""
    return _parse_binary(value) if is_binary else _parse_text(value)


def make_array(elements: Iterable[bytes], *, is_binary: bool) -> bytes:
    """An array of texts."""
    values = tuple(elements)
    if is_binary:
        items = (_LENGTH.pack(len(value)) + value for value in values)
        return _HEADER.pack(1, 0, _TEXTS[0], len(values), 1) + b"".join(items)
    return b"{" + b",".join(b'"' + re.sub(rb'(["\\])', rb"\\\1", value) + b'"' for value in values) + b"}"


def _parse_text(value: bytes) -> tuple[bytes, ...]:
    if value[:1] != b"{" or value[-1:] != b"}" or value.count(b",") >= _MOST:
        return ()
    found = [_ELEMENT.fullmatch(element) for element in value[1:-1].split(b",")]
    elements = tuple(match[2] for match in found if match is not None)
    return elements if len(elements) == len(found) else ()


def _parse_binary(value: bytes) -> tuple[bytes, ...]:
    if len(value) < _HEADER.size:
        return ()
    dimensions, has_null, kind, count, _ = _HEADER.unpack_from(value)
    if (dimensions, has_null) != (1, 0) or kind not in _TEXTS or not 0 < count <= _MOST:
        return ()
    elements, position = [], _HEADER.size
    for _ in range(count):
        if len(value) < position + _LENGTH.size:
            return ()
        (length,) = _LENGTH.unpack_from(value, position)
        position += _LENGTH.size
        if length < 0 or len(value) < position + length:
            return ()
        elements.append(value[position : position + length])
        position += length
    return tuple(elements) if position == len(value) else ()
