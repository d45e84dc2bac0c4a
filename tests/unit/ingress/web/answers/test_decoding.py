import gzip
import zlib

import brotli
import pytest
import zstandard

from ingress.web.answers.counting import Uninspectable
from ingress.web.answers.decoding import Decoder

TEXT = b'{"a": 1}' * 1000


def decoded(coding: bytes, data: bytes, size: int = 100) -> bytes:
    decoder = Decoder(coding)
    pieces = [
        piece for start in range(0, len(data), size) for piece in decoder.decode(data[start : start + size])
    ]
    decoder.finish()
    return b"".join(pieces)


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        (b"", TEXT),
        (b"identity", TEXT),
        (b"gzip", gzip.compress(TEXT)),
        (b"X-GZIP", gzip.compress(TEXT)),
        (b"deflate", zlib.compress(TEXT)),
        (b"zstd", zstandard.compress(TEXT)),
        (b"br", brotli.compress(TEXT)),
    ],
)
def test_codings_that_are_undone(coding: bytes, data: bytes) -> None:
    assert decoded(coding, data) == decoded(coding, data, 1) == TEXT


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        (b"br", TEXT),
        (b"gzip, gzip", TEXT),
        (b"gzip", TEXT),
        (b"gzip", gzip.compress(TEXT)[:-4]),
        (b"gzip", gzip.compress(TEXT) + gzip.compress(TEXT)),
        (b"gzip", gzip.compress(TEXT) + b"x"),
        (b"gzip", gzip.compress(bytes(50_000_000))),
        (b"zstd", zstandard.compress(TEXT)[:-4]),
        (b"zstd", zstandard.compress(TEXT) * 2),
        (b"zstd", zstandard.compress(bytes(50_000_000))),
        (b"br", brotli.compress(TEXT)[:-4]),
        (b"br", brotli.compress(TEXT) + b"x"),
        (b"br", brotli.compress(bytes(50_000_000))),
        (b"br, gzip", TEXT),
    ],
)
def test_what_is_not(coding: bytes, data: bytes) -> None:
    with pytest.raises(Uninspectable):
        decoded(coding, data)
