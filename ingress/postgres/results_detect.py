"""Whole DataRow messages -> the same messages with what detectors find masked."""

import re
import struct
from collections.abc import Iterator, Sequence

from ingress.errors import TargetError
from ingress.postgres.results_columns import Column, Kind
from ingress.postgres.results_numbers import binary_card_check
from ingress.postgres.results_rows import Change
from processors.masking.detectors.card_number import CARD_NUMBER
from processors.masking.scan import Scanner

_LENGTH = struct.Struct("!I")
_VALUE_LENGTH = struct.Struct("!i")
_FIRST_VALUE = 7  # type, length, number of values
_NULL = b"\xff\xff\xff\xff"
_HEX = b"\\x"
_JSON_STRING_OR_HIDDEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|([0-9+\-.]*\*[0-9+\-.*]*)', re.DOTALL)


def detect(block: bytes, columns: Sequence[Column], scanner: Scanner, counts: list[int]) -> bytes:
    """The rows with what the scanner finds in them masked; the same object when it finds nothing.

    Text is overwritten in place by as many bytes. A number cannot hold stars: it becomes NULL. Adds to
    `counts`, by the detector's number. Raises TargetError.
    """
    candidates = scanner.candidates(block)
    if not candidates:
        return block
    edited: bytearray | None = None
    nulls: list[tuple[int, int, int]] = []
    for row, index, start, end, numbers in _values(block, candidates, len(columns)):
        column = columns[index]
        if not _looked_at_in_place(column):
            continue
        value = block[start:end]
        redacted = scanner.redact(value, numbers, counts)
        if redacted is value:
            continue
        if edited is None:
            edited = bytearray(block)
        if column.kind is Kind.NUMBER:
            nulls.append((row, start, end))
        elif column.kind in (Kind.JSON, Kind.JSONB):
            edited[start:end] = json_without_stars(redacted)
        else:
            edited[start:end] = redacted
    if edited is None:
        return block
    for row, start, end in reversed(nulls):
        edited[start - _VALUE_LENGTH.size : end] = _NULL
        _LENGTH.pack_into(edited, row + 1, _LENGTH.unpack_from(edited, row + 1)[0] - (end - start))
    return bytes(edited)


def _looked_at_in_place(column: Column) -> bool:
    """Whether text in the bytes of such a column is text of its values."""
    match column.kind:
        case Kind.FIXED:
            return False
        case Kind.NUMBER:
            return not column.binary
        case Kind.BYTES:
            return column.binary
        case _:
            return True


def _values(
    block: bytes, candidates: Sequence[tuple[int, int]], columns: int
) -> Iterator[tuple[int, int, int, int, list[int]]]:
    """Each value with candidates in it: where its row starts, its column, where it starts and ends, and the
    detectors' numbers, each once, in rising order."""
    message_length, value_length = _LENGTH.unpack_from, _VALUE_LENGTH.unpack_from
    number, total = 0, len(candidates)
    row = end = 0
    try:
        while number < total:
            at, detector = candidates[number]
            while end <= at:
                row = end
                end = row + 1 + message_length(block, row + 1)[0]
            start = position = row + _FIRST_VALUE
            column = -1
            while position <= at and position < end:
                column += 1
                taken = value_length(block, position)[0]
                start = position + 4
                position = start + taken if taken > 0 else start
            number += 1
            if at < start:  # within the framing
                continue
            if column >= columns or position > end or end > len(block):
                raise TargetError("the target sent a row that does not fit its description")
            found = {detector}
            while number < total and candidates[number][0] < position:
                found.add(candidates[number][1])
                number += 1
            yield row, column, start, position, sorted(found)
    except struct.error as error:
        raise TargetError("the target sent a row that is cut off") from error


def json_without_stars(value: bytes) -> bytes:
    """JSON in which a number was masked, with null in the number's place; as many bytes."""
    return _JSON_STRING_OR_HIDDEN.sub(
        lambda found: found[0] if found[1] is None else b"null".ljust(len(found[0])), value
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
