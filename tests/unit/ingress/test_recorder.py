"""Frames of a recording: nothing lost, nothing of a level that is not wanted, bounded pieces."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wait import eventually

from ingress.interface import Frame
from ingress.recorder import Level, Recorder, most_of_a_file_at, parse_frames

frames = st.lists(st.tuples(st.sampled_from(list(Frame)), st.binary(min_size=1, max_size=300)), max_size=20)


class Shelf:
    """What was published, and when it became durable."""

    def __init__(self) -> None:
        self.chunks: list[tuple[int, bytes]] = []
        self.futures: list[asyncio.Future[None]] = []
        self.pressures = 0

    def publish(self, sequence: int, chunk: bytes) -> "asyncio.Future[None]":
        self.chunks.append((sequence, chunk))
        self.futures.append(asyncio.get_running_loop().create_future())
        return self.futures[-1]

    def press(self) -> None:
        self.pressures += 1

    def recorder(self, level: Level) -> Recorder:
        return Recorder(level, self.publish, self.press)

    def frames(self) -> list[tuple[Frame, bytes]]:
        return [(kind, data) for _, chunk in self.chunks for kind, _, data in parse_frames(chunk)]


@given(frames)
def test_what_was_added_can_be_read_in_order(added: list[tuple[Frame, bytes]]) -> None:
    async def scenario() -> None:
        shelf = Shelf()
        recorder = shelf.recorder("full")
        for kind, data in added:
            recorder.add(kind, data)
        recorder.flush()
        assert shelf.frames() == added
        assert [sequence for sequence, _ in shelf.chunks] == list(range(len(shelf.chunks)))

    asyncio.run(scenario())


async def test_a_long_answer_is_cut_into_frames_that_fit_kafka() -> None:
    shelf = Shelf()
    recorder = shelf.recorder("full")
    long = bytes(range(256)) * 10_000
    recorder.add(Frame.ANSWER, long)
    recorder.flush()
    assert b"".join(data for _, data in shelf.frames()) == long
    assert len(shelf.chunks) > 1


async def test_a_preview_keeps_the_beginning_of_each_answer() -> None:
    shelf = Shelf()
    recorder = shelf.recorder("preview")
    for _ in range(2):
        recorder.add(Frame.COMMAND, b"select 1")
        for _ in range(100):
            recorder.add(Frame.ANSWER, b"x" * 1000)
    recorder.flush()
    answers = sum(len(data) for kind, data in shelf.frames() if kind is Frame.ANSWER)
    assert 2 * 60_000 < answers <= 2 * 64 * 1024


async def test_what_a_preview_has_of_files_is_bounded_before() -> None:
    shelf = Shelf()
    recorder = shelf.recorder("preview")
    for _ in range(3):
        recorder.add(Frame.FILE, b"x" * most_of_a_file_at("preview"))
    recorder.flush()
    assert len(shelf.frames()) == 3
    assert most_of_a_file_at("metadata") == 0 < most_of_a_file_at("preview") < most_of_a_file_at("full")


async def test_metadata_records_nothing() -> None:
    shelf = Shelf()
    recorder = shelf.recorder("metadata")
    recorder.add(Frame.COMMAND, b"select 1")
    recorder.flush()
    assert shelf.chunks == []


async def test_a_recording_that_kafka_does_not_take_holds_the_session_back() -> None:
    shelf = Shelf()
    recorder = shelf.recorder("full")
    while not recorder.is_behind:
        recorder.add(Frame.ANSWER, bytes(100_000))
        assert len(shelf.chunks) < 100
    shelf.futures[0].set_result(None)
    await asyncio.sleep(0)
    assert not recorder.is_behind
    assert shelf.pressures == 1


async def test_a_frame_is_sent_without_waiting_for_more() -> None:
    shelf = Shelf()
    recorder = shelf.recorder("full")
    recorder.add(Frame.COMMAND, b"select 1")
    await eventually(lambda: shelf.chunks)
    assert shelf.frames() == [(Frame.COMMAND, b"select 1")]


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x28\xb5\x2f\xfd"])
def test_what_is_no_recording_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="recording"):
        parse_frames(data)
