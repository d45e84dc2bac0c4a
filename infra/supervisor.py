"""Starts the parts of a gateway, keeps them running, and stops them in order.

A part is anything that is started and stopped: the embedded Kafka (kafka/part.py), a role as a process of
its own (role.py). Parts start as soon as those they come after are ready, side by side otherwise; they
stop one after the other, the last of the list first.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Protocol

_LONG = 15.0  # seconds: who lived that long did not die of its start
_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0)  # seconds before each restart


class PartFailed(Exception):
    """A part did not start, or ended; the message says which, why, and what it said last."""


class Part(Protocol):
    """Something that runs beside us."""

    @property
    def name(self) -> str: ...

    @property
    def after(self) -> tuple[str, ...]:
        """The parts that must be ready before it starts."""

    async def start(self) -> None:
        """Returns when it serves. Raises PartFailed."""

    async def ended(self) -> str:
        """Returns when it has ended without having been stopped, with what happened."""

    async def stop(self) -> None:
        """Ends it and waits until it has; nothing happens when it does not run."""

    def kill(self) -> None:
        """Ends it at once."""


Tell = Callable[[str, str], None]
"""Is told the name of a part and a sentence about it."""


def pause_before_restart(quick_deaths: int) -> float | None:
    """Seconds to wait after so many quick deaths in a row, the last one included; None: give up."""
    return _PAUSES[quick_deaths - 1] if quick_deaths <= len(_PAUSES) else None


class Supervisor:
    """`parts` in the order in which they are needed; `tell` shows a person what happens."""

    def __init__(self, parts: Sequence[Part], tell: Tell) -> None:
        self._parts = parts
        self._tell = tell
        self._ready = {part.name: asyncio.Event() for part in parts}

    async def start(self) -> None:
        """Returns when every part is ready. Raises PartFailed of the first one that fails; stop() then."""
        await _side_by_side(self._start(part) for part in self._parts)

    async def watch(self) -> None:
        """Restarts whatever ends, for ever. Raises PartFailed when one dies again and again."""
        await _side_by_side(self._keep(part) for part in self._parts)

    async def stop(self) -> None:
        """Stops every part, the last of the list first."""
        for part in reversed(self._parts):
            await part.stop()

    def kill(self) -> None:
        """Ends every part at once."""
        for part in reversed(self._parts):
            part.kill()

    async def _start(self, part: Part) -> None:
        for name in part.after:
            if name in self._ready:
                await self._ready[name].wait()
        began = time.monotonic()
        await part.start()
        self._tell(part.name, f"ready after {time.monotonic() - began:.1f} s")
        self._ready[part.name].set()

    async def _keep(self, part: Part) -> None:
        quick_deaths = 0
        while True:
            began = time.monotonic()
            said = await part.ended()
            quick_deaths = 1 if time.monotonic() - began > _LONG else quick_deaths + 1
            while True:
                pause = pause_before_restart(quick_deaths)
                if pause is None:
                    raise PartFailed(f"{part.name} died {quick_deaths} times in a row; giving up\n{said}")
                self._tell(part.name, f"{said}\nstarting it again in {pause:g} s")
                await asyncio.sleep(pause)
                try:
                    await part.start()
                except PartFailed as error:
                    said = str(error)
                    quick_deaths += 1
                    continue
                self._tell(part.name, "ready again")
                break


async def _side_by_side(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Returns when all have returned. Raises the first PartFailed, which ends the others."""
    failed: PartFailed | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except* PartFailed as failures:
        failed = _first(failures)
    # Not in the block above: Python before 3.11.4, as on Debian 12, puts what is raised there into a group.
    if failed is not None:
        raise failed


def _first(group: BaseExceptionGroup[PartFailed]) -> PartFailed:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
