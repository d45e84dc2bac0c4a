"""A recording's bytes -> what happened in the session, in order, for people and for scripts. Pure.

The bytes are zstd over frames (`ingress/recorder.py`); how an answer reads is its protocol's matter, so there
is a reader a format. What a recording holds was masked before it was written.
"""

import codecs
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

import zstandard

from api.cli.output import table
from api.cli.postgres_values import as_text
from api.visible import visible
from ingress.errors import ProtocolError, TargetError
from ingress.interface import Frame
from ingress.postgres.codec import Block, Message, TargetReader
from ingress.postgres.messages import (
    Field,
    parse_command_complete,
    parse_data_row,
    parse_fields,
    parse_row_description,
)
from ingress.recorder import FRAME
from ingress.ssh.transfers import Direction, Transfer, parse_frame
from ingress.terminal.cast import MARKER, OUTPUT

_LONGEST_FRAME = 64 * 1024 * 1024
_ROWS_AT_ONCE = 500  # rows whose widths are made equal


class NotARecording(Exception):
    """The bytes are not what a recorder writes, or end too early."""


class Kind(StrEnum):
    COMMAND = "command"
    NOTE = "note"  # a refusal, a decision
    ROWS = "rows"
    DATA = "data"  # COPY
    DONE = "done"  # the target's word at the end of a command: "DELETE 1"
    NOTICE = "notice"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `at`: seconds since the session began."""

    kind: Kind
    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str | None, ...], ...] = ()
    at: float = 0.0

    def as_json(self) -> dict[str, Any]:
        if self.kind is Kind.ROWS:
            return {"at": self.at, "kind": self.kind, "columns": self.columns, "rows": self.rows}
        return {"at": self.at, "kind": self.kind, "text": self.text}


class AnswerReader(Protocol):
    """Reads the answers of one protocol, whose bytes come in any pieces."""

    def receive(self, data: bytes) -> Iterator[Entry]: ...


def entries(chunks: Iterable[bytes], answers: AnswerReader) -> Iterator[Entry]:
    """What happened, from the bytes of a recording in any pieces. Raises NotARecording."""
    files = _Files()
    for kind, microseconds, payload in frames(chunks):
        at = microseconds / 1_000_000
        if kind is Frame.ANSWER:
            try:
                for entry in answers.receive(payload):
                    yield replace(entry, at=at)
            except (TargetError, ProtocolError) as error:
                raise NotARecording(f"an answer cannot be read: {error}") from error
        elif kind is Frame.FILE:
            if text := files.receive(payload):
                yield Entry(Kind.NOTE, text, at=at)
        else:
            text = payload.decode("utf-8", "replace")
            yield Entry(Kind.COMMAND if kind is Frame.COMMAND else Kind.NOTE, text, at=at)


def frames(chunks: Iterable[bytes]) -> Iterator[tuple[Frame, int, bytes]]:
    """Kind, microseconds since the session began, payload. Raises NotARecording."""
    decompressor = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True)
    buffer = bytearray()
    for chunk in chunks:
        try:
            buffer += decompressor.decompress(chunk)
        except zstandard.ZstdError as error:
            raise NotARecording(f"it does not decompress: {error}") from error
        while len(buffer) >= FRAME.size:
            length, moment, kind = FRAME.unpack_from(buffer)
            if length > _LONGEST_FRAME or kind not in set(Frame):
                raise NotARecording("a frame has a length or kind that no recorder writes")
            if len(buffer) < FRAME.size + length:
                break
            yield Frame(kind), moment, bytes(buffer[FRAME.size : FRAME.size + length])
            del buffer[: FRAME.size + length]
    if buffer:
        raise NotARecording("it ends in the middle of a frame")


class _Files:
    """Frames about files: what is said of each transfer, once."""

    def __init__(self) -> None:
        self._said: Transfer | None = None

    def receive(self, payload: bytes) -> str:
        """What to say of it: nothing where it goes on with what was said. Raises NotARecording."""
        try:
            transfer, _, _ = parse_frame(payload)
        except ValueError as error:
            raise NotARecording(str(error)) from error
        if transfer == self._said:
            return ""
        self._said = transfer
        went = "read" if transfer.direction is Direction.READ else "written"
        digest = f"sha256:{transfer.sha256}" if transfer.sha256 else "not from its beginning on, in order"
        return f"{transfer.path}: {transfer.bytes} bytes {went}, {digest}; {transfer.recorded} recorded"


@dataclass(slots=True)
class PostgresAnswers:
    """Backend messages of PostgreSQL's protocol 3.0."""

    _reader: TargetReader = field(default_factory=TargetReader)
    _fields: tuple[Field, ...] = ()

    def receive(self, data: bytes) -> Iterator[Entry]:
        for found in self._reader.receive_data(data):
            if isinstance(found, Block):
                yield from self._block(found)
            elif isinstance(found, Message):
                yield from self._message(found)

    def _message(self, message: Message) -> Iterator[Entry]:
        match message.kind:
            case b"T":
                self._fields = parse_row_description(message.body)
            case b"C":
                yield Entry(Kind.DONE, parse_command_complete(message.body)[0])
            case b"E":
                yield Entry(Kind.ERROR, _report(parse_fields(message.body)))
            case b"N":
                yield Entry(Kind.NOTICE, _report(parse_fields(message.body)))
            case b"s":
                yield Entry(Kind.NOTICE, "(suspended: the client took a part of the rows)")

    def _block(self, block: Block) -> Iterator[Entry]:
        bodies = _bodies(block)
        if block.kind == b"d":
            yield Entry(Kind.DATA, b"".join(bodies).decode("utf-8", "replace"))
            return
        columns = tuple(column.name for column in self._fields)
        rows = [self._row(body) for body in bodies]
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            yield Entry(Kind.ROWS, columns=columns, rows=tuple(rows[start : start + _ROWS_AT_ONCE]))

    def _row(self, body: bytes) -> tuple[str | None, ...]:
        return tuple(self._value(number, value) for number, value in enumerate(parse_data_row(body)))

    def _value(self, number: int, value: bytes | None) -> str | None:
        if value is None:
            return None
        if number < len(self._fields) and self._fields[number].format == 1:
            return as_text(self._fields[number].type, value)
        return value.decode("utf-8", "replace")


