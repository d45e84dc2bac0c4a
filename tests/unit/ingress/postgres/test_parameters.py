"""What an event shows of bound parameters."""

import pytest

from ingress.postgres.parameters import readable


def test_texts_and_bytes_are_readable() -> None:
    assert readable((b"Jane", None, b"\x00\x01", b"")) == ("Jane", None, "\\x0001", "")


def test_of_a_long_one_nothing_but_its_length_is_shown() -> None:
    assert readable((b"x" * 5_000_000, b"short")) == ("‹5000000 bytes›", "short")


@pytest.mark.parametrize("length", [1, 100, 65_536, 70_000])
def test_all_together_never_outgrow_an_event(length: int) -> None:
    shown = readable([b"\xff" * length] * 65_535)
    assert sum(len(one or "") for one in shown) < 1_800_000
