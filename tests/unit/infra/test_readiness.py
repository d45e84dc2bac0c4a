import os

import pytest

from infra.readiness import READY, READY_FD, report_ready


def test_says_ready_and_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setenv(READY_FD, str(writing))
    report_ready()
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == READY  # to the end: the other side was closed


def test_says_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setenv(READY_FD, str(writing))
    report_ready()
    report_ready()
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.read() == READY


def test_without_a_supervisor_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(READY_FD, raising=False)
    report_ready()


def test_a_descriptor_that_is_not_open_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    monkeypatch.setenv(READY_FD, str(writing))
    with pytest.raises(OSError, match="Bad file descriptor"):
        report_ready()
