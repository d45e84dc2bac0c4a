"""What may not pass is found wherever it stands, and only there."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.masking.finding import Finder
from schemas.vocabulary import BINARY

CARD = b"4111111111111111"
FINDER = Finder(("card_number", "private_key"))


@pytest.mark.parametrize(("begin", "end"), [(0, 5), (5, 6), (20, 21), (4, 22), (0, 30)])
def test_what_has_bytes_in_sight_is_found(begin: int, end: int) -> None:
    found = FINDER.find(b"paid " + CARD + b" by jane", begin, end)
    assert found == ({"card_number": 1} if end > 5 else {})


def test_what_stands_around_is_not() -> None:
    assert not FINDER.find(CARD + b" and " + CARD, 16, 21)


def test_what_stands_around_says_whether_it_is_one() -> None:
    assert not FINDER.find(b"7" + CARD, 1, 17)
    assert not FINDER.find(CARD + b"7", 0, 16)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "utf-32-be"])
def test_wide_characters_hide_nothing(encoding: str) -> None:
    text = "paid with 4111111111111111\n".encode(encoding)
    assert FINDER.find(text, 0, len(text)) == {"card_number": 1}
    middle = len(text) // 2
    assert FINDER.find(text, middle, middle + 1) == {"card_number": 1}
    assert not FINDER.find(text, 0, len(text) // 4)


def test_each_is_counted() -> None:
    text = CARD + b"\n" + CARD + b"\n-----BEGIN PRIVATE KEY-----\nMC4"
    assert FINDER.find(text, 0, len(text)) == {"card_number": 2, "private_key": 1}


@pytest.mark.parametrize("data", [b"\x1f\x8b\x08", b"PK\x03\x04", b"a\0b", b"\x7fELF", "ab".encode("utf-16")])
def test_what_is_no_text_is_binary(data: bytes) -> None:
    assert Finder((BINARY,)).find(data, 0, len(data)) == {BINARY: 1}
    assert not Finder((BINARY,)).find(b"text" + data, 0, 4)


def test_text_is_not_binary() -> None:
    text = "Grüße,\t名前\r\n\x1b[1mbold\x1b[0m\f\v\b\a".encode()
    assert not Finder((BINARY, "email")).find(text, 0, len(text))


@given(st.text("41 1\0", max_size=60))
def test_all_together_find_what_the_whole_does(text: str) -> None:
    data = (text + CARD.decode()).encode()
    whole = FINDER.find(data, 0, len(data))
    pieces: Counter[str] = Counter()
    for start in range(0, len(data), 7):
        pieces |= FINDER.find(data, start, start + 7)
    assert set(pieces) == set(whole)
