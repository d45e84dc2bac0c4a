"""The pace of a replay."""

import time

from api.cli.replay import Entry, Kind
from api.cli.sessions import paced

PLAYED = [Entry(Kind.NOTE, "a", at=0.0), Entry(Kind.NOTE, "b", at=4.0), Entry(Kind.NOTE, "c", at=8.0)]


def test_at_once() -> None:
    began = time.monotonic()

    assert list(paced(PLAYED, 0)) == PLAYED
    assert time.monotonic() - began < 1


def test_as_fast_as_asked() -> None:
    began = time.monotonic()
    moments = [time.monotonic() - began for _ in paced(PLAYED, 40)]

    assert moments[1] >= 0.1
    assert moments[2] >= 0.2
