"""The tools that somebody may call at all: the rest is left out of what the server lists."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingress.inquiry import Inquiry, Refused
from ingress.mcp.definitions import is_name
from ingress.mcp.judge import Subject, make_listed_command
from schemas.vocabulary import Facts, Principal

MOST = 1000  # tools in one list
_FRESH_SECONDS = 60.0
_MOST_REMEMBERED = 20_000


class Listings:
    """Of all principals: which tools the rules let them call lately, so that listing again asks for little.

    It decides about showing alone: every call is judged by itself.
    """

    def __init__(self) -> None:
        self._permitted: dict[tuple[Principal, str, str, Facts], float] = {}

    async def permitted(
        self,
        tools: Sequence[Mapping[str, Any]],
        subject: Subject,
        inquiry: Inquiry,
        principal: Principal,
        new_id: Callable[[], str],
    ) -> list[Mapping[str, Any]]:
        """Those that the rules do not deny whatever their arguments, that have a name of their own, and that
        are described as they were first."""
        names = Counter(tool.get("name") for tool in tools if isinstance(tool.get("name"), str))
        pins = subject.known.pins
        listed = [
            tool
            for tool in tools
            if isinstance(name := tool.get("name"), str)
            and is_name(name)
            and names[name] == 1
            and name in pins
            and not pins[name].changed
        ]
        allowed = await asyncio.gather(
            *(self._is_permitted(tool["name"], subject, inquiry, principal, new_id) for tool in listed)
        )
        return [tool for tool, is_allowed in zip(listed, allowed, strict=True) if is_allowed]

    async def _is_permitted(
        self, tool: str, subject: Subject, inquiry: Inquiry, principal: Principal, new_id: Callable[[], str]
    ) -> bool:
        command = make_listed_command(tool, subject, new_id)
        key = (principal, subject.resource, tool, command.facts)
        if time.monotonic() - self._permitted.get(key, -_FRESH_SECONDS) < _FRESH_SECONDS:
            return True
        try:
            await inquiry.ask(command, lambda _: None)
        except Refused as refused:
            # One that only lacks a reason, or room in a budget, is there.
            return bool(refused.refusal.missing) or refused.refusal.retry_at is not None
        inquiry.abandon(command.id, "asked for a list of tools alone")
        if len(self._permitted) >= _MOST_REMEMBERED:
            self._permitted.clear()
        self._permitted[key] = time.monotonic()
        return True
