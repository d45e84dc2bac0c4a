"""The recording of a session in asciicast v2 (docs.asciinema.org/manual/asciicast/v2): a header, then one
event a line, each `[seconds, code, data]`. Its lines travel in the recorder's frames of answers.

What several channels of one session write comes in the order in which it came. Everything is masked before.
"""

import codecs
import json

OUTPUT = "o"
INPUT = "i"
RESIZE = "r"
MARKER = "m"
_WIDTH, _HEIGHT = 80, 24  # where the client has no terminal


def make_header(timestamp: int, title: str) -> bytes:
    """The first line. `timestamp`: when the session began, in Unix seconds."""
    header = {"version": 2, "width": _WIDTH, "height": _HEIGHT, "timestamp": timestamp, "title": title}
    return _line(header)


def make_event(seconds: float, code: str, data: str) -> bytes:
    """One event, `seconds` after the session began."""
    return _line([round(seconds, 6), code, data])


class Text:
    """One stream's bytes as text: a character that is cut in two waits for its other half."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def decode(self, data: bytes, *, final: bool = False) -> str:
        return self._decoder.decode(data, final)


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
