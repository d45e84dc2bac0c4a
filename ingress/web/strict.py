"""A request's head, read strictly: whatever two readers could read in two ways is refused. Pure.

Request smuggling lives on such differences: h11 takes lines that end in a bare LF, folded lines, and a
Content-Length beside Transfer-Encoding, as RFC 9112 permits a recipient to. A gateway does better to refuse.
Nothing of a head that was refused reaches the target, and the connection ends.
"""

import re
from dataclasses import dataclass

from ingress.errors import ClientError

LONGEST = 64 * 1024  # bytes of a head; nginx and Apache take 8 KiB a line, Node.js 16 KiB in all
MOST_FIELDS = 100  # as Apache

# RFC 9112, section 3: method SP request-target SP HTTP-version, one space each; RFC 9110, 5.6.2: token.
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/(\d)\.(\d)")
# RFC 9112, section 5.1: no white space before the colon. RFC 9110, 5.5: no control characters in values.
_TOKEN = rb"[!#$%&'*+.^`|~0-9A-Za-z_-]+"
_VISIBLE = rb"[\x21-\x7e\x80-\xff]"
_VALUE = rb"(?:" + _VISIBLE + rb"(?:[\t\x20-\x7e\x80-\xff]*" + _VISIBLE + rb")?)?"
_FIELD = re.compile(rb"(" + _TOKEN + rb"):[ \t]*(" + _VALUE + rb")[ \t]*")
_LENGTH = re.compile(rb"\d{1,18}")
# RFC 3986, 3.2.2, without user information and percent-encoding: a registered name or an address, and a port.
_HOST = re.compile(rb"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?")
_SINGLE = (b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding", b"expect",
           b"authorization", b"x-countersign-token", b"upgrade", b"prefer")  # fmt: skip
# Frameworks that obey these would read another method, path or host than was judged.
_OVERRIDES = frozenset(
    (b"x-http-method-override", b"x-http-method", b"x-method-override", b"x-original-url", b"x-rewrite-url",
     b"x-original-uri", b"x-original-host", b"x-host", b"x-forwarded-path", b"x-override-url",
     b"x-original-method", b"x-forwarded-method", b"x-forwarded-uri", b"x-forwarded-url")
)  # fmt: skip


class BadRequest(ClientError):
    """A request that is not served, whoever sends it; `status` is how it is answered."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """A request's head. Names of fields are in lower case; values as they came, without space around."""

    method: str
    target: str
    fields: tuple[tuple[bytes, bytes], ...]
    is_1_0: bool = False

    def field(self, name: bytes) -> bytes | None:
        """The value of the first field of this name."""
        return next((value for found, value in self.fields if found == name), None)

    @property
    def wants_upgrade(self) -> bool:
        """Whether it asks for another protocol on this connection (RFC 9110, section 7.8)."""
        return self.field(b"upgrade") is not None and b"upgrade" in (self.field(b"connection") or b"").lower()

    @property
    def host(self) -> str:
        """The host it asks for, in lower case and without the port; empty where there is none."""
        found = _HOST.fullmatch(self.field(b"host") or b"")
        return found[1].decode().lower() if found else ""


def parse_head(raw: bytes) -> Head:
    """The head of these bytes, which end in an empty line. Raises BadRequest."""
    text = raw[:-4]
    lines = text.split(b"\r\n")
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise BadRequest("a line of the request does not end in CR LF")  # RFC 9112, section 2.2
    first = _REQUEST_LINE.fullmatch(lines[0])
    if first is None:
        raise BadRequest("the request line is not method, target and version with one space between")
    if first[3] != b"1":
        raise BadRequest("this gateway speaks HTTP/1.1", 505)
    if len(lines) - 1 > MOST_FIELDS:
        raise BadRequest(f"the request has more than {MOST_FIELDS} header fields", 431)
    fields = tuple(_field(line) for line in lines[1:])
    head = Head(first[1].decode(), first[2].decode(), fields, is_1_0=first[4] == b"0")
    _check_target(head)
    _check_fields(head)
    _check_framing(head)
    return head


def _field(line: bytes) -> tuple[bytes, bytes]:
    if line[:1] in (b" ", b"\t"):
        raise BadRequest("a header field is folded over lines")  # RFC 9112, section 5.2
    found = _FIELD.fullmatch(line)
    if found is None:
        raise BadRequest("a header field is not name, colon and value")
    name = found[1].lower()
    if b"_" in name:
        # CGI, WSGI and their like read X_Y as X-Y.
        raise BadRequest("the name of a header field has an underscore")
    return name, found[2]


def _check_target(head: Head) -> None:
    if head.method in ("CONNECT", "TRACE", "TRACK"):
        # RFC 9110, 9.3.6 and 9.3.8: the one opens tunnels, the other shows the gateway's credential.
        raise BadRequest(f"the gateway does not serve {head.method}", 405)
    if head.method != head.method.upper():
        raise BadRequest("the method is not in capitals")  # RFC 9110, 9.1: it is case-sensitive
    if not head.target.startswith("/"):
        # RFC 9112, section 3.2: absolute-form names a host of the client's choice.
        raise BadRequest("the request's target is not a path")
    if "#" in head.target:
        raise BadRequest("the request's target has a fragment")


def _check_fields(head: Head) -> None:
    names = [name for name, _ in head.fields]
    for name in _SINGLE:
        if names.count(name) > 1:
            raise BadRequest(f"the header field {name.decode()} is there twice")
    if found := sorted(_OVERRIDES.intersection(names)):
        raise BadRequest(
            f"the header field {found[0].decode()} would have another request read than was sent"
        )
    host = head.field(b"host")
    if host is None and not head.is_1_0:
        raise BadRequest("the request has no Host")  # RFC 9112, section 3.2
    if host is not None and _HOST.fullmatch(host) is None:
        raise BadRequest("the Host is not a name or an address")


def _check_framing(head: Head) -> None:
    """Where the body ends must be beyond doubt (RFC 9112, section 6.3)."""
    length, coding = head.field(b"content-length"), head.field(b"transfer-encoding")
    if length is not None and _LENGTH.fullmatch(length) is None:
        raise BadRequest("Content-Length is not a number")
    if coding is not None:
        if length is not None:
            raise BadRequest("both Content-Length and Transfer-Encoding say how long the body is")
        if head.is_1_0:
            raise BadRequest("Transfer-Encoding in HTTP/1.0")
        if coding.lower() != b"chunked":
            raise BadRequest("the only Transfer-Encoding the gateway knows is chunked", 501)
    expect = head.field(b"expect")
    if expect is not None and expect.lower() != b"100-continue":
        raise BadRequest("the gateway knows no such expectation", 417)
