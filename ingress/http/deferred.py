"""Answers whose requester does not wait on the connection (RFC 7240, respond-async): each is kept for its
requester alone, and is collected once."""

import asyncio
import secrets
from dataclasses import dataclass
from enum import Enum

from ingress.web.sinks import StoredAnswer

PATH = "/.countersign/requests/"
LONGEST_ANSWER = 8 * 1024 * 1024
_MOST = 1000  # requests kept
_KEPT_SECONDS = 3600.0  # after an answer is there


class Missing(Enum):
    """Why there is nothing to collect."""

    UNKNOWN = "there is no such request of yours"
    COLLECTED = "its answer was collected"


@dataclass(slots=True)
class Deferred:
    """One request. `waiting`: the body of 202 while it is not answered."""

    principal: str
    waiting: bytes
    answer: StoredAnswer
    task: "asyncio.Task[bool] | None" = None
    is_collected: bool = False


class DeferredRequests:
    """All of one ingress. They are gone when it stops."""

    def __init__(self) -> None:
        self._requests: dict[str, Deferred] = {}

    @property
    def is_full(self) -> bool:
        return len(self._requests) >= _MOST

    def add(self, principal: str, answer: StoredAnswer, task: "asyncio.Task[bool]") -> tuple[str, Deferred]:
        """A request that goes on without its connection; its place."""
        id = secrets.token_urlsafe(24)
        deferred = Deferred(principal, b"", answer, task)
        self._requests[id] = deferred
        task.add_done_callback(
            lambda _: asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._forget, id)
        )
        return f"{PATH}{id}", deferred

    def find(self, place: str, principal: str) -> Deferred | Missing:
        """The request at this place; another's is as one that is not there."""
        deferred = self._requests.get(place.removeprefix(PATH))
        if deferred is None or deferred.principal != principal:
            return Missing.UNKNOWN
        return Missing.COLLECTED if deferred.is_collected else deferred

    async def stop(self) -> None:
        """Withdraws what is still waiting."""
        tasks = [one.task for one in self._requests.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, id: str) -> None:
        self._requests.pop(id, None)
