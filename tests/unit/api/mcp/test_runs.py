"""Commands that wait: their caller's alone."""

import asyncio
from collections.abc import Callable
from typing import Any

from api.mcp.runs import Run, Runs
from schemas.vocabulary import Principal, PrincipalKind

AGENT = Principal("agent-7", PrincipalKind.AGENT)
OTHER = Principal("agent-8", PrincipalKind.AGENT)


def started(runs: Runs, done: asyncio.Event) -> Run:
    async def work(notice: Callable[[str], None]) -> dict[str, Any]:
        notice("held for review")
        await done.wait()
        return {"rows": []}

    run = runs.start(AGENT, work)
    assert run is not None
    return run


async def test_its_outcome_and_how_it_goes() -> None:
    runs, done, heard = Runs(), asyncio.Event(), []
    run = started(runs, done)

    async def tell(said: str) -> None:
        heard.append(said)
        done.set()

    assert await run.outcome(60, tell, every=0.01) == {"rows": []}
    assert heard[0] in ("held for review", "it runs")


async def test_one_that_has_not_ended_goes_on() -> None:
    runs, done = Runs(), asyncio.Event()
    run = started(runs, done)

    async def tell(said: str) -> None: ...

    assert await run.outcome(0, tell) is None
    assert runs.find(run.id, AGENT) is run
    done.set()
    assert await run.outcome(60, tell) == {"rows": []}


async def test_it_is_nobody_elses() -> None:
    runs, done = Runs(), asyncio.Event()
    run = started(runs, done)
    assert runs.find(run.id, OTHER) is None
    assert runs.find("another", AGENT) is None
    await runs.stop()
    assert run.task.cancelled()
