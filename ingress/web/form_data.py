"""A body of multipart/form-data (RFC 7578), read as every target reads it, or not at all. Pure.

Frameworks differ on what stands before the first boundary, on folded and repeated header lines, on
`filename*` and backslashes in names, on lines that end in LF alone, and on boundaries in odd characters.
Files have been smuggled past gateways by each of them. Only what all read alike is read here.
"""

import re
from dataclasses import dataclass

MEDIA_TYPE = "multipart/form-data"
_MOST_PARTS = 1000
# RFC 2046, section 5.1.1, without the blank, and without what has to be quoted but often is not.
_CONTENT_TYPE = re.compile(rb'multipart/form-data; ?boundary=("?)([0-9A-Za-z\'_+.-]{1,70})\1', re.IGNORECASE)
# RFC 7578, section 4.2: browsers write quotes and line ends in names as %22, %0D and %0A.
_TEXT = rb'"([^"\\\x00-\x1f\x7f]*)"'
_DISPOSITION = re.compile(rb"form-data; ?name=" + _TEXT + rb"(?:; ?filename=" + _TEXT + rb")?", re.IGNORECASE)
_TYPE = re.compile(rb"[0-9A-Za-z.+-]+/[0-9A-Za-z.+-]+(?:; ?charset=(?:utf-8|us-ascii))?", re.IGNORECASE)


class Unreadable(ValueError):
    """A form that targets may read in several ways; says which."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form. `file`: its file's name; None for a field that is no file, whose data is UTF-8."""

    name: str
    file: str | None
    media_type: str
    data: bytes


def read_form_data(content_type: bytes, body: bytes) -> tuple[Part, ...]:
    """The parts, in order. Raises Unreadable."""
    found = _CONTENT_TYPE.fullmatch(content_type)
    if found is None:
        raise Unreadable("its form's boundary is not named in the one way that all read")
    delimiter = b"--" + found[2]
    first, *rest = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if first or not rest or rest[-1] not in (b"--", b"--\r\n"):
        raise Unreadable("its form does not begin and end with its boundary")
    if len(rest) > _MOST_PARTS:
        raise Unreadable("its form has too many parts")
    if body.count(delimiter) != len(rest):
        raise Unreadable("its form has its boundary inside a part")
    return tuple(_part(raw) for raw in rest[:-1])


def _part(raw: bytes) -> Part:
    head, end, data = raw.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not raw.startswith(b"\r\n") or not end:
        raise Unreadable("a part of its form has no head")
    fields: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or name in fields or name not in (b"content-disposition", b"content-type"):
            raise Unreadable("a part of its form has a head that targets read differently")
        fields[name] = value.strip(b" \t")
    disposition = _DISPOSITION.fullmatch(fields.get(b"content-disposition", b""))
    media = fields.get(b"content-type", b"text/plain")
    if disposition is None or _TYPE.fullmatch(media) is None:
        raise Unreadable("a part of its form has a head that targets read differently")
    try:
        name_text = disposition[1].decode()
        file = disposition[2].decode() if disposition[2] is not None else None
        if file is None:
            data.decode()
    except UnicodeDecodeError:
        raise Unreadable("its form is not UTF-8") from None
    if name_text.lower() == "_charset_":
        raise Unreadable("its form names an encoding")  # RFC 7578, section 4.6
    return Part(name_text, file, media.split(b";")[0].decode().lower(), data)
