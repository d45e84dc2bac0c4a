"""Content encodings of HTTP, and ClickHouse's own block compression (`compress=1`)."""

import struct
import zlib
from collections.abc import Callable
from typing import Protocol

import lz4.block  # type: ignore[import-untyped]  # has no types
import lz4.frame  # type: ignore[import-untyped]
import zstandard
from clickhouse_cityhash.cityhash import CityHash128  # type: ignore[import-untyped]  # has no types


class Encoder(Protocol):
    """Compresses a stream; `compress` may keep bytes back until `flush`, which ends it."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class Decoder(Protocol):
    """Decompresses a stream."""

    def decompress(self, data: bytes, /) -> bytes: ...


class Identity:
    """No compression."""

    def compress(self, data: bytes) -> bytes:
        return data

    def decompress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


class _Lz4:
    def __init__(self) -> None:
        self._compressor = lz4.frame.LZ4FrameCompressor()
        self._has_begun = False

    def compress(self, data: bytes) -> bytes:
        begin = b"" if self._has_begun else self._compressor.begin()
        self._has_begun = True
        return bytes(begin + self._compressor.compress(data))

    def flush(self) -> bytes:
        begin = b"" if self._has_begun else self._compressor.begin()
        return bytes(begin + self._compressor.flush())


class Blocks:
    """ClickHouse's own compression, of answers to `compress=1` (JDBC asks for it): each piece a block of
    checksum (CityHash128), method, both sizes, LZ4 data. "Native protocol: compression" in its docs."""

    def compress(self, data: bytes) -> bytes:
        if not data:
            return b""
        packed = lz4.block.compress(data, store_size=False)
        block = _BLOCK.pack(_BLOCK_LZ4, _BLOCK.size + len(packed), len(data)) + packed
        checksum = CityHash128(block)
        return _CHECKSUM.pack(checksum >> 64, checksum & 0xFFFF_FFFF_FFFF_FFFF) + bytes(block)

    def flush(self) -> bytes:
        return b""


_CHECKSUM = struct.Struct("<QQ")
_BLOCK = struct.Struct("<BII")
_BLOCK_LZ4 = 0x82
_GZIP = 16 + zlib.MAX_WBITS
_LEVEL = 1  # bytes on loopback are cheap, the gateway's processor is not

# In the order ClickHouse prefers them; brotli and snappy are not offered.
_ENCODERS: dict[str, Callable[[], Encoder]] = {
    "lz4": _Lz4,
    "zstd": lambda: zstandard.ZstdCompressor(_LEVEL).compressobj(),
    "gzip": lambda: zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP),
    "deflate": lambda: zlib.compressobj(_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS),
}

_DECODERS: dict[str, Callable[[], Decoder]] = {
    "": Identity,
    "identity": Identity,
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "gzip": lambda: zlib.decompressobj(_GZIP),
    "x-gzip": lambda: zlib.decompressobj(_GZIP),
    "deflate": lambda: zlib.decompressobj(),
}

CORRUPT: tuple[type[Exception], ...] = (zlib.error, zstandard.ZstdError, RuntimeError, EOFError)
"""What a decoder raises for data that is not of its encoding."""


def encoding_for(accept: str) -> str:
    """The encoding to answer with, of those an Accept-Encoding header allows; "" for none."""
    allowed = {
        item.split(";")[0].strip().lower()
        for item in accept.split(",")
        if "q=0" not in item.replace(" ", "").replace("q=0.", "")
    }
    return next((name for name in _ENCODERS if name in allowed), "")


def encoder(encoding: str) -> Encoder:
    """For a result of `encoding_for`."""
    return _ENCODERS[encoding]() if encoding else Identity()


def decoder(encoding: str) -> Decoder | None:
    """For a Content-Encoding header; None when it is not known."""
    make = _DECODERS.get(encoding.strip().lower())
    return make() if make is not None else None
