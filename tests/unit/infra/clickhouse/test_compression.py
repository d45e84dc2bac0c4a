import gzip
import zlib

import lz4.frame  # type: ignore[import-untyped]  # has no types
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from infra.clickhouse.compression import CORRUPT, decoder, encoder, encoding_for

WHOLE = {
    "lz4": (lz4.frame.compress, lz4.frame.decompress),
    "zstd": (zstandard.compress, lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
    "gzip": (gzip.compress, gzip.decompress),
    "deflate": (zlib.compress, zlib.decompress),
    "": (bytes, bytes),
}


@pytest.mark.parametrize("encoding", list(WHOLE))
@given(pieces=st.lists(st.binary(max_size=300), max_size=5))
def test_any_pieces_come_back_as_one(encoding: str, pieces: list[bytes]) -> None:
    made = encoder(encoding)
    compressed = b"".join(made.compress(piece) for piece in pieces) + made.flush()
    assert WHOLE[encoding][1](compressed) == b"".join(pieces)


@pytest.mark.parametrize("encoding", list(WHOLE))
@given(data=st.binary(max_size=500), cut=st.integers(0, 100))
def test_a_body_is_decompressed_however_it_is_cut(encoding: str, data: bytes, cut: int) -> None:
    compressed = WHOLE[encoding][0](data)
    opened = decoder(encoding)
    assert opened is not None
    parts = [part for part in (compressed[:cut], compressed[cut:]) if part]
    assert b"".join(opened.decompress(part) for part in parts) == data


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip", "deflate"])
def test_data_of_another_encoding_is_corrupt(encoding: str) -> None:
    opened = decoder(encoding)
    assert opened is not None
    with pytest.raises(CORRUPT):
        opened.decompress(b"this is no compressed data at all, whatever it says")


@pytest.mark.parametrize(
    ("accept", "encoding"),
    [
        ("", ""),
        ("br", ""),
        ("gzip, deflate", "gzip"),
        ("lz4,zstd", "lz4"),
        ("gzip;q=0.5, zstd;q=1", "zstd"),
        ("gzip;q=0, deflate", "deflate"),
        ("*", ""),
    ],
)
def test_the_encoding_of_an_answer(accept: str, encoding: str) -> None:
    assert encoding_for(accept) == encoding


def test_an_unknown_encoding_is_not_guessed() -> None:
    assert decoder("br") is None
    assert decoder(" GZIP ") is not None
