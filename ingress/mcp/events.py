"""Server-sent events (WHATWG HTML, section 9.2) of MCP: bytes -> events, and back. No I/O."""

import re
from dataclasses import dataclass

from ingress.web.answers.counting import Uninspectable

_LONGEST = 16 * 1024 * 1024  # bytes of one event
_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n|\Z))")
_LINE = re.compile(rb"\r\n|\n|\r")
_RETRY = re.compile(r"[0-9]{1,9}")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `data` is empty where a server only says where the stream stands (MCP 2025-11-25)."""

    data: bytes
    id: str = ""
    name: str = ""
    retry: str = ""  # milliseconds

    def encode(self) -> bytes:
        lines = [
            f"{name}: {value}".encode()
            for name, value in (("event", self.name), ("id", self.id), ("retry", self.retry))
            if value
        ]
        lines += [b"data: " + line for line in _LINE.split(self.data)]
        return b"\n".join(lines) + b"\n\n"


class EventReader:
    """One stream. Comments are left out: they are for nobody."""

    def __init__(self) -> None:
        self._rest = b""
        self._has_begun = False

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete. Raises Uninspectable for one that is too long or no UTF-8."""
        self._rest += data
        if not self._has_begun and len(self._rest) >= len(_BOM):
            self._rest = self._rest.removeprefix(_BOM)
            self._has_begun = True
        found = []
        while (end := _END.search(self._rest)) is not None:
            event = _event(self._rest[: end.start()])
            self._rest = self._rest[end.end() :]
            if event is not None:
                found.append(event)
        if len(self._rest) > _LONGEST:
            raise Uninspectable("one of its events is too long")
        return found


def _event(raw: bytes) -> Event | None:
    fields: dict[str, str] = {}
    data: list[bytes] = []
    for line in _LINE.split(raw):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name in (b"id", b"event", b"retry"):
            try:
                fields[name.decode()] = value.decode()
            except UnicodeDecodeError:
                raise Uninspectable("one of its events is no UTF-8") from None
    if not data and not fields:
        return None
    retry = fields.get("retry", "")
    return Event(
        b"\n".join(data),
        fields.get("id", ""),
        fields.get("event", ""),
        retry if _RETRY.fullmatch(retry) else "",
    )
