"""What is written under a rule that blocks reaches the host in order, looked into, or not at all."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import asyncssh
import pytest
from asyncssh import FXF_APPEND, FXF_CREAT, FXF_READ, FXF_WRITE, SFTPAttrs

from ingress.ssh.upload import Uninspected, Upload, begin_upload, upload_flags
from ingress.terminal.guard import Blocked

CARD = b"4111111111111111"
REGULAR, FIFO = 0o100644, 0o010644


@dataclass
class Host:
    """The host's file. `most`: bytes in one answer; `fails`: what it refuses."""

    data: bytearray = field(default_factory=bytearray)
    permissions: int = REGULAR
    most: int = 1_000_000
    fails: str = ""

    async def stat(self) -> SFTPAttrs:
        return SFTPAttrs(size=len(self.data), permissions=self.permissions)

    async def read(self, size: int, offset: int) -> bytes:
        return bytes(self.data[offset : offset + min(size, self.most)])

    async def write(self, data: bytes, offset: int) -> int:
        if self.fails == "write":
            raise asyncssh.SFTPNoSpaceOnFilesystem("full")
        self.data[offset : offset + len(data)] = data
        return len(data)

    async def setstat(self, attrs: SFTPAttrs) -> None:
        if self.fails == "setstat":
            raise asyncssh.SFTPPermissionDenied("no")
        assert attrs.size is not None
        del self.data[attrs.size :]


async def upload(
    host: Host, *, appends: bool = False, turn: asyncio.Lock | None = None, passed: list[bytes] | None = None
) -> Upload:
    file = cast(asyncssh.SFTPClientFile, host)
    seen = [] if passed is None else passed
    return await begin_upload(
        file, ("card_number",), turn or asyncio.Lock(), lambda _, data: seen.append(data), appends=appends
    )


async def test_what_is_clean_arrives_and_is_told() -> None:
    host, passed = Host(most=100), list[bytes]()
    writing = await upload(host, passed=passed)
    data = b"some text\n" * 50_000
    for start in range(0, len(data), 30_000):
        await writing.write(start, data[start : start + 30_000])
        assert len(writing._kept) < 110_000, "what waits is bounded"
    assert writing.size == len(data)
    await writing.settle()
    assert bytes(host.data) == b"".join(passed) == data


@pytest.mark.parametrize("before", [0, 10, 70_000, 200_000])
@pytest.mark.parametrize("size", [5, 32_768])
async def test_a_value_does_not_arrive(before: int, size: int) -> None:
    host, passed = Host(), list[bytes]()
    writing = await upload(host, passed=passed)
    data = b"x" * before + b" " + CARD + b" "

    async def write() -> None:
        for start in range(0, len(data), size):
            await writing.write(start, data[start : start + size])
        await writing.settle()

    with pytest.raises(Blocked):
        await write()
    assert host.data == b""
    assert writing.stays == "It is empty there now."
    assert CARD[:1] not in b"".join(passed)


async def test_what_was_there_before_stays() -> None:
    host = Host(bytearray(b"ends in " + CARD[:8]))
    writing = await upload(host, appends=True)
    await writing.write(0, CARD[8:])
    with pytest.raises(Blocked):
        await writing.settle()
    assert host.data == b"ends in " + CARD[:8]
    assert writing.stays == "It is as it was before there."


async def test_what_was_found_before_is_not_held_against_it() -> None:
    host = Host(bytearray(b"paid with " + CARD))
    writing = await upload(host, appends=True)
    await writing.write(0, b"\nand thanks")
    await writing.settle()
    assert host.data == b"paid with " + CARD + b"\nand thanks"


async def test_a_longer_one_in_the_place_of_a_shorter_one_is_found() -> None:
    host = Host(bytearray(b"4222222222222"))  # thirteen digits are one, and sixteen
    writing = await upload(host, appends=True)
    await writing.write(0, b"221 ")
    await writing.settle()
    writing = await upload(Host(bytearray(CARD[:13])), appends=True)
    await writing.write(0, CARD[13:])
    with pytest.raises(Blocked):
        await writing.settle()


async def test_over_what_is_there_as_openssh_does() -> None:
    """Its scp truncates no file before it has written it."""
    host = Host(bytearray(b"old text\n" * 20_000))
    writing = await upload(host)
    data = b"new text\n" * 10_000
    for start in range(0, len(data), 32_768):
        await writing.write(start, data[start : start + 32_768])
    await writing.cut(len(data))
    assert host.data == data


