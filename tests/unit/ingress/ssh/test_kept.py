"""What is kept of a file holds no value that detectors mask, in whatever order its bytes came."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.ssh.kept import Kept, Room
from processors.masking.apply import redact_bytes

CARD = b"4111111111111111"
MASKED = b"************1111"
PLENTY = 10**9


def kept(most: int = PLENTY, room: Room | None = None) -> Kept:
    return Kept(("card_number", "email", "private_key"), most, room or Room(PLENTY))


def of(*pieces: tuple[int, bytes]) -> list[tuple[int, bytes]]:
    found = kept()
    for offset, data in pieces:
        found.add(offset, data)
    return found.release()


def test_what_comes_in_a_row_is_one_piece() -> None:
    assert of((0, b"paid "), (5, b"with "), (10, CARD)) == [(0, b"paid with " + MASKED)]


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_value_in_two_pieces_is_masked_in_both(cut: int) -> None:
    halves = [(100, CARD[:cut]), (100 + cut, CARD[cut:])]
    for order in (halves, halves[::-1]):
        parts = sorted(of(*order))
        assert b"".join(data for _, data in parts) == MASKED


@given(st.permutations(range(6)), st.integers(1, 5))
def test_no_order_shows_more_than_another(order: list[int], size: int) -> None:
    text = b" " + CARD + b", " + CARD
    pieces = [(start, text[start : start + size]) for start in range(0, len(text), size)]
    groups = [pieces[number::6] for number in order]
    whole = bytearray(len(text))
    for offset, data in of(*itertools.chain.from_iterable(groups)):
        whole[offset : offset + len(data)] = data
    assert bytes(whole) == text.replace(CARD, MASKED)


def test_a_value_that_stood_there_for_a_moment_is_masked() -> None:
    """`4111 1111` over what was there, with what was there, is one: then it is written over."""
    parts = of((0, b"xxxxxxxx11111111 "), (0, CARD[:8]), (0, b"yyyyyyyy"))
    assert parts == [(0, b"********" + b"****1111 "), (0, b"********"), (0, b"yyyyyyyy")]


@st.composite
def fragments(draw: st.DrawFn) -> tuple[int, bytes]:
    """A part of a card number where it belongs, or something else anywhere."""
    start = draw(st.integers(0, 15))
    data = CARD[start : draw(st.integers(start + 1, 16))]
    other = draw(st.sampled_from([b" ", b"7", b"x4111 ", b"11 "]))
    return draw(st.sampled_from([(start + 3, data), (draw(st.integers(0, 22)), other)]))


@given(st.lists(fragments(), max_size=30))
def test_no_moment_of_what_is_recorded_shows_a_value(pieces: list[tuple[int, bytes]]) -> None:
    """Whoever writes the recorded parts one after another never has a value in the file."""
    found = kept()
    for offset, data in pieces:
        found.add(offset, data)
    image = bytearray(40)
    for offset, data in found.release():
        image[offset : offset + len(data)] = data
        assert redact_bytes(bytes(image), ("card_number",)) == bytes(image)


def test_behind_a_hole_a_value_is_one() -> None:
    assert of((0, b"a"), (10**12, CARD)) == [(0, b"a"), (10**12, MASKED)]


def test_in_long_files_too() -> None:
    line = CARD + b" jane.doe@example.com\n"
    data = line * 10_000
    found = kept()
    for start in range(0, len(data), 30_011):
        found.add(start, data[start : start + 30_011])
    [(offset, shown)] = found.release()
    assert (offset, shown) == (0, data.replace(CARD, MASKED).replace(b"jane.doe", b"j*******"))


@pytest.mark.parametrize("before", [83, 90, 95])
def test_a_value_across_the_limit_is_not_cut_into_none(before: int) -> None:
    found = kept(most=100)
    found.add(0, b" " * before + CARD + b" " * 100_000)
    [(_, shown)] = found.release()
    assert shown == (b" " * before + MASKED)[:100].ljust(100)


def test_where_there_is_no_room_it_is_cut_without_half_a_value() -> None:
    room = Room(20_010)
    first, second = kept(room=room), kept(room=room)
    first.add(0, b"x" * 10_000)
    second.add(0, b"y" * 10_000 + b" " + CARD)
    second.add(10_017, b"z")
    [(_, shown)] = second.release()
    assert shown
    assert set(shown) == {ord("y")}
    assert first.release() == [(0, b"x" * 10_000)]
    third = kept(room=room)
    third.add(0, b"w" * 20_010)
    assert third.release() == [(0, b"w" * 20_010)], "what was released makes room"


def test_many_small_pieces_are_bounded_too() -> None:
    found = Kept((), 10_240, Room(PLENTY))
    for number in range(1000):
        found.add(number * 2, b"a")
    assert len(found.release()) == 10


def test_without_detectors_it_is_as_it_was() -> None:
    found = Kept((), 1500, Room(PLENTY))
    found.add(0, CARD * 64)
    found.add(1024, CARD * 64)
    assert found.release() == [(0, (CARD * 128)[:1500])]
    found.add(2048, b"later")
    assert found.release() == []


def test_where_nothing_is_recorded_nothing_is_kept() -> None:
    room = Room(PLENTY)
    found = kept(most=0, room=room)
    found.add(0, CARD)
    assert room.take(PLENTY) == PLENTY
    assert found.release() == []
