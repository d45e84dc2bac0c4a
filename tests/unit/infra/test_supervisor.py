"""The supervisor over parts that do as they are told; real processes are in test_role.py."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.wait import eventually

from infra.supervisor import PartFailed, Supervisor, pause_before_restart


class Scripted:
    """A part whose life the test directs."""

    def __init__(self, name: str, journal: list[str], after: tuple[str, ...] = ()) -> None:
        self.name = name
        self.after = after
        self.may_be_ready = asyncio.Event()
        self.may_be_ready.set()
        self.fails_with = ""
        self.death = asyncio.Event()
        self._journal = journal

    async def start(self) -> None:
        self._journal.append(f"start {self.name}")
        await self.may_be_ready.wait()
        if self.fails_with:
            raise PartFailed(f"{self.name} {self.fails_with}")
        self.death.clear()
        self._journal.append(f"{self.name} ready")

    async def ended(self) -> str:
        await self.death.wait()
        return f"{self.name} ended with status 1"

    async def stop(self) -> None:
        self._journal.append(f"stop {self.name}")

    def kill(self) -> None:
        self._journal.append(f"kill {self.name}")


@pytest.fixture
def journal() -> list[str]:
    return []


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restarts without pauses worth the name."""
    monkeypatch.setattr("infra.supervisor._PAUSES", (0.001,) * 4)


def _silent(name: str, sentence: str) -> None:
    """Progress that nobody sees."""


@asynccontextmanager
async def _watching(supervisor: Supervisor) -> AsyncIterator["asyncio.Task[None]"]:
    watching = asyncio.create_task(supervisor.watch())
    try:
        yield watching
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def test_a_part_waits_for_those_it_comes_after(journal: list[str]) -> None:
    kafka, api = Scripted("kafka", journal), Scripted("api", journal, after=("kafka",))
    kafka.may_be_ready.clear()
    starting = asyncio.create_task(Supervisor([kafka, api], _silent).start())
    await eventually(lambda: journal, what="a start")
    assert journal == ["start kafka"]
    kafka.may_be_ready.set()
    await starting
    assert journal == ["start kafka", "kafka ready", "start api", "api ready"]


async def test_parts_that_need_nothing_of_each_other_start_side_by_side(journal: list[str]) -> None:
    parts = [Scripted("clickhouse", journal), Scripted("kafka", journal)]
    for part in parts:
        part.may_be_ready.clear()
    starting = asyncio.create_task(Supervisor(parts, _silent).start())
    await eventually(lambda: len(journal) == 2, what="both starts")
    for part in parts:
        part.may_be_ready.set()
    await starting


async def test_a_part_it_comes_after_may_be_absent(journal: list[str]) -> None:
    await Supervisor([Scripted("projections", journal, after=("clickhouse",))], _silent).start()
    assert journal == ["start projections", "projections ready"]


async def test_the_last_of_the_list_stops_first(journal: list[str]) -> None:
    supervisor = Supervisor([Scripted(name, journal) for name in ("kafka", "api", "ingress")], _silent)
    await supervisor.start()
    journal.clear()
    await supervisor.stop()
    assert journal == ["stop ingress", "stop api", "stop kafka"]


async def test_a_part_that_does_not_start_ends_the_start(journal: list[str]) -> None:
    kafka, api = Scripted("kafka", journal), Scripted("api", journal, after=("kafka",))
    kafka.fails_with = "has no room"
    with pytest.raises(PartFailed, match="kafka has no room"):
        await Supervisor([kafka, api], _silent).start()
    assert "start api" not in journal


async def test_a_part_that_dies_is_started_again_and_people_are_told(journal: list[str], quick: None) -> None:
    told: list[str] = []
    part = Scripted("processors", journal)
    supervisor = Supervisor([part], lambda name, sentence: told.append(f"{name}: {sentence}"))
    await supervisor.start()
    async with _watching(supervisor):
        part.death.set()
        await eventually(lambda: journal.count("processors ready") == 2, what="the restart")
        await eventually(lambda: told[-1] == "processors: ready again", what="the news")
    assert any("ended with status 1" in line and "starting it again" in line for line in told)


async def test_a_part_that_dies_again_and_again_ends_the_watch(journal: list[str], quick: None) -> None:
    part = Scripted("processors", journal)
    supervisor = Supervisor([part], _silent)
    await supervisor.start()
    part.fails_with = "ended with status 2"
    async with _watching(supervisor) as watching:
        part.death.set()
        with pytest.raises(
            PartFailed, match=r"processors died 5 times in a row; giving up\nprocessors ended"
        ):
            await asyncio.wait_for(watching, 10)


async def test_one_that_lived_long_has_not_died_in_a_row(
    journal: list[str], quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.supervisor._LONG", 0.0)
    part = Scripted("processors", journal)
    supervisor = Supervisor([part], _silent)
    await supervisor.start()
    async with _watching(supervisor) as watching:
        for _ in range(8):
            journal.clear()
            part.death.set()
            await eventually(lambda: "processors ready" in journal, what="a restart")
        assert not watching.done()


async def test_kill_ends_all_at_once(journal: list[str]) -> None:
    supervisor = Supervisor([Scripted("kafka", journal), Scripted("api", journal)], _silent)
    supervisor.kill()
    assert journal == ["kill api", "kill kafka"]


def test_pauses_grow_and_end() -> None:
    pauses = [pause_before_restart(deaths) for deaths in range(1, 11)]
    assert pauses[-1] is None
    grown = [pause for pause in pauses if pause is not None]
    assert len(grown) == 9
    assert grown == sorted(grown)