@dataclass(slots=True)
class HttpAnswers:
    """Heads and bodies of HTTP answers, as they were sent."""

    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )

    def receive(self, data: bytes) -> Iterator[Entry]:
        if text := self._decoder.decode(data):
            yield Entry(Kind.DATA, text)


@dataclass(slots=True)
class CastAnswers:
    """Events of asciicast v2, as SSH and Kubernetes sessions have it: what the client saw, by line."""

    _lines: bytearray = field(default_factory=bytearray)
    _shown: str = ""  # of a line that has not ended

    def receive(self, data: bytes) -> Iterator[Entry]:
        self._lines += data
        *whole, rest = self._lines.split(b"\n")
        self._lines = bytearray(rest)
        for line in whole:
            try:
                event = json.loads(line)
            except ValueError as error:
                raise TargetError("a line of the recording is no event") from error
            if isinstance(event, list):  # the header is none
                yield from self._event(event[1], event[2])

    def _event(self, code: str, data: str) -> Iterator[Entry]:
        shown = self._shown + data.replace("\r\n", "\n") if code == OUTPUT else self._shown
        if code == MARKER:  # another command begins
            lines, rest = shown, ""
        elif code == OUTPUT:
            lines, _, rest = shown.rpartition("\n")
            lines += "\n" if lines else ""
        else:
            return
        self._shown = rest
        if lines:
            yield Entry(Kind.DATA, lines)


READERS: dict[str, Callable[[], AnswerReader]] = {
    "postgres": PostgresAnswers,
    "ssh": CastAnswers,
    "kubernetes": CastAnswers,
    "http": HttpAnswers,
}
"""The format a recording names -> what reads its answers."""


def lines(entry: Entry, *, heading: bool = True) -> Iterator[str]:
    """The entry for a terminal. `heading`: rows with the names of their columns above them."""
    match entry.kind:
        case Kind.COMMAND:
            yield ""
            yield f"[{_clock(entry.at)}] {visible(entry.text)}"
        case Kind.ROWS:
            yield from table(entry.columns, entry.rows, heading=heading)
        case Kind.NOTE:
            yield f"-- {visible(entry.text)}"
        case _:
            yield from visible(entry.text).rstrip("\n").split("\n")


def _report(fields: dict[str, str]) -> str:
    """An ErrorResponse or NoticeResponse as psql shows it (PostgreSQL, "Error and Notice Message Fields")."""
    text = f"{fields.get('S', 'ERROR')}:  {fields.get('M', '')}"
    for code, label in (("D", "DETAIL"), ("H", "HINT")):
        if code in fields:
            text += f"\n{label}:  {fields[code]}"
    return text


def _bodies(block: Block) -> list[bytes]:
    bodies, position = [], 0
    while position < len(block.data):
        length = int.from_bytes(block.data[position + 1 : position + 5])
        bodies.append(block.data[position + 5 : position + 1 + length])
        position += 1 + length
    return bodies


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):02d}:{rest:06.3f}"
