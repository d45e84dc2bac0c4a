"""JSON (RFC 8259) masked as it streams by: fields by selector, everything else by detectors.

Tokens are looked at one after the other; what is not masked leaves byte for byte as it came. No more of a
document is held than one token and the names of the objects that are open.
"""

import json
import re
from collections.abc import Callable, Mapping
from enum import Enum

from ingress.web.answers.counting import Counts, Uninspectable
from ingress.web.answers.texts import Texts
from ingress.web.selectors import Path, Selectors
from processors.masking.masks import NOTHING, Mask
from schemas.vocabulary import SensitiveColumn

_TOKEN = re.compile(
    rb'[ \t\r\n]+|[{}\[\]:,]|"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*+"'
    rb"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null"
)
# What is there so far may still become a token.
_BEGINNING = re.compile(
    rb'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*+(?:\\(?:u[0-9A-Fa-f]{0,3})?)?\Z'
    rb"|-?[0-9.eE+-]*\Z|t(?:ru?)?\Z|f(?:a(?:ls?)?)?\Z|n(?:ul?)?\Z"
)
_COMPLETE = b'{}[]:, \t\r\n"'  # tokens that begin so are complete once they match
_LOOK_BEHIND = 4  # bytes after a number that may still belong to it: "1e+" is no token yet
_LONGEST = 16 * 1024 * 1024  # bytes of one string
_DEEPEST = 200
_BOM = b"\xef\xbb\xbf"
_RECORD_SEPARATOR = 0x1E  # RFC 7464


Inner = Callable[[Path, str], bytes | None]
"""What takes the place of a string at this path that is a document itself; None where it is none."""


class _Expect(Enum):
    VALUE = "a value"
    FIRST_VALUE = "a value or ]"
    FIRST_NAME = "a name or }"
    NAME = "a name"
    COLON = "a colon"
    MORE = "a comma or the end"
    NOTHING = "nothing more"


