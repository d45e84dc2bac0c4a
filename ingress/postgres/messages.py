"""The messages of PostgreSQL's frontend/backend protocol 3.0 that the gateway reads or makes.

PostgreSQL documentation, "Message Formats" (protocol-message-formats). `parse_…` reads a body without its
type and length; `make_…` gives whole messages. Integers are big-endian; strings end in a zero byte.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ingress.errors import ProtocolError

PROTOCOL_3_0 = 196608
NEWEST_MINOR = 2  # of the protocol spoken with clients: 3.2, of PostgreSQL 18
SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104
CANCEL_REQUEST = 80877102

_LENGTH = struct.Struct("!I")
_SHORT = struct.Struct("!h")
_FIELD = struct.Struct("!IhIhih")


def make(kind: bytes, body: bytes = b"") -> bytes:
    """A whole message: type, length (which counts itself), body."""
    return kind + _LENGTH.pack(len(body) + 4) + body


def _string(body: bytes, position: int) -> tuple[bytes, int]:
    end = body.find(b"\x00", position)
    if end < 0:
        raise ProtocolError("a string in a message has no end")
    return body[position:end], end + 1


def _text(value: bytes, what: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError(f"{what} is not valid UTF-8") from error


# Start-up


@dataclass(frozen=True, slots=True)
class Startup:
    """StartupMessage: the protocol version asked for and its parameters."""

    minor: int
    parameters: Mapping[str, str]


def parse_startup(body: bytes) -> Startup:
    """The body after the length. Raises ProtocolError unless it is protocol 3."""
    if len(body) < 4:
        raise ProtocolError("the start-up packet is too short")
    version = _LENGTH.unpack_from(body)[0]
    if version >> 16 != 3:
        raise ProtocolError(f"protocol version {version >> 16}.{version & 0xFFFF} is not spoken here; 3.0 is")
    parameters: dict[str, str] = {}
    position = 4
    while position < len(body) and body[position]:
        name, position = _string(body, position)
        value, position = _string(body, position)
        parameters[_text(name, "a start-up parameter")] = _text(value, "a start-up parameter")
    if position != len(body) - 1:
        raise ProtocolError("the start-up packet does not end where it should")
    return Startup(version & 0xFFFF, parameters)


def make_startup(parameters: Mapping[str, str]) -> bytes:
    pairs = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items())
    body = _LENGTH.pack(PROTOCOL_3_0) + pairs + b"\0"
    return _LENGTH.pack(len(body) + 4) + body


def make_ssl_request() -> bytes:
    return struct.pack("!II", 8, SSL_REQUEST)


def make_cancel_request(pid: int, secret: bytes) -> bytes:
    return struct.pack("!III", 12 + len(secret), CANCEL_REQUEST, pid) + secret


def parse_cancel_request(body: bytes) -> tuple[int, bytes]:
    """Process id and secret of a CancelRequest's body (after the length)."""
    if len(body) < 12:
        raise ProtocolError("the cancel request is too short")
    return _LENGTH.unpack_from(body, 4)[0], body[8:]


def make_negotiate_protocol(minor: int, unknown_options: Sequence[str]) -> bytes:
    """NegotiateProtocolVersion: 3.`minor` is spoken with this client, and these options are not."""
    body = struct.pack("!II", PROTOCOL_3_0 + minor, len(unknown_options))
    return make(b"v", body + b"".join(f"{name}\0".encode() for name in unknown_options))


# Authentication

AUTHENTICATION_OK = make(b"R", struct.pack("!I", 0))
AUTHENTICATION_CLEARTEXT = make(b"R", struct.pack("!I", 3))


def make_sasl(*mechanisms: str) -> bytes:
    """AuthenticationSASL: how the client may sign in."""
    return make(b"R", _LENGTH.pack(10) + b"".join(f"{name}\0".encode() for name in mechanisms) + b"\0")


def make_sasl_continue(data: bytes) -> bytes:
    return make(b"R", _LENGTH.pack(11) + data)


