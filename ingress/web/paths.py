"""A request's target -> the one path and query that anybody reads there, or a refusal. Pure.

The target decides what a path means; frameworks differ on dots, doubled and encoded slashes, parameters after
`;`, and what is decoded how often. Rules can hold only where all of them read the same: the rest is refused,
and what is left is sent on in its normal form (RFC 3986, section 6.2.2), the form the rules saw.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from ingress.web.strict import BadRequest

# RFC 3986, 2.3: unreserved characters mean the same encoded or not.
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})?")
# What splits, ends or climbs when something decodes it once more.
_SPECIAL = frozenset("/\\;?#%")
_SLASH = re.compile("%2F", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@%-]*")
# What nobody could read in two ways, as nearly every segment is: it needs no closer look.
_SIMPLE = re.compile(r"[A-Za-z0-9_~-]+(?:\.[A-Za-z0-9_~-]+)*")


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """`path` and `query` (without "?"; None where there is none) in normal form, percent-encoded."""

    path: str
    query: str | None

    @property
    def has_encoded_slash(self) -> bool:
        return _SLASH.search(self.path) is not None

    def __str__(self) -> str:
        return self.path if self.query is None else f"{self.path}?{self.query}"


def parse_target(target: str, *, keeps_slashes: bool = False) -> RequestTarget:
    """The target in normal form. Raises BadRequest for one that could be read in several ways.

    `keeps_slashes`: an encoded slash is part of its segment, as it is for some APIs."""
    path, mark, query = target.partition("?")
    segments = path.split("/")
    for number, segment in enumerate(segments):
        # An encoded slash divides where it is decoded: what is on its sides has to be a segment too.
        parts = _SLASH.split(segment) if keeps_slashes else [segment]
        for part in parts:
            _check_segment(part, is_edge=len(parts) == 1 and number in (0, len(segments) - 1))
    return RequestTarget("/".join(map(_normal, segments)), _normal_query(query) if mark else None)


def _check_segment(segment: str, *, is_edge: bool) -> None:
    if _SIMPLE.fullmatch(segment) is not None:
        return
    if not segment and not is_edge:
        raise BadRequest("the path has an empty segment (//): targets differ on what it means")
    if _PLAIN.fullmatch(segment) is None:
        raise BadRequest(
            "the path has a character that has to be percent-encoded, or that targets read in two ways"
        )
    decoded = _decoded(segment)
    if decoded in (".", ".."):
        raise BadRequest("the path has a segment of dots: send the path it leads to")
    for form in (decoded, unicodedata.normalize("NFKC", decoded)):
        if found := _SPECIAL.intersection(form):
            raise BadRequest(
                f"the path has an encoded {' '.join(sorted(found))}: targets differ on what it means"
            )
        if form.strip(". ") == "" and form:
            raise BadRequest("the path has a segment of dots: send the path it leads to")
        if not form.isprintable():
            raise BadRequest("the path has a control character")
    if decoded != decoded.rstrip(". ") or decoded != decoded.lstrip(" "):
        # Windows leaves dots and blanks at the end away.
        raise BadRequest("a segment of the path ends in a dot or a blank: targets differ on what it means")


def _decoded(text: str) -> str:
    for found in _ENCODED.finditer(text):
        if found[1] is None:
            raise BadRequest("a percent sign in the target is not followed by two hexadecimal digits")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise BadRequest("the target is not UTF-8 once it is decoded") from None


def _normal(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        octet = int(found[1], 16)
        return chr(octet) if octet in _UNRESERVED else f"%{octet:02X}"

    return _ENCODED.sub(one, text)


def _normal_query(query: str) -> str:
    if not query.isprintable():
        raise BadRequest("the query has a control character")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in _decoded(query)):
        raise BadRequest("the query has an encoded control character")
    return _normal(query)


def readings(path: str) -> tuple[str, ...]:
    """The paths that rules are held against: decoded, and also without the slash at its end, which many
    targets do not care for. Of a path with encoded slashes both: with them, and as if they were none."""
    decoded = "%2F".join(unquote_to_bytes(part).decode() for part in _SLASH.split(path))
    if "%2F" in decoded:
        return (decoded, *readings(_SLASH.sub("/", path)))
    return (decoded, decoded.rstrip("/")) if decoded.endswith("/") and decoded != "/" else (decoded,)


def pairs(query: str | None) -> tuple[tuple[str, str], ...]:
    """Names and values of a query, decoded; `;` between them counts too, as some targets have it."""
    if not query:
        return ()
    found = []
    for part in re.split("[&;]", query):
        name, _, value = part.partition("=")
        found.append((_form_decoded(name), _form_decoded(value)))
    return tuple(found)


def _form_decoded(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")
