"""Server-sent events (WHATWG HTML, section 9.2) masked event by event."""

import re
from collections.abc import Callable

from ingress.web.answers.counting import Filter, Uninspectable

_LONGEST_EVENT = 4 * 1024 * 1024
_END = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n|\Z))")
_LINE = re.compile(rb"\r\n|\n|\r")


class EventsFilter:
    """`data`: a new filter for one event's data. `text`: for its other fields."""

    def __init__(self, data: Callable[[bytes], Filter], text: Callable[[bytes], bytes]) -> None:
        self._data = data
        self._text = text
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        self._rest += data
        out = []
        while (end := _END.search(self._rest)) is not None:
            out.append(self._event(self._rest[: end.start()]) + b"\n\n")
            self._rest = self._rest[end.end() :]
        if len(self._rest) > _LONGEST_EVENT:
            raise Uninspectable("one of its events is too long")
        return b"".join(out)

    def finish(self) -> bytes:
        """An event that does not end is no event (section 9.2.6), but may be shown all the same."""
        rest, self._rest = self._rest, b""
        event = rest.rstrip(b"\r\n")
        is_over = _LINE.sub(b"\n", rest[len(event) :]).startswith(b"\n\n")
        return self._event(event) + (b"\n\n" if is_over else b"\n") if event else b""

    def _event(self, event: bytes) -> bytes:
        lines: list[bytes] = []
        data: list[bytes] = []
        for line in _LINE.split(event):
            name, colon, value = line.partition(b":")
            if name == b"data":
                data.append(value.removeprefix(b" "))
            else:
                lines.append(self._text(name) + colon + self._text(value))
        if data:
            joined = b"\n".join(data)
            filtering = self._data(joined)
            masked = filtering.feed(joined) + filtering.finish()
            lines += [b"data: " + line for line in masked.split(b"\n")]
        return b"\n".join(lines)
