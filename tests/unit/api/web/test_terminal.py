import json

from api.web.terminal import as_terminal
from ingress.terminal.cast import MARKER, OUTPUT, RESIZE, make_event, make_header


def said(cast: bytes) -> list[str]:
    return [json.loads(line)[2] for line in cast.splitlines()[1:]]


def test_lines_of_a_command_without_a_terminal_begin_at_the_left() -> None:
    cast = make_header(0, "x") + make_event(0, MARKER, "ls\n") + make_event(1, OUTPUT, "a\nb\r\nc\n")
    assert said(as_terminal(cast)) == ["ls\n", "a\r\nb\r\nc\r\n"]


def test_a_terminal_is_played_as_it_was() -> None:
    cast = make_header(0, "x") + make_event(0, RESIZE, "80x24") + make_event(1, OUTPUT, "a\n")
    assert as_terminal(cast) == cast


def test_a_recording_that_only_begins_is_one() -> None:
    assert as_terminal(b"") == b""
    assert as_terminal(make_header(0, "x")) == make_header(0, "x")
    assert as_terminal(make_header(0, "x") + b"[1, ") == make_header(0, "x")
