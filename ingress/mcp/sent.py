"""The ids of requests under way: the server knows each by one of the gateway's own.

A client that uses an id again could otherwise have one call's answer taken for another's, and with it what
the rule of the other permits.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ingress.mcp.messages import Id
from schemas.vocabulary import Principal

Key = tuple[Principal, str, str, Id]
"""Whose request, at which resource, in which session (by the server's id), and the client's id of it."""


class SentIds:
    """All of one ingress."""

    def __init__(self) -> None:
        self._ids: dict[Key, str] = {}

    @contextmanager
    def under(self, key: Key, sent: str) -> Iterator[None]:
        """While the client waits for it."""
        self._ids[key] = sent
        try:
            yield
        finally:
            if self._ids.get(key) == sent:
                del self._ids[key]

    def find(self, key: Key) -> str | None:
        """What the server knows a request by that its client waits for."""
        return self._ids.get(key)
