"""Amounts in the configuration file: `10000` of one command, `500/h` of a window, or both in a list."""

import re
from dataclasses import dataclass
from typing import Any

_EXPECTED = "expected a whole number above 0 for one command, such as 10000, or an amount and a window: 500/h"
_RATE = re.compile(r"(\d+)\s*/\s*(\d*)\s*(s|min|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `amount` within any `window` seconds."""

    amount: int
    window: int


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a limit permits: `each` command, and the rates of all of them together."""

    each: int | None = None
    rates: tuple[Rate, ...] = ()


def parse_amounts(value: Any) -> Amounts:
    """The amounts of one number, one rate, or a list of them. Raises ValueError."""
    if isinstance(value, Amounts):
        return value
    parts = [_part(part) for part in (value if isinstance(value, list) else [value])]
    each = [part for part in parts if isinstance(part, int)]
    if len(each) > 1 or not parts:
        raise ValueError(_EXPECTED)
    return Amounts(each[0] if each else None, tuple(part for part in parts if isinstance(part, Rate)))


def _part(value: Any) -> int | Rate:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str) and (match := _RATE.fullmatch(value.strip())):
        amount, window = int(match[1]), int(match[2] or 1) * _SECONDS[match[3]]
        if amount and window:
            return Rate(amount, window)
    raise ValueError(_EXPECTED)