def parse_authentication(body: bytes) -> tuple[int, bytes]:
    """The kind of an Authentication message, and what follows it."""
    if len(body) < 4:
        raise ProtocolError("an authentication message is too short")
    return _LENGTH.unpack_from(body)[0], body[4:]


def parse_sasl_mechanisms(rest: bytes) -> list[str]:
    return [name.decode("ascii", "replace") for name in rest.split(b"\0") if name]


def make_password(password: bytes) -> bytes:
    return make(b"p", password + b"\0")


def parse_password(body: bytes) -> str:
    value, end = _string(body, 0)
    if end != len(body):
        raise ProtocolError("the password message does not end where it should")
    return _text(value, "the password")


def make_sasl_initial(mechanism: str, data: bytes) -> bytes:
    return make(b"p", mechanism.encode() + b"\0" + _LENGTH.pack(len(data)) + data)


def parse_sasl_initial(body: bytes) -> tuple[str, bytes]:
    """The mechanism that the client chose, and its first message."""
    mechanism, position = _string(body, 0)
    if len(body) < position + 4 or _LENGTH.unpack_from(body, position)[0] != len(body) - position - 4:
        raise ProtocolError("the SASL message does not end where it should")
    return mechanism.decode("ascii", "replace"), body[position + 4 :]


def make_sasl_response(data: bytes) -> bytes:
    return make(b"p", data)


def make_backend_key(pid: int, secret: bytes) -> bytes:
    return make(b"K", _LENGTH.pack(pid) + secret)


def parse_backend_key(body: bytes) -> tuple[int, bytes]:
    if len(body) < 8:
        raise ProtocolError("BackendKeyData is too short")
    return _LENGTH.unpack_from(body)[0], body[4:]


def make_parameter_status(name: str, value: str) -> bytes:
    return make(b"S", f"{name}\0{value}\0".encode())


def parse_parameter_status(body: bytes) -> tuple[str, str]:
    name, position = _string(body, 0)
    value, _ = _string(body, position)
    return name.decode("utf-8", "replace"), value.decode("utf-8", "replace")


# Commands of the client


def parse_query(body: bytes) -> bytes:
    text, end = _string(body, 0)
    if end != len(body):
        raise ProtocolError("the query message does not end where it should")
    return text


@dataclass(frozen=True, slots=True)
class Parse:
    name: bytes
    text: bytes
    types: tuple[int, ...]


def parse_parse(body: bytes) -> Parse:
    name, position = _string(body, 0)
    text, position = _string(body, position)
    count, position = _count(body, position)
    if len(body) != position + 4 * count:
        raise ProtocolError("the Parse message does not end where it should")
    return Parse(name, text, struct.unpack_from(f"!{count}I", body, position))


def make_parse(name: bytes, text: bytes, types: tuple[int, ...] = ()) -> bytes:
    """`types`: OIDs of the parameters, 0 where the target shall find it out."""
    return make(b"P", name + b"\0" + text + struct.pack(f"!xH{len(types)}I", len(types), *types))


@dataclass(frozen=True, slots=True)
class Bind:
    portal: bytes
    statement: bytes
    formats: tuple[int, ...]
    parameters: tuple[bytes | None, ...]
    result_formats: tuple[int, ...]

    def is_binary(self, number: int) -> bool:
        """The format of parameter `number`, from 1: none is said of text, one of all (55.7, "Bind")."""
        return bool(self.formats) and self.formats[number - 1 if len(self.formats) > 1 else 0] == 1


def parse_bind(body: bytes) -> Bind:
    portal, position = _string(body, 0)
    statement, position = _string(body, position)
    formats, position = _shorts(body, position)
    parameters, position = _values(body, position, "Bind")
    result_formats, position = _shorts(body, position)
    if position != len(body):
        raise ProtocolError("the Bind message does not end where it should")
    return Bind(portal, statement, formats, parameters, result_formats)


def _values(body: bytes, position: int, message: str) -> tuple[tuple[bytes | None, ...], int]:
    """Values with their lengths, and how many there are before them; None is NULL."""
    count, position = _count(body, position)
    values: list[bytes | None] = []
    try:
        for _ in range(count):
            length = _LENGTH.unpack_from(body, position)[0]
            position += 4
            if length == 0xFFFFFFFF:
                values.append(None)
                continue
            if position + length > len(body):
                raise ProtocolError(f"a value in the {message} message is longer than the message")
            values.append(body[position : position + length])
            position += length
    except struct.error as error:
        raise ProtocolError(f"the {message} message is too short") from error
    return tuple(values), position


