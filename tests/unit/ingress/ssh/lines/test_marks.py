"""Marks of the shell among what programs write, cut anywhere."""

import pytest

from ingress.ssh.lines.marks import Mark, Marks

_KEY = "ab" * 16
_OWN = f"\x1b]133;D;3;{_KEY};2f746d70;61\x07".encode()
_OTHERS = f"\x1b]133;D;0;{'cd' * 16};2f;\x07".encode()


def read(*pieces: bytes) -> tuple[bytes, list[Mark]]:
    marks = Marks()
    marks.expect(_KEY)
    found = [part for piece in pieces for part in marks.feed(piece)]
    output = b"".join(part for part in found if isinstance(part, bytes)) + marks.close()
    return output, [part for part in found if isinstance(part, Mark)]


@pytest.mark.parametrize(
    "data", [_OWN, b"a" + _OWN + b"b", b"\x1b" + _OWN, _OTHERS + _OWN, b"\x1b]13" + _OWN]
)
def test_a_mark_with_the_key_is_found_however_it_comes(data: bytes) -> None:
    expected = (data.replace(_OWN, b""), [Mark(3, "/tmp", b"a")])
    assert read(data) == expected
    assert read(*(data[at : at + 1] for at in range(len(data)))) == expected


@pytest.mark.parametrize(
    "data",
    [
        _OTHERS,
        b"\x1b]133;A\x07",
        b"\x1b]133;D;0\x07",
        _OWN[:-1],
        _OWN.replace(b"2f746d70", b"2f746d7"),
        _OWN.replace(b"133", b"134"),
    ],
)
def test_anything_else_is_output(data: bytes) -> None:
    assert read(data) == (data, [])


def test_a_mark_is_for_its_turn() -> None:
    marks = Marks()
    marks.expect(_KEY)
    marks.expect("ef" * 16)
    assert marks.feed(_OWN) == [Mark(3, "/tmp", b"a", again=True)]
    marks.expect("aa" * 16)
    assert marks.feed(_OWN) == [_OWN]


def test_what_never_becomes_a_mark_is_not_kept_for_ever() -> None:
    marks = Marks()
    marks.expect(_KEY)
    data = b"\x1b]133;D;" + b"0" * 100_000
    assert marks.feed(data) == [data]
