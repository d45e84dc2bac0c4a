"""Bound parameters as events show them: readable, and never more than an event holds. Pure.

What is left out is still covered by the command's digest, which is made of all its bytes.
"""

from collections.abc import Iterable

_LONGEST = 64 * 1024  # bytes of one parameter
_MOST = 256 * 1024  # characters of all parameters of a command; a message may hold 65,535 of them


def readable(bound: Iterable[bytes | None]) -> tuple[str | None, ...]:
    """Each parameter's text, or its bytes in hex as PostgreSQL prints them; None is NULL.

    Of one that is too long only its length is shown: a piece of it might hold a piece of a secret, which no
    detector would find.
    """
    left = _MOST
    found: list[str | None] = []
    for value in bound:
        if value is None:
            found.append(None)
            continue
        shown = _readable(value) if len(value) <= min(_LONGEST, left) else f"‹{len(value)} bytes›"
        left = max(0, left - len(shown))
        found.append(shown)
    return tuple(found)


def _readable(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "\\x" + value.hex()
    return text if text.isprintable() else "\\x" + value.hex()
