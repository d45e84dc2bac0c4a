from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from processors.continuity import Continuity, Place, beginnings, read_again


class TP(NamedTuple):
    topic: str
    partition: int


READ, NEW, OTHER = TP("commands", 0), TP("commands", 1), TP("changelog", 0)


@dataclass
class Consumer:
    committed: dict[TP, int | None]
    first: dict[TP, int] = field(default_factory=dict)
    ends: dict[TP, int] = field(default_factory=dict)
    seeks: list[tuple[Place, int]] = field(default_factory=list)

    def assignment(self) -> set[TP]:
        return set(self.committed)

    def highwater(self, place: TP) -> int | None:
        assert place in self.ends, "Partition is not assigned"
        return self.ends[place]

    async def seek_to_committed(self) -> dict[TP, int | None]:
        return self.committed

    async def earliest_offsets(self, *places: TP) -> dict[TP, int]:
        return {place: self.first.get(place, 0) for place in places}

    async def seek(self, place: Place, offset: int) -> None:
        self.seeks.append((place, offset))


@dataclass
class App:
    consumer: Consumer
    rebalancing: bool = False


def begun(offset: int = 5) -> Continuity:
    continuity = Continuity()
    continuity.begin({READ: offset})
    return continuity


def test_each_is_taken_once_and_in_order() -> None:
    continuity = begun()
    assert [continuity.takes(READ, offset) for offset in (5, 5, 7, 4, 6, 7)] == [
        True,
        False,
        False,
        False,
        True,
        True,
    ]


def test_none_of_a_partition_that_is_not_ours() -> None:
    continuity = begun()
    assert not continuity.takes(NEW, 0)
    continuity.begin({NEW: 0})
    assert not continuity.takes(READ, 5)
    assert continuity.takes(NEW, 0)


def test_what_did_not_move_between_two_looks_is_missing() -> None:
    continuity = begun()
    assert continuity.missing({READ: 8}) == {}
    assert continuity.missing({READ: 8}) == {READ: 5}
    assert continuity.takes(READ, 5)
    assert continuity.missing({READ: 8}) == {}
    assert continuity.missing({READ: 8}) == {READ: 6}


def test_nothing_is_missing_at_the_end() -> None:
    continuity = begun()
    for _ in range(3):
        assert continuity.missing({READ: 5}) == {}
        assert continuity.missing({}) == {}


async def test_it_begins_at_what_was_committed_or_at_the_first_event() -> None:
    app = App(Consumer({READ: 5, NEW: None, OTHER: None}, first={NEW: 17}))
    assert await beginnings(app, ("commands",)) == {READ: 5, NEW: 17}


async def test_it_begins_after_what_is_gone() -> None:
    app = App(Consumer({READ: 5}, first={READ: 9}))
    assert await beginnings(app, ("commands",)) == {READ: 9}


async def test_what_is_missing_is_read_again_until_it_comes() -> None:
    app, continuity = App(Consumer({READ: 5}, ends={READ: 8})), begun()
    for _ in range(3):
        await read_again(app, continuity)
    assert app.consumer.seeks == [(READ, 5), (READ, 5)]
    assert [continuity.takes(READ, offset) for offset in (5, 6, 7)] == [True] * 3
    for _ in range(3):
        await read_again(app, continuity)
    assert len(app.consumer.seeks) == 2


async def test_what_kafka_no_longer_has_is_left_behind() -> None:
    app, continuity = App(Consumer({READ: 5}, first={READ: 7}, ends={READ: 8})), begun()
    for _ in range(2):
        await read_again(app, continuity)
    assert app.consumer.seeks == [(READ, 7)]
    assert continuity.takes(READ, 7)


async def test_nothing_is_looked_for_in_a_rebalance_or_where_a_partition_has_gone() -> None:
    continuity = begun()
    for app in (
        App(Consumer({READ: 5}, ends={READ: 8}), rebalancing=True),
        App(Consumer({READ: 5, NEW: 0}, ends={READ: 8})),
    ):
        for _ in range(3):
            await read_again(app, continuity)
        assert app.consumer.seeks == []


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4)), max_size=60))
def test_whatever_is_dropped_or_given_twice(handed: list[tuple[int, int]]) -> None:
    """`handed`: runs of offsets as Faust may hand them out: from here, so many. Then all of it, at last."""
    continuity, taken = begun(0), list[int]()
    runs: list[Any] = [*handed, (0, 10)]
    for first, count in runs:
        taken += [offset for offset in range(first, first + count) if continuity.takes(READ, offset)]
    assert taken == list(range(10))
