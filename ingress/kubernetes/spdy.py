"""SPDY, the old way of exec and port-forward: it is not served.

kubectl tries WebSocket first, and SPDY where that was refused, whatever the reason was: so that its user is
shown the reason and not that SPDY is not served, refusals are told again for a moment.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from infra.clock import Clock
from ingress.web.sinks import Said, Words

_MOST = 1000
_FOR = timedelta(seconds=30)

Key = tuple[str, str, str]
"""Principal, resource, path."""


class Refusals:
    """The latest refusals of streams."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: OrderedDict[Key, tuple[datetime, Said]] = OrderedDict()

    def note(self, key: Key, said: Said) -> None:
        """A stream was refused with these words."""
        self._said.pop(key, None)
        self._said[key] = (self._clock(), said)
        if len(self._said) > _MOST:
            self._said.popitem(last=False)

    def answer(self, key: Key, words: Words) -> Said:
        """What a client is told that speaks SPDY."""
        at, said = self._said.get(key, (None, None))
        if at is not None and said is not None and self._clock() - at < _FOR:
            return said
        return words.failed(
            403,
            "SPDY is not served",
            "exec, attach and port-forward go over WebSocket here",
            "Use kubectl 1.31 or newer, without KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false.",
        )
