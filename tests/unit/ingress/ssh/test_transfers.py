"""Frames about files: what is written can be read, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.ssh.transfers import Direction, Transfer, make_frames, parse_frame

TRANSFER = Transfer(
    command="c", path='/srv/"a\nb', direction=Direction.WRITE, bytes=3_000_000, sha256="", recorded=1_000_002
)


@given(st.lists(st.tuples(st.integers(0, 2**63), st.binary(min_size=1, max_size=100)), max_size=5))
def test_a_transfer_is_read_as_it_was_written(parts: list[tuple[int, bytes]]) -> None:
    found = [parse_frame(payload) for payload in make_frames(TRANSFER, parts)]
    assert {transfer for transfer, _, _ in found} == {TRANSFER}
    assert [(offset, data) for _, offset, data in found if data] == parts
    assert len(found) == max(1, len(parts))


def test_a_long_part_comes_in_frames_that_no_recorder_cuts() -> None:
    data = bytes(range(256)) * 5000
    payloads = list(make_frames(TRANSFER, [(7, data)]))
    assert all(len(payload) < 1024 * 1024 for payload in payloads)
    at = 7
    for payload in payloads:
        _, offset, part = parse_frame(payload)
        assert (offset, part) == (at, data[at - 7 : at - 7 + len(part)])
        at += len(part)
    assert at == 7 + len(data)


@pytest.mark.parametrize(
    "payload", [b"", b"\n", b"{}\n", b'{"command": 1}\n', next(make_frames(TRANSFER, [])).rstrip(b"\n")]
)
def test_what_is_no_frame_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="a frame of a file"):
        parse_frame(payload)
