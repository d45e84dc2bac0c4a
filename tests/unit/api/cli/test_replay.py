"""A recording's bytes, cut anywhere, give what happened."""

import contextlib
import itertools

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from api.cli.replay import Entry, HttpAnswers, Kind, NotARecording, PostgresAnswers, entries, frames, lines
from ingress.interface import Frame
from ingress.postgres.messages import (
    Field,
    make,
    make_error,
    make_notice,
    make_ready,
    make_row_description,
)
from ingress.recorder import FRAME
from ingress.ssh.transfers import Direction, Transfer, make_frames

COLUMNS = (Field("id", 0, 0, 23, 4, -1, 1), Field("email", 0, 0, 25, -1, -1, 0))


def data_row(*values: bytes | None) -> bytes:
    body = len(values).to_bytes(2)
    for value in values:
        body += b"\xff\xff\xff\xff" if value is None else len(value).to_bytes(4) + value
    return make(b"D", body)


ANSWER = (
    make_row_description(COLUMNS)
    + data_row(b"\x00\x00\x00\x01", b"j***@example.com")
    + data_row(b"\x00\x00\x00\x02", None)
    + make(b"C", b"SELECT 2\0")
    + make_ready(b"I")
)


def frame(kind: Frame, microseconds: int, payload: bytes) -> bytes:
    return FRAME.pack(len(payload), microseconds, kind) + payload


def recording(*chunks: bytes) -> bytes:
    return b"".join(zstandard.ZstdCompressor().compress(chunk) for chunk in chunks)


WHOLE = recording(
    frame(Frame.COMMAND, 1_500_000, b"select id, email from customers")
    + frame(Frame.ANSWER, 1_600_000, ANSWER[:70]),
    frame(Frame.ANSWER, 1_700_000, ANSWER[70:])
    + frame(Frame.NOTE, 2_000_000, b'refused by rule "no"')
    + frame(Frame.ANSWER, 2_100_000, make_error("42501", "refused", detail="why", hint="what")),
)


def play(chunks: list[bytes]) -> list[Entry]:
    return list(entries(chunks, PostgresAnswers()))


def test_a_recording_is_what_happened() -> None:
    played = play([WHOLE])

    assert played[0] == Entry(Kind.COMMAND, "select id, email from customers", at=1.5)
    rows = [row for entry in played if entry.kind is Kind.ROWS for row in entry.rows]
    assert rows == [("1", "j***@example.com"), ("2", None)]
    assert [entry.text for entry in played if entry.kind is Kind.DONE] == ["SELECT 2"]
    assert played[-2] == Entry(Kind.NOTE, 'refused by rule "no"', at=2.0)
    assert played[-1].kind is Kind.ERROR
    assert played[-1].text == "ERROR:  refused\nDETAIL:  why\nHINT:  what"


@given(st.lists(st.integers(0, len(WHOLE)), max_size=6))
def test_it_does_not_matter_how_the_bytes_are_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(WHOLE)]
    chunks = [WHOLE[a:b] for a, b in itertools.pairwise(places)]

    assert play(chunks) == play([WHOLE])


@pytest.mark.parametrize(
    "data",
    [
        b"not zstd at all",
        recording(frame(Frame.COMMAND, 0, b"select 1")[:-1]),
        recording(FRAME.pack(1, 0, 9) + b"x"),
        recording(FRAME.pack(0xFFFFFFFF, 0, 0)),
        recording(frame(Frame.ANSWER, 0, b"\x00garbage")),
    ],
)
def test_what_is_damaged_is_said_to_be(data: bytes) -> None:
    with pytest.raises(NotARecording):
        play([data])


def test_a_file_is_said_once_and_its_content_never() -> None:
    transfer = Transfer(command="c", path="/a", direction=Direction.WRITE, bytes=9, sha256="ab", recorded=4)
    payloads = make_frames(transfer, [(0, b"se"), (7, b"cret")])
    played = play([recording(*(frame(Frame.FILE, 1_000_000, payload) for payload in payloads))])
    assert played == [Entry(Kind.NOTE, "/a: 9 bytes written, sha256:ab; 4 recorded", at=1.0)]
    with pytest.raises(NotARecording):
        play([recording(frame(Frame.FILE, 0, b"nonsense"))])


def test_an_empty_recording_is_one() -> None:
    assert list(frames([])) == []


@given(st.binary(max_size=300))
def test_any_bytes_are_a_recording_or_are_refused(data: bytes) -> None:
    for chunks in ([data], [recording(data)], [recording(frame(Frame.ANSWER, 0, data))]):
        with contextlib.suppress(NotARecording):
            play(chunks)


def test_lines_for_a_terminal() -> None:
    printed = "\n".join(line for entry in play([WHOLE]) for line in lines(entry))

    assert "[00:01.500] select id, email from customers" in printed
    assert "id" in printed
    assert "j***@example.com" in printed
    assert "SELECT 2" in printed
    assert 'refused by rule "no"' in printed
    assert "HINT:  what" in printed


def test_terminal_escapes_of_a_recording_do_nothing() -> None:
    evil = "\x1b]0;owned\x07"
    played = play(
        [
            recording(
                frame(Frame.COMMAND, 0, evil.encode())
                + frame(Frame.NOTE, 0, evil.encode())
                + frame(Frame.ANSWER, 0, make_row_description((Field(evil, 0, 0, 25, -1, -1, 0),)))
                + frame(Frame.ANSWER, 0, data_row(evil.encode()))
                + frame(Frame.ANSWER, 0, make_notice(evil))
                + frame(Frame.ANSWER, 0, make(b"d", evil.encode()))
            )
        ]
    )

    printed = "\n".join(line for entry in played for line in lines(entry))

    assert len(played) == 5
    assert "\x1b" not in printed
    assert "\x07" not in printed


def test_many_rows_come_in_pieces_with_one_heading() -> None:
    rows = b"".join(data_row(b"\0\0\0\1", str(n).encode()) for n in range(1200))
    played = play([recording(frame(Frame.ANSWER, 0, make_row_description(COLUMNS) + rows))])

    assert [len(entry.rows) for entry in played] == [500, 500, 200]
    assert len(list(lines(played[0]))) == 502
    assert len(list(lines(played[1], heading=False))) == 500


def test_an_http_answer_is_text_wherever_it_is_cut() -> None:
    text = 'HTTP/1.1 200\r\ncontent-type: application/json\r\n\r\n{"name": "Zoë"}'
    body = text.encode()
    for cut in range(len(body)):
        answers = HttpAnswers()
        found = [*answers.receive(body[:cut]), *answers.receive(body[cut:])]
        assert "".join(entry.text for entry in found) == text
