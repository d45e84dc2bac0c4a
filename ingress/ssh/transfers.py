"""What went through an open file, in frames of a recording (`ingress.interface.Frame.FILE`). Pure.

A frame's payload is one line of JSON, a Transfer with the `offset` at which a part of the file stands, and
after the line that part, masked. The frames of a transfer follow each other when the file is closed, their
parts as they went; of a transfer of which nothing is recorded there is one frame without a part.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum

import msgspec

_PART = 512 * 1024  # bytes in a frame


class Direction(StrEnum):
    """Which way it went."""

    READ = "read"  # to the client
    WRITE = "write"  # to the host


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One way through one open file."""

    command: str  # that opened it
    path: str  # masked, as events have it
    direction: Direction
    bytes: int  # that went through
    sha256: str  # of these; "" where they did not go in order, from the file's beginning or appended to it
    recorded: int  # how many of them the recording has


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header(Transfer):
    offset: int  # in the file, or in what was appended to it


def make_frames(transfer: Transfer, parts: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    """The payloads. `parts`: offset in the file, and bytes."""
    is_empty = True
    for offset, data in parts:
        for start in range(0, len(data), _PART):
            yield _make(transfer, offset + start, data[start : start + _PART])
            is_empty = False
    if is_empty:
        yield _make(transfer, 0, b"")


def parse_frame(payload: bytes) -> tuple[Transfer, int, bytes]:
    """A payload's transfer, the offset of its part, and the part. Raises ValueError."""
    line, newline, data = payload.partition(b"\n")
    try:
        fields = asdict(msgspec.json.decode(line, type=_Header))
    except msgspec.MsgspecError as error:
        raise ValueError(f"a frame of a file does not begin as it should: {error}") from error
    if not newline:
        raise ValueError("a frame of a file ends in its first line")
    return Transfer(**{name: fields[name] for name in fields if name != "offset"}), fields["offset"], data


def _make(transfer: Transfer, offset: int, data: bytes) -> bytes:
    return msgspec.json.encode(_Header(**asdict(transfer), offset=offset)) + b"\n" + data
