"""Waiting for a condition: polled, with a deadline, never a bare sleep."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")
_PAUSE = 0.02


class NeverHappened(AssertionError):
    """The condition did not hold before the deadline."""


@overload
async def eventually(
    condition: Callable[[], Awaitable[T | None]],
    *,
    seconds: float = 20.0,
    every: float = _PAUSE,
    what: str = "the condition",
) -> T: ...
@overload
async def eventually(
    condition: Callable[[], T | None],
    *,
    seconds: float = 20.0,
    every: float = _PAUSE,
    what: str = "the condition",
) -> T: ...
async def eventually(
    condition: Callable[[], Any], *, seconds: float = 20.0, every: float = _PAUSE, what: str = "the condition"
) -> Any:
    """The first true value of `condition`, a plain or an async function. Raises NeverHappened.

    `every`: seconds between two looks."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        value = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
        if time.monotonic() >= deadline:
            raise NeverHappened(f"{what} did not happen within {seconds:g} s; last seen: {value!r}")
        await asyncio.sleep(every)


def block_until(
    condition: Callable[[], T | None],
    *,
    seconds: float = 20.0,
    every: float = _PAUSE,
    what: str = "the condition",
) -> T:
    """The first true value of `condition`, for code outside an event loop. Raises NeverHappened."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise NeverHappened(f"{what} did not happen within {seconds:g} s; last seen: {value!r}")
        time.sleep(every)
