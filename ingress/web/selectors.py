"""Which fields of a document are sensitive: selectors such as `$.customer.email` or `$..card`. Pure.

After RFC 9535 (JSONPath), with one difference that errs to the safe side: arrays are no step of their own, so
`$.customer.email` also finds it in a list of customers, and `[*]` may be left out.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from schemas.vocabulary import SensitiveColumn

Path = tuple[str, ...]
"""Names from the root of a document to a field, arrays left out."""

_STEP = re.compile(r"(\.\.?)([^.\[\]]+)|\[\*\]|\['([^']+)'\]")
_SEPARATOR = "\0"
_ANY = f"{_SEPARATOR}[^{_SEPARATOR}]*"


class Selectors:
    """The sensitive fields of a resource, each with its mask."""

    def __init__(self, entries: Iterable[SensitiveColumn]) -> None:
        self._entries = tuple((_pattern(entry.pattern), entry) for entry in entries)
        self.names = frozenset(
            name for entry in self._entries if (name := _last_name(entry[1].pattern)) is not None
        )
        self._steps = frozenset(name for _, entry in self._entries for name in _steps(entry.pattern))
        self._match = lru_cache(maxsize=4096)(self._find)

    def __bool__(self) -> bool:
        return bool(self._entries)

    def match(self, path: Path) -> SensitiveColumn | None:
        """The entry that makes the field at this path sensitive, the first of several."""
        return self._match(path)

    def names_one(self, text: str) -> str | None:
        """The selector whose field a text mentions, as a query that filters or sorts by it does."""
        words = set(re.findall(r"[^\W_]+(?:[_-]+[^\W_]+)*", text.lower()))
        words |= set(re.findall(r"[^\W_]+", text.lower()))
        for _, entry in self._entries:
            name = _last_name(entry.pattern)
            if name is None or name.lower() in words:
                return entry.pattern
        return None

    def leads_by(self, name: str) -> bool:
        """Whether the path to a sensitive field has this name: under another it would be another path."""
        return name in self._steps

    def _find(self, path: Path) -> SensitiveColumn | None:
        # JSON knows a name with NUL in it; here it must not look like two.
        joined = "".join(f"{_SEPARATOR}{name.replace(_SEPARATOR, ' ')}" for name in path)
        return next((entry for pattern, entry in self._entries if pattern.fullmatch(joined)), None)


def _pattern(selector: str) -> re.Pattern[str]:
    found = []
    for step in _STEP.finditer(selector):
        if step[0] == "[*]":
            continue
        name = step[2] or step[3]
        if step[1] == "..":
            found.append(f"(?:{_ANY})*")
        found.append(_ANY if name == "*" else _SEPARATOR + re.escape(name))
    return re.compile("".join(found), re.DOTALL)


def _last_name(selector: str) -> str | None:
    """The name of the field; None where any may be meant."""
    last = _steps(selector)[-1]
    return None if last == "*" else last


def _steps(selector: str) -> list[str]:
    return [step[2] or step[3] for step in _STEP.finditer(selector) if step[0] != "[*]"]
