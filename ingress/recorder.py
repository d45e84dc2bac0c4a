"""The recording of one session: frames of masked bytes -> RecordingChunk events.

A chunk's `frames` is zstd over frames, one after the other: u32 length of the payload, u64 microseconds
since the session began, u8 kind (`ingress.interface.Frame`), payload. Integers are big-endian. The answer's
bytes are one stream: a message may go on in the next frame.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import Literal

import zstandard

from ingress.interface import Frame

FRAME = struct.Struct("!IQB")
_CHUNK = 1024 * 1024  # bytes of frames in a chunk, before compression
_FLUSH_AFTER = 1.0  # seconds a frame may wait to be sent
_PREVIEW = 64 * 1024  # bytes of each command's answer, and of each file, that a preview keeps
_OF_A_FILE = 1024 * 1024  # bytes of each file that a full recording keeps
_MOST_UNDER_WAY = 8  # chunks not durable yet before the session must wait

Level = Literal["full", "preview", "metadata"]


def most_of_a_file_at(level: Level) -> int:
    """How many bytes of what goes through an open file, each way, a recording keeps."""
    return {"full": _OF_A_FILE, "preview": _PREVIEW, "metadata": 0}[level]


class Recorder:
    """`publish(sequence, frames)` makes and sends the event, and gives back a future of its durability.

    `on_pressure`: called when `is_behind` may have changed.
    """

    def __init__(
        self,
        level: Level,
        publish: Callable[[int, bytes], asyncio.Future[None]],
        on_pressure: Callable[[], None],
    ) -> None:
        self._level = level
        self._publish = publish
        self._on_pressure = on_pressure
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._frames: list[bytes] = []
        self._size = 0
        self._sequence = 0
        self._left = _PREVIEW
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None
        self._compressor: zstandard.ZstdCompressor | None = None

    def add(self, kind: Frame, data: bytes) -> None:
        if self._level == "metadata":
            return
        if self._level == "preview":
            if kind is Frame.COMMAND:
                self._left = _PREVIEW
            elif kind is Frame.ANSWER:
                if len(data) > self._left:
                    return
                self._left -= len(data)
        for start in range(0, len(data), _CHUNK):
            self._add(kind, data[start : start + _CHUNK] if len(data) > _CHUNK else data)

    def _add(self, kind: Frame, data: bytes) -> None:
        moment = int((self._loop.time() - self._began) * 1_000_000)
        self._frames.append(FRAME.pack(len(data), moment, kind))
        self._frames.append(data)
        self._size += FRAME.size + len(data)
        if self._size >= _CHUNK:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(_FLUSH_AFTER, self.flush)

    @property
    def is_behind(self) -> bool:
        """So much is on its way to Kafka that the target should wait."""
        return self._under_way >= _MOST_UNDER_WAY

    def flush(self) -> None:
        """Sends what has been recorded until now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._frames:
            return
        if self._compressor is None:
            self._compressor = zstandard.ZstdCompressor(level=1)
        frames, self._frames, self._size = b"".join(self._frames), [], 0
        future = self._publish(self._sequence, self._compressor.compress(frames))
        self._sequence += 1
        self._under_way += 1
        future.add_done_callback(self._sent)

    def _sent(self, future: asyncio.Future[None]) -> None:
        self._under_way -= 1
        self._on_pressure()


def parse_frames(data: bytes) -> list[tuple[Frame, int, bytes]]:
    """The frames of a chunk: kind, microseconds since the session began, payload. Raises ValueError."""
    try:
        plain = zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError("not a recording") from error
    found, position = [], 0
    while position < len(plain):
        if position + FRAME.size > len(plain):
            raise ValueError("a frame of the recording is cut off")
        length, moment, kind = FRAME.unpack_from(plain, position)
        position += FRAME.size
        found.append((Frame(kind), moment, plain[position : position + length]))
        position += length
    return found
