import asyncio
from dataclasses import dataclass, field

from processors.beginnings import never_committed, read_from_the_beginning


@dataclass(frozen=True)
class Place:
    topic: str
    partition: int


READ, NEW, OTHER = Place("commands", 0), Place("commands", 1), Place("changelog", 0)


@dataclass
class Consumer:
    committed: dict[Place, int | None]
    first: dict[Place, int] = field(default_factory=dict)
    seeks: dict[Place, int] = field(default_factory=dict)

    def assignment(self) -> set[Place]:
        return set(self.committed)

    async def seek_to_committed(self) -> dict[Place, int | None]:
        return self.committed

    async def earliest_offsets(self, *places: Place) -> dict[Place, int]:
        return {place: self.first.get(place, 0) for place in places}

    async def seek(self, place: Place, offset: int) -> None:
        self.seeks[place] = offset


@dataclass
class App:
    consumer: Consumer
    rebalancing: bool = False


async def test_only_partitions_of_ours_without_a_commit() -> None:
    app = App(Consumer({READ: 5, NEW: None, OTHER: None}))
    assert await never_committed(app, ("commands",)) == [NEW]


async def test_they_are_read_from_their_first_offset_once_the_rebalance_is_over() -> None:
    app = App(Consumer({READ: 5, NEW: None}, first={NEW: 17}), rebalancing=True)
    reading = asyncio.ensure_future(read_from_the_beginning(app, [NEW]))
    await asyncio.sleep(0.03)
    assert app.consumer.seeks == {}
    app.rebalancing = False
    await reading
    assert app.consumer.seeks == {NEW: 17}


async def test_one_that_went_to_another_worker_meanwhile_is_theirs() -> None:
    app = App(Consumer({READ: 5}))
    await read_from_the_beginning(app, [NEW])
    assert app.consumer.seeks == {}
