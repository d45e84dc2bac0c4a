"""How far a client of the stream has seen, and what it has missed."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reviews import NOW, requested, settled

from api.inbox import Inbox, Kind, Position
from api.stream import backlog, format_seen, parse_seen, reached


@given(st.dictionaries(st.integers(0, 63), st.integers(0, 2**60), min_size=1))
def test_positions_survive_the_way_to_the_client_and_back(seen: dict[int, int]) -> None:
    assert parse_seen(format_seen(seen)) == seen


@pytest.mark.parametrize("value", ["", "0", "a:b", "0:1.", "0:1,1:2", "0:1.2", ":"])
def test_what_is_no_position_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        parse_seen(value)


def inbox() -> tuple[Inbox, list[str]]:
    """Two partitions: the first and third request in 0, the second in 1; the first is settled."""
    first, second, third = (requested(NOW + timedelta(minutes=n)) for n in range(3))
    filled = Inbox()
    filled.apply(first, Position(0, 10))
    filled.apply(second, Position(1, 4))
    filled.apply(third, Position(0, 11))
    filled.apply(settled(first, at=NOW + timedelta(minutes=3)), Position(0, 12))
    return filled, [first.approval, second.approval, third.approval]


def test_a_new_client_gets_what_waits() -> None:
    filled, [_, second, third] = inbox()

    missed = [(change.kind, change.approval.id) for change in backlog(filled, None)]

    assert missed == [(Kind.REQUESTED, second), (Kind.REQUESTED, third)]
    assert reached(filled, None) == {0: 12, 1: 4}


def test_who_comes_back_gets_what_came_since_in_the_order_it_happened() -> None:
    filled, [first, second, third] = inbox()

    missed = [(change.kind, change.approval.id) for change in backlog(filled, {0: 10})]

    assert missed == [(Kind.REQUESTED, second), (Kind.REQUESTED, third), (Kind.SETTLED, first)]


def test_who_has_seen_all_gets_nothing() -> None:
    filled, _ = inbox()

    assert backlog(filled, reached(filled, None)) == []
    assert reached(filled, {0: 99}) == {0: 99, 1: 4}
