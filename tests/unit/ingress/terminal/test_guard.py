"""A stream leaves as it came, until it holds what must not pass: then no such value has left as a whole."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.terminal.guard import Blocked, Guard
from schemas.vocabulary import BINARY

CARD = b"4111111111111111"


def guard() -> Guard:
    return Guard(("card_number", "private_key"))


def passed(*pieces: bytes | None) -> bytes:
    """What leaves of these pieces, where None is a pause, up to the end or to what must not pass."""
    stream, out = guard(), b""
    try:
        for piece in pieces:
            out += stream.settle() if piece is None else stream.write(piece)
        return out + stream.close()
    except Blocked:
        return out + b"|"


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=8), st.booleans())
def test_what_is_clean_leaves_as_it_came(data: bytes, cuts: list[int], pauses: bool) -> None:
    data = data.replace(b"4", b"-") * 50
    places = sorted({0, len(data), *cuts})
    pieces: list[bytes | None] = []
    for start, end in itertools.pairwise(places):
        pieces += [data[start:end], *([None] if pauses else [])]
    assert passed(*pieces) == data


@pytest.mark.parametrize("before", [0, 100, 8192, 100_000])
@pytest.mark.parametrize("after", [0, 100, 8192, 100_000])
@pytest.mark.parametrize("size", [3, 4096, 1_000_000])
def test_a_value_does_not_leave(before: int, after: int, size: int) -> None:
    text = b"x\n" * (before // 2) + CARD + b"\n" + b"y\n" * (after // 2)
    out = passed(*(text[start : start + size] for start in range(0, len(text), size)))
    assert out.endswith(b"|")
    assert CARD[:1] not in out


@pytest.mark.parametrize("cut", range(1, 16))
def test_however_slowly_it_comes(cut: int) -> None:
    assert passed(b"paid ", None, CARD[:cut], None, CARD[cut:] + b" ") in (
        b"paid |",
        b"paid " + CARD[:cut] + b"|",
    )
    assert passed(b"paid ", None, CARD[:8], None, None, CARD[8:], None) == b"paid |"


def test_what_left_though_it_could_become_one_is_remembered() -> None:
    stream = guard()
    assert stream.write(b"paid " + CARD[:8]) == b""
    assert stream.settle() == b"paid "
    assert stream.close() == CARD[:8], "its writer waits for an answer"
    stream.write(CARD[8:])
    with pytest.raises(Blocked):
        stream.close()


def test_a_pause_lets_a_question_leave() -> None:
    stream = guard()
    assert stream.write(b"what is your name? ") == b""
    assert stream.keeps
    assert stream.settle() == b"what is your name? "
    assert not stream.keeps


@pytest.mark.parametrize("pause", [True, False])
def test_in_utf_16_too(pause: bool) -> None:
    wide = CARD.decode().encode("utf-16-le")
    out = passed(*(part for start in range(0, 32, 5) for part in (wide[start : start + 5], *[None] * pause)))
    assert out.endswith(b"|")
    assert CARD[:8] not in out.replace(b"\0", b"")


def test_a_key_does_not_leave_past_its_first_line() -> None:
    key = b"-----BEGIN PRIVATE KEY-----\n" + b"MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQ\n" * 400
    assert passed(b"here it is:\n", None, *(key[start : start + 10] for start in range(0, len(key), 10))) == (
        b"here it is:\n|"
    )


def test_what_is_found_is_told() -> None:
    stream = Guard(("card_number", BINARY))
    stream.write(CARD + b" \0 " + CARD + b" ")
    with pytest.raises(Blocked) as blocked:
        stream.close()
    assert str(blocked.value) == "1 binary, 2 card_number"
    assert blocked.value.limit == "block:binary"


def test_without_names_all_leaves_at_once() -> None:
    stream = Guard(())
    assert stream.write(CARD) == CARD
    assert (stream.keeps, stream.settle(), stream.close()) == (False, b"", b"")
