"""Output formats: which can be sent block by block, and how the blocks become one document again.

The engine gives a long answer as blocks, each a whole document of the format. Where documents of a format
can be joined (row formats, perhaps with a header to be dropped from all but the first), an answer of any
length is sent in little memory; the others (JSON, Parquet, Pretty …) must be made as a whole, and are
limited in size.
"""

import re
from collections.abc import Callable

DEFAULT = "TabSeparated"

_CONTENT_TYPES = (
    (
        ("JSONEachRow", "JSONCompactEachRow", "JSONStringsEachRow", "NDJSON", "JSONLines"),
        "application/x-ndjson",
    ),
    (("JSON",), "application/json"),
    (("CSV",), "text/csv"),
    (("TabSeparated", "TSV"), "text/tab-separated-values"),
    (("XML",), "application/xml"),
    (("Native", "RowBinary", "Parquet", "Arrow", "ORC", "Avro", "MsgPack"), "application/octet-stream"),
)

_FORMAT = re.compile(r"\bFORMAT (\w+)(?: SETTINGS [^']*)?$")


def content_type(name: str) -> str:
    """The Content-Type of an answer in this format."""
    for prefixes, kind in _CONTENT_TYPES:
        if name.startswith(prefixes):
            return f"{kind}; charset=UTF-8" if not kind.endswith("octet-stream") else kind
    return "text/plain; charset=UTF-8"


def format_of(canonical: str, default: str) -> str:
    """The format a statement in canonical form is answered in."""
    found = _FORMAT.search(canonical)
    return found[1] if found else default


def _no_header(_document: bytes) -> int:
    return 0


def _lines(count: int) -> Callable[[bytes], int]:
    """Length of the first `count` lines; a line break between double quotes does not end a line."""

    def length(document: bytes) -> int:
        end = 0
        for _ in range(count):
            stop = document.find(b"\n", end)
            while stop >= 0 and document.count(b'"', end, stop) % 2:
                stop = document.find(b"\n", stop + 1)
            if stop < 0:
                return len(document)
            end = stop + 1
        return end

    return length


def _plain_lines(count: int) -> Callable[[bytes], int]:
    """Length of the first `count` lines, where nothing but the end of a line is a line break."""

    def length(document: bytes) -> int:
        end = 0
        for _ in range(count):
            end = document.find(b"\n", end) + 1
            if not end:
                return len(document)
        return end

    return length


def _binary_header(lists: int) -> Callable[[bytes], int]:
    """RowBinaryWithNames…: the number of columns, then `lists` times a string for each."""

    def length(document: bytes) -> int:
        columns, at = _varint(document, 0)
        for _ in range(columns * lists):
            size, at = _varint(document, at)
            at += size
        return at

    return length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


_HEADERS: dict[str, Callable[[bytes], int]] = {
    "Native": _no_header,
    "RowBinary": _no_header,
    "RowBinaryWithNames": _binary_header(1),
    "RowBinaryWithNamesAndTypes": _binary_header(2),
    "JSONEachRow": _no_header,
    "JSONLines": _no_header,
    "NDJSON": _no_header,
    "JSONStringsEachRow": _no_header,
    "JSONCompactEachRow": _no_header,
    "JSONCompactEachRowWithNames": _plain_lines(1),
    "JSONCompactEachRowWithNamesAndTypes": _plain_lines(2),
    "CSV": _no_header,
    "CSVWithNames": _lines(1),
    "CSVWithNamesAndTypes": _lines(2),
    **{
        name + suffix: header
        for name in ("TabSeparated", "TSV")
        for suffix, header in (
            ("", _no_header),
            ("Raw", _no_header),
            ("WithNames", _plain_lines(1)),
            ("WithNamesAndTypes", _plain_lines(2)),
        )
    },
    "Null": _no_header,
}
"""Format -> the length of a document's header. Names are told apart by case, as ClickHouse does."""


def header_of(name: str) -> Callable[[bytes], int] | None:
    """How long a document's header is; None for a format whose documents cannot be joined."""
    return _HEADERS.get(name)
