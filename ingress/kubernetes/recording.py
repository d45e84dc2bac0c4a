"""The recording of a session with a cluster: asciicast, as a shell's, also where answers are JSON."""

import time
from collections.abc import Callable

from ingress.terminal.cast import OUTPUT, Text, make_event, make_header


def as_events() -> Callable[[float, bytes], bytes]:
    """What makes events of pieces of answers: seconds since the session began, and a piece -> lines."""
    text = Text()
    has_begun = False

    def written(seconds: float, piece: bytes) -> bytes:
        nonlocal has_begun
        shown = text.decode(piece) if b"\0" not in piece else f"‹{len(piece)} bytes, no text›"
        head = b"" if has_begun else header()
        has_begun = True
        return head + make_event(seconds, OUTPUT, shown)

    return written


def header() -> bytes:
    """The first line of a recording."""
    return make_header(int(time.time()), "countersign: kubernetes")
