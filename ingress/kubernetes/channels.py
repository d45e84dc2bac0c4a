"""The streams of exec and attach, as messages of a WebSocket: a channel's number, then its bytes. Pure.

k8s.io/apimachinery, pkg/util/remotecommand/constants.go: v4 has five channels, v5 says also that one is
at its end (KEP-4006).
"""

import json
from dataclasses import dataclass
from typing import Any

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
TUNNEL = "SPDY/3.1+portforward.k8s.io"
_SERVED = {True: (TUNNEL,), False: (V5, V4)}


def chosen(offered: bytes, *, forwards: bool) -> str:
    """The best of the subprotocols that a client offers; "" where none is served."""
    names = [name.strip() for name in offered.decode("latin-1").split(",")]
    return next((name for name in _SERVED[forwards] if name in names), "")


def message(channel: int, data: bytes) -> bytes:
    return bytes((channel,)) + data


@dataclass(frozen=True, slots=True)
class End:
    """How a command ended. `code`: its exit status; None where there is none to tell."""

    code: int | None
    said: str


def parse_end(data: bytes) -> End:
    """The Status on the channel of errors."""
    try:
        status: Any = json.loads(data)
    except ValueError:
        return End(None, "the cluster did not say how it ended")
    if not isinstance(status, dict):
        return End(None, "the cluster did not say how it ended")
    if status.get("status") == "Success":
        return End(0, "")
    said = str(status.get("message") or "it failed")
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    for cause in causes if isinstance(causes, list) else ():
        if isinstance(cause, dict) and cause.get("reason") == "ExitCode":
            text = str(cause.get("message"))
            return End(int(text) if text.isdigit() else None, said)
    return End(None, said)


def make_end(code: int) -> bytes:
    """The Status of a command that ended with this exit status."""
    status = {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
    return json.dumps(status).encode()


def parse_size(data: bytes) -> tuple[int, int] | None:
    """A terminal's width and height; None for what is none."""
    try:
        size = json.loads(data)
        width, height = size["Width"], size["Height"]
    except (ValueError, KeyError, TypeError):
        return None
    is_size = all(type(one) is int and 0 <= one < 65536 for one in (width, height))
    return (width, height) if is_size else None
