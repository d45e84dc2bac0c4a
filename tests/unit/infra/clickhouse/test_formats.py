import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.clickhouse.formats import content_type, format_of, header_of


@pytest.mark.parametrize(
    ("canonical", "expected"),
    [
        ("SELECT 1", "TabSeparated"),
        ("SELECT 1 FORMAT JSON", "JSON"),
        ("SELECT 1 FORMAT JSON SETTINGS max_threads = 1", "JSON"),
        ("SELECT 1 SETTINGS max_threads = 1 FORMAT CSV", "CSV"),
        ("SELECT ' FORMAT JSON'", "TabSeparated"),
        ("SELECT ' FORMAT JSON' FORMAT CSV", "CSV"),
        ("EXPLAIN SELECT 1 FORMAT TSV", "TSV"),
    ],
)
def test_the_format_of_a_statement(canonical: str, expected: str) -> None:
    assert format_of(canonical, "TabSeparated") == expected


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


@given(
    st.lists(st.tuples(st.binary(max_size=200), st.sampled_from([b"UInt64", b"String"])), max_size=200),
    st.binary(max_size=50),
)
def test_the_header_of_row_binary(columns: list[tuple[bytes, bytes]], rows: bytes) -> None:
    names = b"".join(_varint(len(name)) + name for name, _ in columns)
    types = b"".join(_varint(len(kind)) + kind for _, kind in columns)
    for name, header in (
        ("RowBinaryWithNames", _varint(len(columns)) + names),
        ("RowBinaryWithNamesAndTypes", _varint(len(columns)) + names + types),
        ("RowBinary", b""),
    ):
        length = header_of(name)
        assert length is not None
        assert length(header + rows) == len(header)


@pytest.mark.parametrize(
    ("name", "document", "header"),
    [
        ("TSV", b"1\t2\n", b""),
        ("TSVWithNames", b"a\tb\n1\t2\n", b"a\tb\n"),
        ("TabSeparatedWithNamesAndTypes", b"a\nInt8\n1\n", b"a\nInt8\n"),
        ("CSVWithNames", b'"a","b"\n1,2\n', b'"a","b"\n'),
        ("CSVWithNames", b'"a\nb","say ""x\n"""\n1,2\n', b'"a\nb","say ""x\n"""\n'),
        ("CSVWithNamesAndTypes", b'"a"\n"Int8"\n1\n', b'"a"\n"Int8"\n'),
        ("JSONCompactEachRowWithNames", b'["a\\"b"]\n[1]\n', b'["a\\"b"]\n'),
        ("JSONEachRow", b'{"a":1}\n', b""),
        ("Native", b"\x01\x02", b""),
        ("TSVWithNames", b"a", b"a"),
        ("CSVWithNames", b'"a', b'"a'),
    ],
)
def test_the_header_of_a_document(name: str, document: bytes, header: bytes) -> None:
    length = header_of(name)
    assert length is not None
    assert document[: length(document)] == header


@pytest.mark.parametrize("name", ["JSON", "JSONCompact", "Parquet", "Pretty", "Vertical", "XML", "native"])
def test_documents_that_cannot_be_joined(name: str) -> None:
    assert header_of(name) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("JSON", "application/json; charset=UTF-8"),
        ("JSONEachRow", "application/x-ndjson; charset=UTF-8"),
        ("CSVWithNames", "text/csv; charset=UTF-8"),
        ("TabSeparated", "text/tab-separated-values; charset=UTF-8"),
        ("Native", "application/octet-stream"),
        ("Pretty", "text/plain; charset=UTF-8"),
    ],
)
def test_content_types(name: str, kind: str) -> None:
    assert content_type(name) == kind
