from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from processors.approvals.deadlines import Deadlines

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_due_in_order_and_once() -> None:
    deadlines = Deadlines()
    for name, seconds in (("late", 9), ("soon", 1), ("next", 2)):
        deadlines.set(name, at(seconds))
    assert deadlines.due(at(0.5)) == []
    assert deadlines.due(at(2)) == ["soon", "next"]
    assert deadlines.due(at(2)) == []
    assert len(deadlines) == 1


def test_a_time_set_anew_is_the_only_one() -> None:
    deadlines = Deadlines()
    deadlines.set("a", at(1))
    deadlines.set("a", at(5))
    assert deadlines.due(at(4)) == []
    assert deadlines.due(at(5)) == ["a"]


def test_clear() -> None:
    deadlines = Deadlines()
    deadlines.set("a", at(1))
    deadlines.clear()
    assert deadlines.due(at(9)) == []
    assert len(deadlines) == 0


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 20), st.booleans()), max_size=40))
def test_as_a_plain_mapping_would(steps: list[tuple[str, int, bool]]) -> None:
    deadlines, model = Deadlines(), dict[str, int]()
    for name, seconds, ask in steps:
        if ask:
            due = sorted((when, key) for key, when in model.items() if when <= seconds)
            assert sorted(deadlines.due(at(seconds))) == sorted(key for _, key in due)
            model = {key: when for key, when in model.items() if when > seconds}
        else:
            deadlines.set(name, at(seconds))
            model[name] = seconds
    assert len(deadlines) == len(model)
