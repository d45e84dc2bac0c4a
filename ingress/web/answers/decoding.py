"""Content-Encoding undone (RFC 9110, section 8.4.1), with an end to what a few bytes may become."""

import zlib
from collections.abc import Iterator
from typing import Protocol

import zstandard

from ingress.web.answers.counting import Uninspectable

_AT_ONCE = 256 * 1024  # bytes that leave the decoder before they are passed on
_MOST_TIMES = 200  # DEFLATE reaches 1,032 times; text seldom 20
_FREE = 10 * 1024 * 1024  # bytes below which no ratio counts


class _Decompressor(Protocol):
    def decompress(self, data: bytes, /) -> bytes: ...


class Decoder:
    """One body. `decode` gives it piece by piece, so that a bomb is met before it has grown.

    Raises Uninspectable for a coding it does not know, damaged data, and what grows too much.
    """

    def __init__(self, coding: bytes) -> None:
        name = coding.strip().lower()
        if name in (b"", b"identity"):
            self._inflate, self._zstd = None, None
        elif name in (b"gzip", b"x-gzip"):
            self._inflate, self._zstd = zlib.decompressobj(31), None
        elif name == b"deflate":
            self._inflate, self._zstd = zlib.decompressobj(15), None
        elif name == b"zstd":
            self._inflate, self._zstd = (
                None,
                zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024).decompressobj(),
            )
        else:
            raise Uninspectable(
                f"its Content-Encoding {name.decode('latin-1')!r} is not one the gateway reads"
            )
        self._taken = 0
        self._given = 0

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What these bytes become."""
        self._taken += len(data)
        try:
            if self._inflate is not None:
                yield from self._inflated(data)
            elif self._zstd is not None:
                for start in range(0, len(data), 1024):
                    yield self._grown(self._zstd.decompress(data[start : start + 1024]))
            else:
                yield data
        except (zlib.error, zstandard.ZstdError):
            raise Uninspectable("its compressed body is damaged") from None

    def finish(self) -> None:
        """The body ended here."""
        if self._taken and self._inflate is not None and (not self._inflate.eof or self._inflate.unused_data):
            raise Uninspectable("its compressed body is cut off, or goes on after its end")

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        assert self._inflate is not None
        while data:
            yield self._grown(self._inflate.decompress(data, _AT_ONCE))
            data = self._inflate.unconsumed_tail
        if self._inflate.unused_data:
            raise Uninspectable("its compressed body goes on after its end")

    def _grown(self, piece: bytes) -> bytes:
        self._given += len(piece)
        if self._given > max(_FREE, self._taken * _MOST_TIMES):
            raise Uninspectable("its compressed body grows too much")
        return piece