def make_bind(
    portal: bytes,
    statement: bytes,
    formats: tuple[int, ...] = (),
    parameters: tuple[bytes | None, ...] = (),
    result_formats: tuple[int, ...] = (),
) -> bytes:
    """`formats`: of the parameters; none (all are texts), one for all, or one each. So for the results."""
    head = struct.pack(f"!xH{len(formats)}hH", len(formats), *formats, len(parameters))
    values = b"".join(
        b"\xff\xff\xff\xff" if value is None else _LENGTH.pack(len(value)) + value for value in parameters
    )
    results = struct.pack(f"!H{len(result_formats)}h", len(result_formats), *result_formats)
    return make(b"B", portal + b"\0" + statement + head + values + results)


def _count(body: bytes, position: int) -> tuple[int, int]:
    """An Int16 that counts; PostgreSQL reads it unsigned, as up to 65,535 parameters are permitted."""
    if position + 2 > len(body):
        raise ProtocolError("a message is too short")
    return struct.unpack_from("!H", body, position)[0], position + 2


def _shorts(body: bytes, position: int) -> tuple[tuple[int, ...], int]:
    count, position = _count(body, position)
    if position + 2 * count > len(body):
        raise ProtocolError("a message is too short")
    return struct.unpack_from(f"!{count}h", body, position), position + 2 * count


def parse_target(body: bytes) -> tuple[bytes, bytes]:
    """The kind (b"S" statement, b"P" portal) and name that a Describe or Close is for."""
    kind = body[:1]
    name, end = _string(body, 1)
    if kind not in (b"S", b"P") or end != len(body):
        raise ProtocolError("a Describe or Close message is malformed")
    return kind, name


def make_describe(kind: bytes, name: bytes) -> bytes:
    return make(b"D", kind + name + b"\0")


def make_close(kind: bytes, name: bytes) -> bytes:
    return make(b"C", kind + name + b"\0")


def parse_execute(body: bytes) -> tuple[bytes, int]:
    """Portal name and row limit (0: none)."""
    portal, position = _string(body, 0)
    if len(body) != position + 4:
        raise ProtocolError("the Execute message does not end where it should")
    return portal, _LENGTH.unpack_from(body, position)[0]


def make_execute(portal: bytes) -> bytes:
    return make(b"E", portal + b"\0" + _LENGTH.pack(0))


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """The fast path: a function by its OID, with its arguments. libpq uses it for large objects."""

    function: int
    formats: tuple[int, ...]
    arguments: tuple[bytes | None, ...]
    result_format: int


def parse_function_call(body: bytes) -> FunctionCall:
    if len(body) < 4:
        raise ProtocolError("the FunctionCall message is too short")
    formats, position = _shorts(body, 4)
    arguments, position = _values(body, position, "FunctionCall")
    if position + 2 != len(body):
        raise ProtocolError("the FunctionCall message does not end where it should")
    return FunctionCall(
        _LENGTH.unpack_from(body)[0], formats, arguments, _SHORT.unpack_from(body, position)[0]
    )


SYNC = make(b"S")
FLUSH = make(b"H")
TERMINATE = make(b"X")


