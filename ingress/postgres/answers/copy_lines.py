"""CopyData messages of COPY … TO STDOUT -> the same messages, masked.

PostgreSQL documentation, "Message Formats", CopyData: "Messages sent from the backend will always correspond
to single data rows"; and COPY, "File Formats". The types of the columns are not known here: what a detector
finds is overwritten with stars also where it stands in a number.
"""

import re
import struct
from collections.abc import Callable, Iterator, Sequence

from ingress.errors import TargetError
from ingress.postgres.answers.copy_binary import detect_in_tuples, mask_tuples
from ingress.postgres.answers.copy_blocks import change_block
from ingress.postgres.answers.copy_options import CopyOptions
from ingress.postgres.answers.detect import card_to_null
from processors.masking.masks import TOKEN, Mask
from processors.masking.scan import Scanner

_LENGTH = struct.Struct("!I")
_VALUE_LENGTH = struct.Struct("!i")
_COUNT = struct.Struct("!h")
_COPY_DATA = 0x64
_PAYLOAD = 5  # after type and length

_SIGNATURE = b"PGCOPY\n\xff\r\n\x00"
_BINARY_HEADER = struct.Struct("!11sII")  # signature, flags, length of the extension
_TRAILER = -1
_TRAILER_MESSAGE = b"d\0\0\0\x06\xff\xff"
_INT8 = 20
_INT8_LENGTH = 8

_NO_VALUE_IN_TEXT = (b"\\N", b"")
Line = Callable[[bytes], bytes]


def messages(block: bytes) -> Iterator[tuple[int, int]]:
    """Where the payload of each CopyData message in the block starts and ends. Raises TargetError."""
    start, size = 0, len(block)
    while start < size:
        if block[start] != _COPY_DATA or start + _PAYLOAD > size:
            raise TargetError("the target sent something that is not COPY data")
        end = start + 1 + _LENGTH.unpack_from(block, start + 1)[0]
        if not start + _PAYLOAD <= end <= size:
            raise TargetError("the target sent COPY data that is cut off")
        yield start + _PAYLOAD, end
        start = end


def change_lines(block: bytes, change: Line) -> bytes:
    """The messages with `change` made of each payload."""
    pieces: list[bytes] = []
    for start, end in messages(block):
        payload = change(block[start:end])
        pieces.append(b"d" + _LENGTH.pack(len(payload) + 4))
        pieces.append(payload)
    return b"".join(pieces)


def detect_in_lines(
    block: bytes, scanner: Scanner, counts: list[int], options: CopyOptions | None = None
) -> bytes:
    """The messages with what the scanner finds in text or CSV lines overwritten; the same object when it
    finds nothing. Adds to `counts`, by the detector's number."""
    candidates = scanner.candidates(block)
    if not candidates:
        return block
    # Within a value there is never a tab that separates: there, and only there, single values are looked at.
    tabs = options is not None and not options.is_csv and options.delimiter == b"\t"
    edited, found = bytearray(block), False
    payloads = messages(block)
    line = line_end = value = value_end = looked_for = 0
    for at, detector in candidates:
        if at >= value_end:
            while line_end <= at:
                line, line_end = next(payloads)
            value, value_end = line, line_end
            if tabs and at >= line:
                value = max(block.rfind(b"\t", line, at) + 1, line)
                value_end = block.find(b"\t", at, line_end)
                value_end = line_end if value_end < 0 else value_end
            looked_for = 0
        if at < value or looked_for >> detector & 1:
            continue
        looked_for |= 1 << detector
        masked, count = scanner.redactors[detector](bytes(edited[value:value_end]))
        if count:
            found = True
            counts[detector] += count
            edited[value:value_end] = masked
    return bytes(edited) if found else block


class TextLines:
    """Masks the columns of lines in text or CSV format. `masks`: one a column, None for none."""

    def __init__(self, masks: Sequence[Mask | None], options: CopyOptions | None, counts: list[int]) -> None:
        self._masks = masks
        self._masked = [(index, mask) for index, mask in enumerate(masks) if mask is not None]
        self._columns = len(masks)
        self._options = options
        self._counts = counts
        self._header = options is not None and options.header
        # In text format \N is told from a value of the same text, and CSV quotes such a value.
        self._null_may_be_a_value = (
            options is not None and not options.is_csv and options.null not in _NO_VALUE_IN_TEXT
        )
        self._value = None if options is None else (_csv_value if options.is_csv else _text_value)
        self._field = None if options is None else _field_pattern(options)

    def change(self, line: bytes) -> bytes:
        """One line with its columns masked. Raises TargetError when it has another number of columns."""
        if self._header:
            self._header = False
            return line
        if self._options is None or self._value is None:  # nothing says how to take it apart
            for index in range(self._columns):
                self._counts[index] += 1
            return b"\t".join([TOKEN] * self._columns) + b"\n"
        end = b"\n" if line.endswith(b"\n") else b""
        fields = self._split(line.removesuffix(b"\n"))
        if len(fields) != self._columns:
            raise TargetError("the target sent COPY data with another number of columns than it announced")
        for index, mask in self._masked:
            if fields[index] != self._options.null or self._null_may_be_a_value:
                fields[index] = self._value(fields[index], mask, self._options)
                self._counts[index] += 1
        return self._options.delimiter.join(fields) + end

    def change_block(self, block: bytes) -> bytes | None:
        """As `change_lines`, in a few passes; None for a block that has to be taken line by line."""
        if self._header:
            return None
        return change_block(block, self._masks, self._options, self._counts)

    def _split(self, line: bytes) -> list[bytes]:
        assert self._options is not None
        if self._field is None:
            return line.split(self._options.delimiter)
        fields: list[bytes] = []
        position = 0
        while found := self._field.match(line, position):
            fields.append(found[0])
            position = found.end() + 1
            if found.end() == len(line):
                break
            if line[found.end() : position] != self._options.delimiter:
                raise TargetError("the target sent COPY data that cannot be taken apart")
        return fields


