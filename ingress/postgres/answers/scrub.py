"""Texts beside the rows that may hold values: errors, notices, notifications, settings.

PostgreSQL documentation, "Error and Notice Message Fields" (protocol-error-fields). On a resource with
sensitive columns:

- An error with a position and no context comes from parsing what the client itself wrote: it is shown.
  (With a context the text may be another: `select word::regtype` parses a value.)
- What a function's own code says (RAISE and its kin), and all that is said while a command runs of which
  not everything is proven, is replaced as a whole; so is a SQLSTATE that is not PostgreSQL's own: code may
  choose any five characters.
- A notice of a statement that defines or keeps up objects is shown: it names what the client named. Others
  come from functions that may have been given a value, such as `repeat(card, 5)::regtype`: as errors.
- Any other error comes from the server's own code, in the server's words: quoted text, numbers and what
  follows a colon may be values and are replaced; names of tables, columns and constraints stay.
- Severity and positions stay in any case.

Detectors run over all that is left, and they alone where no column is sensitive.
"""

import re
from collections.abc import Callable, Mapping

from ingress.errors import TargetError
from ingress.postgres.answers.sqlstates import SQLSTATES
from ingress.postgres.sql.words import words
from processors.masking.masks import TOKEN

_SAYING = (b"M", b"D", b"H", b"W", b"q")  # message, detail, hint, where, internal query
_NAMING = (b"s", b"t", b"c", b"d", b"n")  # schema, table, column, data type, constraint
_TOLD = b"The message may hold values that are masked here; the SQLSTATE is the target's."
_TOLD_WITHOUT_CODE = b"The message and its SQLSTATE may hold values that are masked here."

# Source files of the server that pass on what a function's code, or another server, says.
_SPOKEN_BY_CODE = (b"pl_exec.c", b"plpy_", b"plperl", b"Util.", b"SPI.", b"pltcl", b"plv8", b"dblink.c")
_RAISED = b"P0001"
# Transaction state, rollback, resources, operator intervention: the server says nothing of a value in these.
_HARMLESS_CLASSES = (b"25", b"40", b"53", b"57")
_NOTICES = (b"NOTICE", b"WARNING", b"INFO", b"LOG", b"DEBUG")
# Source files of the server that carry out such statements.
_DEFINING = words(
    """
    aclchk.c alter.c analyze.c async.c cluster.c comment.c createas.c dbcommands.c define.c dependency.c
    dropcmds.c event_trigger.c extension.c foreigncmds.c functioncmds.c guc.c heap.c index.c indexcmds.c
    lockcmds.c matview.c namespace.c objectaddress.c parse_utilcmd.c pg_depend.c pg_shdepend.c policy.c
    portalcmds.c prepare.c publicationcmds.c rewriteDefine.c schemacmds.c sequence.c signalfuncs.c
    statscmds.c subscriptioncmds.c tablecmds.c tablespace.c trigger.c typecmds.c user.c utility.c
    vacuum.c vacuumlazy.c variable.c view.c xact.c
    """
)
_FREE_SETTINGS = (b"application_name", b"search_path", b"session_authorization", b"TimeZone")

_QUOTED = re.compile(rb"\".*\"|'.*'", re.DOTALL)
_NUMBER = re.compile(rb"(?<![A-Za-z_])[0-9][0-9A-Fa-fx.,:+-]*")
_AFTER_COLON = re.compile(rb"(?<=: ).*", re.DOTALL)
_QUOTED_TOKEN = b'"' + TOKEN + b'"'
_KEY = re.compile(
    rb"Key \((?P<columns>.*?)\)=\(.*\) "
    rb"(?:(?P<end>already exists\.|is duplicated\.|is not present in table \"[^\"]*\"\."
    rb"|is still referenced from table \"[^\"]*\"\.)|conflicts with (?:existing )?key \(.*\)=\(.*\)\.)",
    re.DOTALL,
)
_FAILING_ROW = re.compile(rb"Failing row contains \(.*\)\.", re.DOTALL)
_PLACE = re.compile(
    rb"(?P<kept>PL/pgSQL function [\w.$\"(), \[\]]+ line \d+ at [A-Za-z/ ]+"
    rb"|SQL function \"[^\"\n]*\" (?:statement \d+|during startup|during inlining)"
    rb"|COPY [\w.$\"]+, line \d+(?:, column [\w.$\"]+)?)(?::.*)?",
    re.DOTALL,
)