async def test_what_stands_behind_it_counts() -> None:
    host = Host(bytearray(b"xxxxxxxx" + CARD[8:] + b" and more"))
    writing = await upload(host)
    await writing.write(0, CARD[:8])
    with pytest.raises(Blocked):
        await writing.settle()
    assert host.data == b""
    host = Host(bytearray(b"x" * 70_000 + CARD[8:]))
    writing = await upload(host)
    await writing.write(0, b"y" * 69_992 + CARD[:8] + b"no card" + b"y" * 10_000)
    assert CARD not in host.data
    await writing.settle()


async def test_it_is_not_cut_to_a_value() -> None:
    host = Host(bytearray(b"x" * 15 + b"12 "))
    writing = await upload(host)
    await writing.write(0, CARD[:15])
    await writing.settle()
    assert host.data == CARD[:15] + b"12 "
    await writing.write(15, b"12")
    await writing.settle()
    with pytest.raises(Uninspected, match="another size"):
        await writing.cut(16)
    assert host.data == b""


async def test_where_another_changed_its_end_it_is_not_cut_to_a_value() -> None:
    host = Host()
    writing = await upload(host)
    await writing.write(0, b"x" * 16)
    await writing.settle()
    host.data[:] = CARD + b"2"
    with pytest.raises(Blocked):
        await writing.cut(16)
    assert host.data == b""


@pytest.mark.parametrize("offset", [0, 1, 4, 99])
async def test_another_order_is_refused(offset: int) -> None:
    host = Host()
    writing = await upload(host)
    await writing.write(0, b"abc")
    with pytest.raises(Uninspected, match="not written in order"):
        await writing.write(offset, b"def")
    assert host.data == b""


@pytest.mark.parametrize("change", [b"", b"another", b"a0123456789 and more"])
async def test_where_another_writes_meanwhile_it_ends(change: bytes) -> None:
    host = Host(bytearray(b"a"))
    writing = await upload(host)
    await writing.write(1, b"0123456789")
    await writing.settle()
    host.data[:] = change
    await writing.write(11, b"x")
    with pytest.raises(Uninspected, match="somebody else changed it"):
        await writing.settle()
    assert host.data == change
    assert writing.stays == "It stays as it is there."


async def test_what_another_wrote_of_the_same_length_is_seen() -> None:
    host = Host()
    writing = await upload(host)
    await writing.write(0, b"01234567")
    await writing.settle()
    host.data[:] = CARD[:8]
    await writing.write(8, CARD[8:])
    with pytest.raises(Blocked):
        await writing.settle()


async def test_two_take_turns() -> None:
    host, turn = Host(), asyncio.Lock()
    one = await upload(host, turn=turn, appends=True)
    two = await upload(host, turn=turn, appends=True)
    await one.write(0, CARD[:8])
    await two.write(0, CARD[8:])
    ended = await asyncio.gather(one.settle(), two.settle(), return_exceptions=True)
    assert [type(error) for error in ended if error is not None] == [Uninspected]
    assert host.data in (CARD[:8], CARD[8:])


async def test_over_each_other_they_make_no_value() -> None:
    """`4111111` over the beginning of `xxxxxxx111111111 `."""
    host, turn = Host(), asyncio.Lock()
    long, short = await upload(host, turn=turn), await upload(host, turn=turn)
    await long.write(0, b"xxxxxxx" + CARD[7:] + b" ")
    await short.write(0, CARD[:7])
    await long.settle()
    with pytest.raises(Blocked):
        await short.settle()
    assert host.data == b""


async def test_where_it_cannot_be_taken_back_it_says_what_stays() -> None:
    host = Host(fails="setstat")
    writing = await upload(host)
    await writing.write(0, b"x" * 10)
    await writing.settle()
    await writing.write(10, b" " + CARD)
    with pytest.raises(Blocked):
        await writing.settle()
    assert writing.stays == "Its first 10 bytes stay there, in which nothing was found."


async def test_what_the_host_refuses_is_told() -> None:
    writing = await upload(Host(fails="write"))
    await writing.write(0, b"x")
    with pytest.raises(asyncssh.SFTPNoSpaceOnFilesystem):
        await writing.settle()


async def test_only_regular_files_are_written() -> None:
    with pytest.raises(Uninspected, match="no regular file"):
        await upload(Host(permissions=FIFO))


def test_what_a_file_ends_with_can_be_read() -> None:
    assert upload_flags(FXF_APPEND | FXF_CREAT) == FXF_READ | FXF_WRITE | FXF_CREAT
