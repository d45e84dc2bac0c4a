"""Slows the guessing of tokens. Pure: the time is an argument."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from infra.clock import Clock, now
from infra.identity.signed_in import TooManyGuesses

_GUESSES_OF_A_NAME = 5  # from one address, before it has to wait
_GUESSES_OF_AN_ADDRESS = 30
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


class Guesses:
    """Holds back who guesses tokens, by name and address, and by address."""

    def __init__(self, clock: Clock = now) -> None:
        self._clock = clock
        self._by_name = Throttle(_GUESSES_OF_A_NAME)
        self._by_address = Throttle(_GUESSES_OF_AN_ADDRESS)

    def hold_back(self, name: str, address: str) -> None:
        """Raises TooManyGuesses."""
        moment = self._clock()
        wait = max(self._by_name.wait(_pair(name, address), moment), self._by_address.wait(address, moment))
        if wait > timedelta():
            raise TooManyGuesses(wait)

    def wrong(self, name: str, address: str) -> None:
        self._by_name.failed(_pair(name, address), self._clock())
        self._by_address.failed(address, self._clock())

    def right(self, name: str, address: str) -> None:
        self._by_name.succeeded(_pair(name, address))


def _pair(name: str, address: str) -> str:
    return f"{name}\0{address}"
