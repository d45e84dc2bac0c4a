"""A stream that comes in any pieces, with any pauses, shows no value."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.terminal.screen import Screen

DETECT = ("card_number", "email", "private_key", "jwt", "iban")
KEY = "-----BEGIN PRIVATE KEY-----\n" + "MC4CAQAwBQYDK2Vw\n" * 40 + "-----END PRIVATE KEY-----\n"
SAID = (
    b"card 4111111111111111 and 5500-0000-0000-0004\n$ jane.doe@example.com, DE89370400440532013000\n"
    + KEY.encode()
)


def _shown(pieces: list[bytes], *, pauses: bool) -> bytes:
    screen, shown = Screen(DETECT), b""
    for piece in pieces:
        shown += screen.write(piece)
        if pauses:
            shown += screen.settle()
    return shown + screen.close()


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 100, 5000])
def test_pieces_show_what_the_whole_shows(size: int) -> None:
    whole = _shown([SAID], pauses=False)
    assert b"4111111" not in whole
    assert b"MC4CAQAw" not in whole
    assert _shown(_cut(SAID, size), pauses=False) == whole


@pytest.mark.parametrize("size", [1, 3, 7, 16, 100])
def test_a_writer_that_pauses_shows_no_value_either(size: int) -> None:
    shown = _shown(_cut(SAID, size), pauses=True)
    assert len(shown) == len(SAID)
    assert b"41111111" not in shown
    assert b"jane.doe@e" not in shown
    assert b"DE8937040044" not in shown
    assert not re.search(rb"MC4CAQAwBQYDK2Vw", shown)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_it_keeps_every_byte_s_place(data: bytes, size: int) -> None:
    assert len(_shown(_cut(data, size), pauses=True)) == len(data)


@pytest.mark.parametrize(
    "prompt", [b"deploy@web-1:~$ ", b"Password: ", b"\x1b[1m>\x1b[0m ", b"ls -l", b"42%"]
)
def test_a_prompt_leaves_when_its_writer_pauses(prompt: bytes) -> None:
    screen = Screen(DETECT)
    assert screen.write(prompt) + screen.settle() == prompt


def test_values_are_counted_once() -> None:
    screen = Screen(DETECT)
    for piece in _cut(b"4111111111111111 and 5500000000000004\nagain\nagain\n", 5):
        screen.write(piece)
    screen.close()
    assert screen.masked == {"card_number": 2}


def test_without_detectors_nothing_waits() -> None:
    assert Screen(()).write(b"4111") == b"4111"


def test_an_echo_need_not_wait_for_a_pause() -> None:
    screen = Screen(DETECT)
    assert screen.write(b"l") == b""
    screen.typed()
    assert screen.write(b"s") == b"ls"
    assert screen.write(b" ") == b"", "nobody typed it"


def test_what_is_no_echo_waits_though_a_key_was_pressed() -> None:
    screen = Screen(DETECT)
    screen.typed()
    assert screen.write(b"x" * 100) == b""
    assert screen.write(b"y") == b"", "the key had its answer"


@pytest.mark.parametrize("size", [1, 3, 7, 16, 60])
def test_who_types_along_sees_no_value_either(size: int) -> None:
    screen, shown = Screen(DETECT), b""
    for piece in _cut(SAID, size):
        screen.typed()
        shown += screen.write(piece)
    shown += screen.close()
    assert len(shown) == len(SAID)
    assert b"41111111" not in shown
    assert b"jane.doe@e" not in shown
    assert b"DE8937040044" not in shown