def _field_pattern(options: CopyOptions) -> re.Pattern[bytes] | None:
    """One field as it stands in a line; None where the delimiter never stands within a field."""
    delimiter, quote, escape = map(re.escape, (options.delimiter, options.quote, options.escape))
    if options.is_csv:
        within = (
            rb"(?:[^" + quote + rb"]|" + quote + quote + rb")*+"
            if quote == escape
            else rb"(?:[^" + quote + escape + rb"]|" + escape + rb".)*+"
        )
        return re.compile(quote + within + quote + rb"|[^" + delimiter + quote + rb"]*+", re.DOTALL)
    # In text format a tab within a value is sent as \t, any other delimiter after a backslash.
    return (
        None if options.delimiter == b"\t" else re.compile(rb"(?:[^\\" + delimiter + rb"]|\\.)*+", re.DOTALL)
    )


def _text_value(field: bytes, mask: Mask, options: CopyOptions) -> bytes:
    masked = TOKEN if b"\\" in field else mask(field)  # an escape: not what a mask expects
    if masked is None:
        return options.null
    return masked.replace(options.delimiter, b"\\" + options.delimiter)


def _csv_value(field: bytes, mask: Mask, options: CopyOptions) -> bytes:
    quote, escape = options.quote, options.escape
    quoted = field.startswith(quote)
    value = field[1:-1].replace(escape + quote, quote) if quoted else field
    masked = TOKEN if quote != escape and escape in value else mask(value)
    if masked is None:
        return options.null
    if not quoted and options.delimiter not in masked:
        return masked
    return quote + masked.replace(quote, escape + quote) + quote


class BinaryTuples:
    """Masks and scans tuples in binary format. Columns are masked into NULL, whatever the mask."""

    def __init__(
        self,
        masks: Sequence[Mask | None],
        scanner: Scanner | None,
        counts: list[int],
        found: list[int],
    ) -> None:
        self._masks = masks
        self._scanner = scanner
        self._card_to_null = card_to_null(_INT8, scanner, found) if scanner else None
        self._counts = counts
        self._found = found
        self._before_header = True

    def change_block(self, block: bytes) -> bytes | None:
        """As `change_lines`, in a few passes; None for a block that has to be taken tuple by tuple."""
        if self._before_header or block.endswith(_TRAILER_MESSAGE):
            return None
        found = self._found.copy()
        if self._scanner is not None:
            shown = [number for number, mask in enumerate(self._masks) if mask is None]
            detected = detect_in_tuples(block, shown, len(self._masks), self._scanner, found)
            if detected is None:
                return None
            block = detected
        self._found[:] = found
        return mask_tuples(block, self._masks, self._counts) if any(self._masks) else block

    def change(self, payload: bytes) -> bytes:
        """One payload: a tuple, before the first one the file header, or the trailer. Raises TargetError."""
        try:
            return self._change(payload)
        except struct.error as error:
            raise TargetError("the target sent binary COPY data that is cut off") from error

    def _change(self, payload: bytes) -> bytes:
        position = 0
        if self._before_header:
            signature, flags, extension = _BINARY_HEADER.unpack_from(payload)
            position = _BINARY_HEADER.size + extension
            if signature != _SIGNATURE or flags or position > len(payload):
                raise TargetError("the target sent binary COPY data with an unknown header")
            self._before_header = False
        pieces = [payload[:position]]
        while position < len(payload):
            count = _COUNT.unpack_from(payload, position)[0]
            if count == _TRAILER and position + _COUNT.size == len(payload):
                pieces.append(payload[position:])
                break
            if count != len(self._masks):
                raise TargetError(
                    "the target sent COPY data with another number of columns than it announced"
                )
            pieces.append(payload[position : position + _COUNT.size])
            position += _COUNT.size
            for column in range(count):
                length = _VALUE_LENGTH.unpack_from(payload, position)[0]
                position += _VALUE_LENGTH.size
                value = None if length < 0 else payload[position : position + length]
                if value is not None and len(value) != length:
                    raise TargetError("the target sent binary COPY data that is cut off")
                position += max(length, 0)
                shown = None if value is None else self._shown(column, value)
                pieces.append(_VALUE_LENGTH.pack(-1 if shown is None else len(shown)))
                pieces.append(shown or b"")
        return b"".join(pieces)

    def _shown(self, column: int, value: bytes) -> bytes | None:
        if self._masks[column] is not None:
            self._counts[column] += 1
            return None
        if self._scanner is None:
            return value
        # Eight bytes with a zero first are no text: most likely an int8.
        if self._card_to_null and len(value) == _INT8_LENGTH and not value[0]:
            return self._card_to_null(value)
        return self._scanner.redact_all(value, self._found)
