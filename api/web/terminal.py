"""A recorded session for a player: asciicast lines -> asciicast lines. Pure.

A command without a terminal ends its lines in LF, as a file does; in a player, which is a terminal, each
would begin where the last one ended. The host's terminal driver would have put a CR before it (termios,
ONLCR).
"""

import json
import re

from ingress.terminal.cast import INPUT, OUTPUT, RESIZE, make_event

_BARE = re.compile(r"(?<!\r)\n")


def as_terminal(lines: bytes) -> bytes:
    """The recording; where nobody had a terminal, with line ends as a terminal gets them."""
    header, *rest = lines.splitlines(keepends=True) or [b""]
    events = [json.loads(line) for line in rest if line.endswith(b"\n")]
    if any(code in (RESIZE, INPUT) for _, code, _ in events):
        return lines
    return header + b"".join(
        make_event(at, code, _BARE.sub("\r\n", data) if code == OUTPUT else data) for at, code, data in events
    )
