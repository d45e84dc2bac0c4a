"""Whole DataRow messages -> the same messages with what detectors find masked."""

import re
import struct
from collections.abc import Sequence
from enum import Enum, auto

from ingress.errors import TargetError
from ingress.postgres.answers.columns import Column, Kind
from ingress.postgres.answers.numbers import binary_card_check
from ingress.postgres.answers.rows import Change
from processors.masking.detectors.card_number import CARD_NUMBER
from processors.masking.scan import Scanner

_LENGTH = struct.Struct("!I")
_VALUE_LENGTH = struct.Struct("!i")
_FIRST_VALUE = 7  # type, length, number of values
_NULL = b"\xff\xff\xff\xff"
_HEX = b"\\x"
_JSON_STRING_OR_HIDDEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|([0-9+\-.]*\*[0-9+\-.*]*)', re.DOTALL)


class Way(Enum):
    """What becomes of a value in which something is found."""

    NOT_LOOKED_AT = auto()
    OVERWRITTEN = auto()
    JSON = auto()  # overwritten, but null where a number was
    NULL = auto()


def detect(block: bytes, columns: Sequence[Column], scanner: Scanner, counts: list[int]) -> bytes:
    """The rows with what the scanner finds in them masked; the same object when it finds nothing.

    Text is overwritten in place by as many bytes. A number cannot hold stars: it becomes NULL. Adds to
    `counts`, by the detector's number. Raises TargetError. Written for speed: it steps over rows and values
    from one candidate to the next.
    """
    candidates = scanner.candidates(block)
    if not candidates:
        return block
    ways = [way_of(column) for column in columns]
    edited, found = bytearray(block), False
    nulls: list[tuple[int, int, int]] = []
    message_length, value_length = _LENGTH.unpack_from, _VALUE_LENGTH.unpack_from
    redactors, not_looked_at, overwritten = scanner.redactors, Way.NOT_LOOKED_AT, Way.OVERWRITTEN
    row = row_end = value_start = value_end = looked_for = 0
    column = -1
    way = not_looked_at
    try:
        for at, detector in candidates:
            if at >= value_end:
                position = value_end
                if at >= row_end:
                    while row_end <= at:
                        row = row_end
                        row_end = row + 1 + message_length(block, row + 1)[0]
                    position, column = row + _FIRST_VALUE, -1
                while at >= position:
                    taken = value_length(block, position)[0]
                    value_start = position + 4
                    position = value_start + taken if taken > 0 else value_start
                    column += 1
                value_end = position
                if column >= len(ways) or value_end > row_end or row_end > len(block):
                    raise TargetError("the target sent a row that does not fit its description")
                looked_for = 0
                way = ways[column]
            if at < value_start or looked_for >> detector & 1 or way is not_looked_at:
                continue
            value = bytes(edited[value_start:value_end]) if looked_for else block[value_start:value_end]
            looked_for |= 1 << detector
            masked, count = redactors[detector](value)
            if not count:
                continue
            found = True
            counts[detector] += count
            if way is overwritten:
                edited[value_start:value_end] = masked
            elif way is Way.JSON:
                edited[value_start:value_end] = json_without_stars(masked)
            elif not nulls or nulls[-1][1] != value_start:
                nulls.append((row, value_start, value_end))
    except struct.error as error:
        raise TargetError("the target sent a row that is cut off") from error
    for row, start, end in reversed(nulls):
        edited[start - _VALUE_LENGTH.size : end] = _NULL
        _LENGTH.pack_into(edited, row + 1, message_length(edited, row + 1)[0] - (end - start))
    return bytes(edited) if found else block


def way_of(column: Column) -> Way:
    if column.is_unmasked:
        return Way.NOT_LOOKED_AT
    match column.kind:
        case Kind.FIXED:
            return Way.NOT_LOOKED_AT
        case Kind.NUMBER:  # in binary: card_to_null
            return Way.NOT_LOOKED_AT if column.binary else Way.NULL
        case Kind.BYTES:  # in hex: detect_in_hex
            return Way.OVERWRITTEN if column.binary else Way.NOT_LOOKED_AT
        case Kind.JSON | Kind.JSONB:
            return Way.JSON
        case Kind.TEXT | Kind.OTHER:
            return Way.OVERWRITTEN


def json_without_stars(value: bytes) -> bytes:
    """JSON in which a number was masked, with null in the number's place; as many bytes."""
    return _JSON_STRING_OR_HIDDEN.sub(
        lambda found: found[0] if found[1] is None else b"null".ljust(len(found[0]))[: len(found[0])], value
    )


def detect_in_hex(value: bytes, scanner: Scanner, counts: list[int]) -> bytes:
    """A bytea in text format (hex) with what the scanner finds in its bytes masked.

    Values in the older `escape` format are looked at as they stand.
    """
    is_hex = value.startswith(_HEX)
    try:
        raw = bytes.fromhex(value[len(_HEX) :].decode("ascii")) if is_hex else value
    except ValueError as error:
        raise TargetError("the target sent a malformed bytea") from error
    redacted = scanner.redact_all(raw, counts)
    if redacted is raw:
        return value
    return _HEX + redacted.hex().encode("ascii") if is_hex else redacted


def card_to_null(type_: int, scanner: Scanner, counts: list[int]) -> Change | None:
    """For values of the type with this OID in binary: NULL for a card number. None where there is nothing to
    look for."""
    is_card = binary_card_check(type_)
    if is_card is None or CARD_NUMBER.name not in scanner.names:
        return None
    number = scanner.names.index(CARD_NUMBER.name)

    def change(value: bytes) -> bytes | None:
        if not is_card(value):
            return value
        counts[number] += 1
        return None

    return change