class Scrubber:
    """Scrubs what is said while one command runs.

    `sensitive`: the resource has sensitive columns. `proven`: all that the command does is proven. `exports`:
    it may take values of them elsewhere, such as into a setting. `redact`: the detectors.
    """

    def __init__(
        self, *, sensitive: bool, proven: bool, exports: bool, redact: Callable[[bytes], bytes]
    ) -> None:
        self._sensitive = sensitive
        self._proven = proven
        self._exports = exports
        self._redact = redact

    def text(self, body: bytes) -> bytes:
        """The body of an ErrorResponse or NoticeResponse. Raises TargetError when it is malformed."""
        fields = _parse(body)
        if self._sensitive:
            fields = self._without_values(fields)
        shown = (
            kind + (self._redact(value) if kind in _SAYING or kind in _NAMING else value) + b"\0"
            for kind, value in fields.items()
        )
        return b"".join(shown) + b"\0"

    def notification(self, body: bytes) -> bytes:
        """The body of a NotificationResponse: whoever notified, nobody knows where the payload is from."""
        channel_end = body.find(b"\0", 4)
        if channel_end < 0 or not body.endswith(b"\0") or channel_end == len(body) - 1:
            raise TargetError("the target sent a malformed notification")
        payload = body[channel_end + 1 : -1]
        shown = TOKEN if self._sensitive and payload else self._redact(payload)
        return body[: channel_end + 1] + shown + b"\0"

    def parameter(self, body: bytes) -> bytes:
        """The body of a ParameterStatus: a setting may have been computed from a value."""
        name, separator, rest = body.partition(b"\0")
        if not separator or not rest.endswith(b"\0"):
            raise TargetError("the target sent a malformed parameter status")
        if self._sensitive and (self._exports or not self._proven) and name in _FREE_SETTINGS:
            return name + b"\0" + TOKEN + b"\0"
        return name + b"\0" + self._redact(rest[:-1]) + b"\0"

    def _without_values(self, fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        if b"P" in fields and b"W" not in fields:
            return dict(fields)
        code = fields.get(b"C", b"")
        by_code = code == _RAISED or fields.get(b"F", b"").startswith(_SPOKEN_BY_CODE)
        if by_code or not self._proven:
            return _replaced(fields)
        is_notice = fields.get(b"V", fields.get(b"S", b"")) in _NOTICES
        defines = fields.get(b"F", b"").decode("ascii", "replace") in _DEFINING
        if (is_notice and defines) or code.startswith(_HARMLESS_CLASSES):
            # A context may hold what was bound: any session can set log_parameter_max_length_on_error.
            return {k: _scrubbed(k, value, []) if k == b"W" else value for k, value in fields.items()}
        names = [fields[kind] for kind in _NAMING if fields.get(kind)]
        return {kind: _scrubbed(kind, value, names) for kind, value in fields.items()}


def _parse(body: bytes) -> dict[bytes, bytes]:
    if body == b"\0":
        return {}
    if not body.endswith(b"\0\0"):
        raise TargetError("the target sent a malformed error or notice")
    return {field[:1]: field[1:] for field in body[:-2].split(b"\0")}


def _replaced(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Nothing of what is said; a hint says so."""
    shown = {
        kind: TOKEN if kind in _SAYING else value
        for kind, value in fields.items()
        if kind not in _NAMING and kind != b"H"
    }
    if fields.get(b"C", b"").decode("ascii", "replace") not in SQLSTATES:
        return shown | {b"C": _RAISED, b"H": _TOLD_WITHOUT_CODE}
    return shown | {b"H": _TOLD}


def _scrubbed(kind: bytes, value: bytes, names: list[bytes]) -> bytes:
    match kind:
        case b"M" | b"H":
            return _without_quoted(value, names)
        case b"D":
            return _detail(value)
        case b"W":
            place = _PLACE.fullmatch(value)
            return place["kept"] if place and b"\n" not in value else TOKEN
        case b"q":
            return TOKEN
        case _:
            return value


def _detail(value: bytes) -> bytes:
    if key := _KEY.fullmatch(value):
        end = key["end"] or b"conflicts with another key."
        return b"Key (" + key["columns"] + b")=(" + TOKEN + b") " + end
    return b"Failing row contains (" + TOKEN + b")." if _FAILING_ROW.fullmatch(value) else TOKEN


def _without_quoted(value: bytes, names: list[bytes]) -> bytes:
    """The server's words without what may be a value. `names` in double quotes stay."""
    if not value.isascii():  # a value, or words in a language whose quotation marks are not known here
        return TOKEN
    quoted_names = b"|".join(re.escape(b'"' + name + b'"') for name in names)
    parts = re.split(b"(" + quoted_names + b")", value) if names else [value]
    if names and any(
        part.count(b'"') % 2 for part in parts[::2]
    ):  # a name within a value: nothing is certain
        return TOKEN
    parts[::2] = [_NUMBER.sub(b"*", _QUOTED.sub(_QUOTED_TOKEN, part)) for part in parts[::2]]
    return _AFTER_COLON.sub(
        lambda found: found[0] if found[0] in (b"", _QUOTED_TOKEN) else TOKEN, b"".join(parts), count=1
    )