class JsonFilter:
    """One JSON text, or with `many` any number of them one after the other (NDJSON, RFC 7464). `inner`: looks
    at strings that may hold a document. `path`: of the place where this one stands in another."""

    def __init__(
        self,
        selectors: Selectors,
        masks: Mapping[str, Mask],
        texts: Texts,
        counts: Counts,
        *,
        many: bool = False,
        inner: Inner | None = None,
        path: Path = (),
    ) -> None:
        self._selectors = selectors
        self._masks = masks
        self._texts = texts
        self._counts = counts
        self._many = many
        self._inner = inner
        self._rest = b""
        self._is_first = True
        self._expect = _Expect.VALUE
        self._kinds: list[int] = []  # of the containers that are open: "{" or "["
        self._path = list(path)  # of the names of the objects that are open
        self._is_suspect = False  # the token at hand: something in it may have to be masked
        self._hidden_at = 0  # the depth at which a masked container was opened, or 0
        self._rows_at = 0  # the depth of the array whose elements are rows

    def feed(self, data: bytes) -> bytes:
        buffer = self._rest + data
        if self._is_first:
            if len(buffer) < 3 and _BOM.startswith(buffer):
                self._rest = buffer
                return b""
            buffer = buffer.removeprefix(_BOM)
            self._is_first = False
        try:
            return self._work(buffer, is_last=False)
        except UnicodeDecodeError:
            raise Uninspectable("its JSON is not UTF-8") from None

    def finish(self) -> bytes:
        try:
            out = self._work(self._rest, is_last=True)
        except UnicodeDecodeError:
            raise Uninspectable("its JSON is not UTF-8") from None
        if self._rest or self._kinds or (not self._many and self._expect is not _Expect.NOTHING):
            raise Uninspectable("it is no JSON: it ends too early")
        return out

    def _work(self, buffer: bytes, *, is_last: bool) -> bytes:
        if self._many:
            buffer = buffer.translate(_WITHOUT_SEPARATOR)
        places = self._texts.places(buffer) if self._texts else []
        place, last_place = 0, len(places)
        out: list[bytes] = []
        match, size, position, kept = _TOKEN.match, len(buffer), 0, 0
        while position < size:
            found = match(buffer, position)
            end = found.end() if found is not None else position
            first = buffer[position]
            if found is None or (first not in _COMPLETE and size - end < _LOOK_BEHIND and not is_last):
                if not is_last and _BEGINNING.match(buffer, position) is not None:
                    break
                if found is None:
                    raise Uninspectable("it is no JSON")
            if first not in b" \t\r\n":
                token = b"" if first in b"{}[]:," else buffer[position:end]
                while place < last_place and places[place] < position:
                    place += 1
                # An escape may hide from who looks at the bytes.
                self._is_suspect = bool(self._texts) and (
                    (place < last_place and places[place] < end) or b"\\" in token
                )
                replacement = self._token(first, token)
                if replacement is not None:
                    out.append(buffer[kept:position])
                    out.append(replacement)
                    kept = end
            elif self._hidden_at:
                out.append(buffer[kept:position])
                kept = end
            position = end
        out.append(buffer[kept:position])
        self._rest = buffer[position:]
        if len(self._rest) > _LONGEST:
            raise Uninspectable("a string of its JSON is too long to be looked at")
        return b"".join(out)

    def _token(self, first: int, token: bytes) -> bytes | None:
        """What takes this token's place; None where it stays."""
        expect = self._expect
        if first == 0x22 and expect in (_Expect.NAME, _Expect.FIRST_NAME):
            return self._name(token)
        if first in b"{[":
            return self._open(first)
        if first in b"}]":
            return self._close(first)
        if first == 0x2C:
            if expect is not _Expect.MORE or not self._kinds:
                raise self._wrong()
            self._expect = _Expect.NAME if self._kinds[-1] == 0x7B else _Expect.VALUE
            return b"" if self._hidden_at else None
        if first == 0x3A:
            if expect is not _Expect.COLON:
                raise self._wrong()
            self._expect = _Expect.VALUE
            return b"" if self._hidden_at else None
        self._begin_value()
        replacement = self._scalar(first, token)
        self._end_value()
        return replacement

    def _name(self, token: bytes) -> bytes | None:
        self._path[-1] = json.loads(token) if b"\\" in token else token[1:-1].decode()
        self._expect = _Expect.COLON
        if self._hidden_at:
            return b""
        return self._redacted(token) if self._is_suspect else None

    def _begin_value(self) -> None:
        if self._expect is _Expect.NOTHING and self._many:
            self._expect = _Expect.VALUE
        if self._expect not in (_Expect.VALUE, _Expect.FIRST_VALUE):
            raise self._wrong()
        if len(self._kinds) == self._rows_at:
            self._counts.rows += 1

    def _end_value(self) -> None:
        self._expect = _Expect.MORE if self._kinds else _Expect.NOTHING

    def _open(self, kind: int) -> bytes | None:
        hidden = bool(self._hidden_at)
        self._begin_value()
        if not self._kinds and kind == 0x5B:
            # The elements of the outermost array are the rows.
            self._rows_at, self._counts.rows = 1, self._counts.rows - 1
        replacement: bytes | None = b"" if hidden else None
        if not hidden and (entry := self._selected()) is not None and kind == 0x7B:
            self._counts.add(entry.pattern, entry.mask)
            self._hidden_at = len(self._kinds) + 1
            replacement = b"null" if entry.mask == NOTHING else b'"[masked]"'
        self._kinds.append(kind)
        if len(self._kinds) > _DEEPEST:
            raise Uninspectable("its JSON is nested too deeply")
        if kind == 0x7B:
            self._path.append("")
            self._expect = _Expect.FIRST_NAME
        else:
            self._expect = _Expect.FIRST_VALUE
        return replacement

    def _close(self, end: int) -> bytes | None:
        if not self._kinds or self._kinds[-1] != end - 2:
            raise self._wrong()
        empty = _Expect.FIRST_NAME if end == 0x7D else _Expect.FIRST_VALUE
        if self._expect not in (_Expect.MORE, empty):
            raise self._wrong()
        if end == 0x7D:
            self._path.pop()
        depth = len(self._kinds)
        self._kinds.pop()
        self._end_value()
        if not self._hidden_at:
            return None
        if depth == self._hidden_at:
            self._hidden_at = 0
        return b""

    def _scalar(self, first: int, token: bytes) -> bytes | None:
        if self._hidden_at:
            return b""
        if (entry := self._selected()) is not None:
            if first == 0x6E:
                return None  # null stays null
            value = json.loads(token).encode("utf-8", "replace") if first == 0x22 else token
            masked = self._masks[entry.mask](value)
            self._counts.add(entry.pattern, entry.mask)
            return b"null" if masked is None else _quoted(masked)
        if first == 0x22 and self._inner is not None:
            found = self._inner(tuple(self._path), json.loads(token))
            if found is not None:
                return _quoted(found)
        return self._redacted(token) if self._is_suspect else None

    def _selected(self) -> SensitiveColumn | None:
        return self._selectors.match(tuple(self._path)) if self._selectors else None

    def _redacted(self, token: bytes) -> bytes | None:
        if token[0] == 0x22:
            if b"\\" not in token:
                value = token[1:-1]
                found = self._texts.redact(value)
                return None if found is value else b'"' + found + b'"'
            value = json.loads(token).encode("utf-8", "replace")
            found = self._texts.redact(value)
            return None if found is value else _quoted(found)
        found = self._texts.redact(token)
        return None if found is token else _quoted(found)

    def _wrong(self) -> Uninspectable:
        return Uninspectable(f"it is no JSON: expected {self._expect.value}")


_WITHOUT_SEPARATOR = bytes(0x0A if octet == _RECORD_SEPARATOR else octet for octet in range(256))


def _quoted(text: bytes) -> bytes:
    return json.dumps(text.decode("utf-8", "replace"), ensure_ascii=False).encode()
