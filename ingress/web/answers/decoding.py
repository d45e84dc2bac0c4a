"""Content-Encoding undone (RFC 9110, section 8.4.1), with an end to what a few bytes may become."""

import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli
import zstandard

from ingress.web.answers.counting import Uninspectable

_AT_ONCE = 256 * 1024  # bytes that leave the decoder before they are passed on
_MOST_TIMES = 200  # DEFLATE reaches 1,032 times; text seldom 20
_FREE = 10 * 1024 * 1024  # bytes below which no ratio counts


class _Coding(Protocol):
    """One coding undone. `is_whole`: whether what has come ends where the coding says."""

    @property
    def is_whole(self) -> bool: ...
    def undone(self, data: bytes) -> Iterator[bytes]: ...


class Decoder:
    """One body. `decode` gives it piece by piece, so that a bomb is met before it has grown.

    Raises Uninspectable for a coding it does not know, damaged data, and what grows too much.
    """

    def __init__(self, coding: bytes) -> None:
        self._coding = _coding(coding)
        self._taken = 0
        self._given = 0

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What these bytes become."""
        if self._coding is None:
            yield data
            return
        self._taken += len(data)
        try:
            for piece in self._coding.undone(data):
                self._given += len(piece)
                if self._given > max(_FREE, self._taken * _MOST_TIMES):
                    raise Uninspectable("its compressed body grows too much")
                yield piece
        except (zlib.error, zstandard.ZstdError, brotli.error):
            raise Uninspectable("its compressed body is damaged") from None

    def finish(self) -> None:
        """The body ended here."""
        if self._taken and self._coding is not None and not self._coding.is_whole:
            raise Uninspectable("its compressed body is cut off, or goes on after its end")


def _coding(name: bytes) -> _Coding | None:
    match name.strip().lower():
        case b"" | b"identity":
            return None
        case b"gzip" | b"x-gzip":
            return _Deflate(31)
        case b"deflate":
            return _Deflate(15)
        case b"zstd":
            return _Zstd()
        case b"br":
            return _Brotli()
        case other:
            raise Uninspectable(
                f"its Content-Encoding {other.decode('latin-1')!r} is not one the gateway reads"
            )


class _Deflate:
    """`bits`: of the window, and how it is framed, as zlib has them."""

    def __init__(self, bits: int) -> None:
        self._inflate = zlib.decompressobj(bits)

    @property
    def is_whole(self) -> bool:
        return self._inflate.eof and not self._inflate.unused_data

    def undone(self, data: bytes) -> Iterator[bytes]:
        while data:
            yield self._inflate.decompress(data, _AT_ONCE)
            data = self._inflate.unconsumed_tail
        if self._inflate.unused_data:
            raise Uninspectable("its compressed body goes on after its end")


class _Zstd:
    """RFC 8878, one frame."""

    def __init__(self) -> None:
        self._decompress = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024).decompressobj()

    @property
    def is_whole(self) -> bool:
        return self._decompress.eof and not self._decompress.unused_data

    def undone(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), 1024):
            if self._decompress.eof:
                raise Uninspectable("its compressed body goes on after its end")
            yield self._decompress.decompress(data[start : start + 1024])


class _Brotli:
    """RFC 7932."""

    def __init__(self) -> None:
        self._decompress = brotli.Decompressor()

    @property
    def is_whole(self) -> bool:
        return bool(self._decompress.is_finished())

    def undone(self, data: bytes) -> Iterator[bytes]:
        yield self._decompress.process(data, output_buffer_limit=_AT_ONCE)
        while not self._decompress.can_accept_more_data():
            yield self._decompress.process(b"", output_buffer_limit=_AT_ONCE)
