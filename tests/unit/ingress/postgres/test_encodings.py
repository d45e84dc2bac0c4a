"""Which client encodings are read."""

import pytest

from ingress.postgres.encodings import decode, is_read


@pytest.mark.parametrize(
    "name", ["UTF8", "utf-8", "Unicode", "LATIN1", "latin-9", "ISO_8859_5", "windows-1252"]
)
def test_what_keeps_ascii_bytes_for_ascii_characters_is_read(name: str) -> None:
    assert is_read(name)


@pytest.mark.parametrize(
    "name", ["SJIS", "BIG5", "GBK", "GB18030", "UHC", "JOHAB", "mskanji", "windows949", "x"]
)
def test_what_hides_ascii_bytes_in_other_characters_is_refused(name: str) -> None:
    assert not is_read(name)


@pytest.mark.parametrize(
    ("raw", "encoding", "text"),
    [
        ("€".encode(), "UTF8", "€"),
        (b"\xa4", "LATIN9", "€"),
        (b"\x80", "WIN1252", "€"),
        (b"\xe9", "UTF8", None),
        (b"\x81", "WIN1252", None),
        (b"\xa4\xa2", "EUC_JP", None),
        (b"\xc3\xa9", "SQL_ASCII", None),
        (b"select 1", "EUC_JP", "select 1"),
        (b"select 1", "nobody knows", "select 1"),
    ],
)
def test_a_text_is_what_the_server_reads_or_nothing(raw: bytes, encoding: str, text: str | None) -> None:
    assert decode(raw, encoding) == text