# Answers of the server


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a RowDescription."""

    name: str
    table: int  # OID, 0 when the column is not a table's
    attribute: int  # number of the column in its table, 0 likewise
    type: int  # OID
    type_size: int
    type_modifier: int
    format: int  # 0 text, 1 binary


def parse_row_description(body: bytes) -> tuple[Field, ...]:
    count, position = _count(body, 0)
    fields = []
    try:
        for _ in range(count):
            name, position = _string(body, position)
            table, attribute, kind, size, modifier, form = _FIELD.unpack_from(body, position)
            fields.append(
                Field(name.decode("utf-8", "replace"), table, attribute, kind, size, modifier, form)
            )
            position += _FIELD.size
    except struct.error as error:
        raise ProtocolError("a RowDescription is too short") from error
    return tuple(fields)


def make_row_description(fields: Sequence[Field]) -> bytes:
    body = struct.pack("!H", len(fields))
    for f in fields:
        body += f.name.encode() + b"\0"
        body += _FIELD.pack(f.table, f.attribute, f.type, f.type_size, f.type_modifier, f.format)
    return make(b"T", body)


def without_last(body: bytes, count: int) -> bytes:
    """The body of a ParameterDescription without the last so many parameters. Raises ProtocolError."""
    found, start = _count(body, 0)
    left = found - count
    if left < 0 or len(body) != start + 4 * found:
        raise ProtocolError("a ParameterDescription has other parameters than the statement")
    return struct.pack("!H", left) + body[start : start + 4 * left]


def parse_data_row(body: bytes) -> tuple[bytes | None, ...]:
    count, position = _count(body, 0)
    values: list[bytes | None] = []
    try:
        for _ in range(count):
            length = _LENGTH.unpack_from(body, position)[0]
            position += 4
            if length == 0xFFFFFFFF:
                values.append(None)
                continue
            values.append(body[position : position + length])
            position += length
    except struct.error as error:
        raise ProtocolError("a DataRow is too short") from error
    return tuple(values)


def make_data_row(values: Sequence[bytes | None]) -> bytes:
    body = struct.pack("!H", len(values)) + b"".join(
        b"\xff\xff\xff\xff" if value is None else _LENGTH.pack(len(value)) + value for value in values
    )
    return make(b"D", body)


def parse_command_complete(body: bytes) -> tuple[str, int]:
    """The command tag, and the rows it counts (0 where it counts none)."""
    tag = body.rstrip(b"\0").decode("ascii", "replace")
    last = tag.rpartition(" ")[2]
    return tag, int(last) if last.isdigit() else 0


def parse_fields(body: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse or NoticeResponse by their one-letter codes."""
    fields: dict[str, str] = {}
    position = 0
    while position < len(body) and body[position]:
        code = chr(body[position])
        value, position = _string(body, position + 1)
        fields[code] = value.decode("utf-8", "replace")
    return fields


def _make_fields(kind: bytes, fields: Iterable[tuple[str, str]]) -> bytes:
    body = b"".join(code.encode() + value.replace("\0", "").encode() + b"\0" for code, value in fields)
    return make(kind, body + b"\0")


def make_error(
    code: str,
    message: str,
    *,
    severity: str = "ERROR",
    detail: str = "",
    hint: str = "",
    position: int | None = None,
) -> bytes:
    """An ErrorResponse. `position`: 1-based, in characters of the query text."""
    fields = [("S", severity), ("V", severity), ("C", code), ("M", message)]
    fields += [(key, value) for key, value in (("D", detail), ("H", hint)) if value]
    if position is not None:
        fields.append(("P", str(position)))
    return _make_fields(b"E", fields)


def shift_position(body: bytes, shift: int | None) -> bytes:
    """The body of an ErrorResponse about a text in which `shift` characters stand before the client's own;
    None: the text is another, and positions in it mean nothing to the client."""
    fields = [field for field in body.rstrip(b"\0").split(b"\0") if field]
    shown = []
    for field in fields:
        if field[:1] == b"P":
            place = int(field[1:]) - shift if shift is not None and field[1:].isdigit() else 0
            if place > 0:
                shown.append(b"P%d" % place)
        else:
            shown.append(field)
    return b"".join(field + b"\0" for field in shown) + b"\0"


def make_notice(message: str, *, code: str = "00000", detail: str = "") -> bytes:
    fields = [("S", "NOTICE"), ("V", "NOTICE"), ("C", code), ("M", message)]
    if detail:
        fields.append(("D", detail))
    return _make_fields(b"N", fields)


def make_ready(status: bytes) -> bytes:
    """ReadyForQuery: b"I" idle, b"T" in a transaction, b"E" in a failed one."""
    return make(b"Z", status)


EMPTY_QUERY = make(b"I")
