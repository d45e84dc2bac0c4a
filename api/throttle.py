"""Slows the guessing of tokens. Pure: the time is an argument."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

_LONGEST = timedelta(minutes=5)
_FORGOTTEN_AFTER = timedelta(hours=1)
_MOST_KEYS = 10_000  # the one that failed longest ago is forgotten first


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    last: datetime


class Throttle:
    """Counts failures by key; after `free` of them each further one doubles the wait, from one second."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait(self, key: str, now: datetime) -> timedelta:
        """How long this key must wait before it may try; zero or less: it may."""
        failures = self._failures.get(key)
        if failures is None or failures.count < self._free:
            return timedelta()
        doubled = timedelta(seconds=2 ** min(failures.count - self._free, 10))
        return failures.last + min(doubled, _LONGEST) - now

    def failed(self, key: str, now: datetime) -> None:
        before = self._failures.pop(key, None)
        count = before.count if before is not None and now - before.last < _FORGOTTEN_AFTER else 0
        self._failures[key] = _Failures(count + 1, now)
        if len(self._failures) > _MOST_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        self._failures.pop(key, None)
