"""Commands that outlive the call of a tool, as they wait for a reviewer: each is its caller's alone."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from schemas.vocabulary import Principal

_MOST = 500  # runs kept
_KEPT_SECONDS = 3600.0  # after a run has ended


@dataclass(slots=True)
class Run:
    """One command. `said`: what the gateway has said of it meanwhile."""

    id: str
    principal: Principal
    task: "asyncio.Task[dict[str, Any]]"
    said: list[str] = field(default_factory=list)

    async def outcome(
        self, seconds: float, tell: Callable[[str], Awaitable[None]], every: float = 5.0
    ) -> dict[str, Any] | None:
        """What came of it, or None where it has not ended in this time. `tell` hears how it goes."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self.task.done() and (left := until - loop.time()) > 0:
            await asyncio.wait({self.task}, timeout=min(every, left))
            if not self.task.done():
                await tell(self.said[-1] if self.said else "it runs")
        return self.task.result() if self.task.done() else None


class Runs:
    """All of one API. They are gone, and what waits is withdrawn, when it stops."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def start(
        self, principal: Principal, work: Callable[[Callable[[str], None]], Awaitable[dict[str, Any]]]
    ) -> Run | None:
        """A run of this work, which is given what hears the gateway's notices; None: there are too many."""
        if len(self._runs) >= _MOST:
            return None
        said: list[str] = []
        task = asyncio.ensure_future(work(said.append))
        assert isinstance(task, asyncio.Task)
        run = Run(secrets.token_urlsafe(16), principal, task, said)
        self._runs[run.id] = run
        task.add_done_callback(
            lambda _: asyncio.get_running_loop().call_later(_KEPT_SECONDS, self.forget, run.id)
        )
        return run

    def find(self, id: str, principal: Principal) -> Run | None:
        """The run, if it is this principal's."""
        run = self._runs.get(id)
        return run if run is not None and run.principal == principal else None

    def forget(self, id: str) -> None:
        self._runs.pop(id, None)

    async def stop(self) -> None:
        tasks = [run.task for run in self._runs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
