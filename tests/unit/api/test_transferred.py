"""Files out of a recording: as they were at the end, under names that do no harm."""

import itertools

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from api.transferred import Content, Listing, safe_name
from ingress.interface import Frame
from ingress.recorder import FRAME
from ingress.ssh.transfers import Direction, Transfer, make_frames


def transfer(command: str, direction: Direction = Direction.WRITE) -> Transfer:
    return Transfer(command=command, path="/a", direction=direction, bytes=9, sha256="", recorded=9)


def chunk(*payloads: bytes, kind: Frame = Frame.FILE) -> bytes:
    plain = b"".join(FRAME.pack(len(payload), 0, kind) + payload for payload in payloads)
    return zstandard.ZstdCompressor().compress(plain)


@given(st.lists(st.tuples(st.integers(0, 40), st.binary(min_size=1, max_size=12)), max_size=8))
def test_content_is_what_was_written_last(parts: list[tuple[int, bytes]]) -> None:
    content = Content("c", Direction.WRITE)
    content.add(chunk(*make_frames(transfer("c"), parts)))
    image: dict[int, int] = {}
    for offset, data in parts:
        image.update(enumerate(data, offset))
    assert {start + n: byte for start, part in content.parts for n, byte in enumerate(part)} == image
    assert all(a[0] + len(a[1]) < b[0] for a, b in itertools.pairwise(content.parts))


def test_content_is_that_of_one_transfer() -> None:
    chunks = [
        chunk(b"ls", kind=Frame.COMMAND),
        chunk(*make_frames(transfer("a"), [(0, b"one")]), *make_frames(transfer("b"), [(0, b"two")])),
        chunk(*make_frames(transfer("a", Direction.READ), [(0, b"three")])),
        chunk(*make_frames(transfer("empty"), [])),
    ]
    listing, content, empty = Listing(), Content("a", Direction.WRITE), Content("empty", Direction.WRITE)
    other = Content("empty", Direction.READ)
    for found in chunks:
        for reader in (listing, content, empty, other):
            reader.add(found)
    assert [(one.command, one.direction) for one in listing.transfers] == [
        ("a", Direction.WRITE),
        ("b", Direction.WRITE),
        ("a", Direction.READ),
        ("empty", Direction.WRITE),
    ]
    assert content.parts == [(0, bytearray(b"one"))]
    assert (empty.transfer, empty.parts) == (transfer("empty"), [])
    assert other.transfer is None


def test_what_is_damaged_is_said_to_be() -> None:
    with pytest.raises(ValueError, match="a frame of a file"):
        Listing().add(chunk(b"nonsense"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/srv/data.csv", "data.csv"),
        ("/srv/..", "file"),
        ("..", "file"),
        ("/srv/.ssh", "ssh"),
        ("-rf", "rf"),
        ('a"; filename="b', "a_filename_b"),
        ("a\r\nX: y", "a_X_y"),
        ("", "file"),
        ("/" + "a" * 300, "a" * 100),
        ("/über", "_ber"),
    ],
)
def test_a_name_does_no_harm(path: str, name: str) -> None:
    assert safe_name(path) == name
