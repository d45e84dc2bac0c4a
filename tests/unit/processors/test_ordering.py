from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from processors.ordering import InOrder


def test_what_is_finished_first_waits_for_what_began_before() -> None:
    order, acknowledged = InOrder(), list[str]()
    first = order.begin("p", lambda: acknowledged.append("first"))
    second = order.begin("p", lambda: acknowledged.append("second"))
    second()
    assert acknowledged == []
    first()
    assert acknowledged == ["first", "second"]


def test_lanes_do_not_wait_for_each_other() -> None:
    order, acknowledged = InOrder(), list[str]()
    order.begin("p", lambda: acknowledged.append("p"))
    order.begin("q", lambda: acknowledged.append("q"))()
    assert acknowledged == ["q"]


@given(st.lists(st.sampled_from("pqr"), max_size=30), st.randoms())
def test_in_order_and_as_early_as_can_be(lanes: list[str], random: object) -> None:
    order, acknowledged = InOrder(), list[int]()
    finishers = {
        number: order.begin(lane, partial(acknowledged.append, number)) for number, lane in enumerate(lanes)
    }
    finished: set[int] = set()
    numbers = list(finishers)
    random.shuffle(numbers)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    for number in numbers:
        finishers[number]()
        finished.add(number)
        for lane in "pqr":
            of_lane = [n for n, where in enumerate(lanes) if where == lane]
            ready = of_lane[: next((i for i, n in enumerate(of_lane) if n not in finished), len(of_lane))]
            assert [n for n in acknowledged if lanes[n] == lane] == ready
