"""Any cut of the bytes gives the same messages; what no peer sends is refused."""

import contextlib
import struct
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.chunking import cut

from ingress.errors import ClientError, ProtocolError, TargetError
from ingress.postgres.codec import (
    MAX_SMALL,
    MAX_STARTUP,
    Block,
    ClientReader,
    Message,
    Oversized,
    TargetReader,
    startup_packet,
)
from ingress.postgres.messages import make

bodies = st.binary(max_size=200)
client_messages = st.lists(st.tuples(st.sampled_from([b"Q", b"P", b"B", b"d", b"S"]), bodies), max_size=12)
target_messages = st.lists(
    st.tuples(st.sampled_from([b"D", b"d", b"T", b"C", b"Z", b"N"]), bodies), max_size=20
)


def read_client(pieces: Iterable[bytes]) -> list[Message]:
    reader, found = ClientReader(), []
    for piece in pieces:
        reader.receive_data(piece)
        while (message := reader.next_message()) is not None:
            found.append(message)
    return found


def read_target(pieces: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    """Blocks taken apart, so that only the order and the bytes count."""
    reader = TargetReader()
    found: list[tuple[bytes, bytes]] = []
    for piece in pieces:
        for item in reader.receive_data(piece):
            if isinstance(item, Message):
                found.append((item.kind, item.body))
                continue
            assert isinstance(item, Block)
            rows = 0
            position = 0
            while position < len(item.data):
                length = struct.unpack_from("!I", item.data, position + 1)[0]
                found.append(
                    (item.data[position : position + 1], item.data[position + 5 : position + 1 + length])
                )
                assert item.data[position : position + 1] == item.kind
                position += 1 + length
                rows += 1
            assert rows == item.count
    return found


@given(client_messages, st.lists(st.integers(1, 2000), max_size=60))
def test_a_clients_bytes_may_be_cut_anywhere(messages: list[tuple[bytes, bytes]], places: list[int]) -> None:
    data = b"".join(make(kind, body) for kind, body in messages)
    assert [(m.kind, m.body) for m in read_client(cut(data, places))] == messages


@given(target_messages, st.lists(st.integers(1, 3000), max_size=80))
def test_a_targets_bytes_may_be_cut_anywhere(messages: list[tuple[bytes, bytes]], places: list[int]) -> None:
    data = b"".join(make(kind, body) for kind, body in messages)
    assert read_target(cut(data, places)) == messages


def test_rows_that_arrive_together_are_one_block() -> None:
    rows = make(b"D", b"one") + make(b"D", b"two")
    [block, complete] = TargetReader().receive_data(rows + make(b"C", b"SELECT 2\0"))
    assert block == Block(b"D", rows, 2)
    assert isinstance(complete, Message)


def test_a_message_keeps_its_bytes() -> None:
    [message] = read_client([make(b"Q", b"select 1\0")])
    assert message.raw == make(b"Q", b"select 1\0")


@pytest.mark.parametrize("first", [0, 0x16, ord("R"), ord("Z"), 255])
def test_a_type_no_client_sends_is_refused_at_its_first_byte(first: int) -> None:
    reader = ClientReader()
    reader.receive_data(bytes([first]))
    with pytest.raises(ClientError, match="invalid frontend message type"):
        reader.next_message()


@pytest.mark.parametrize("length", [0, 3, MAX_SMALL + 1, 0xFFFFFFFF])
def test_a_length_out_of_bounds_is_refused_before_its_body_comes(length: int) -> None:
    reader = ClientReader()
    reader.receive_data(b"S" + struct.pack("!I", length))
    with pytest.raises(ClientError, match="bytes long"):
        reader.next_message()


@pytest.mark.parametrize(("kind", "length"), [(b"D", 0), (b"D", 3), (b"C", 0), (b"C", 3), (b"C", 0x7FFFFFFF)])
def test_a_targets_length_out_of_bounds_is_refused(kind: bytes, length: int) -> None:
    with pytest.raises(TargetError):
        TargetReader().receive_data(kind + struct.pack("!I", length) + b"\0" * 10)


@pytest.mark.parametrize("size", [1, 7, 30])
def test_a_row_that_is_too_long_is_read_past(size: int) -> None:
    rows = [
        make(b"D", b"a"),
        make(b"D", b"b" * 60),
        make(b"D", b"c"),
        make(b"d", b"e" * 40),
        make(b"C", b"f"),
    ]
    data = b"".join(rows)
    reader = TargetReader(limit=30)
    found = [item for at in range(0, len(data), size) for item in reader.receive_data(data[at : at + size])]
    assert found == [
        Block(b"D", rows[0], 1),
        Oversized(64),
        Block(b"D", rows[2], 1),
        Oversized(44),
        Message(b"C", b"f"),
    ]


def test_a_type_no_server_sends_is_refused() -> None:
    with pytest.raises(TargetError, match="unknown type"):
        TargetReader().receive_data(make(b"Q", b"select 1\0"))


@given(st.binary(max_size=300))
def test_garbage_never_crashes_the_readers(data: bytes) -> None:
    client, target = ClientReader(), TargetReader()
    try:
        client.receive_data(data)
        while client.next_message() is not None:
            pass
    except ProtocolError:
        pass
    with contextlib.suppress(ProtocolError):
        target.receive_data(data)


def test_a_startup_packet_waits_until_it_is_whole() -> None:
    packet = struct.pack("!II", 9, 196608) + b"\0"
    assert all(startup_packet(packet[:cut]) is None for cut in range(len(packet)))
    assert startup_packet(packet + b"more") == (packet[4:], 9)


@pytest.mark.parametrize("length", [0, 7, MAX_STARTUP + 1, 0xFFFFFFFF])
def test_a_startup_packet_out_of_bounds_is_refused(length: int) -> None:
    with pytest.raises(ProtocolError):
        startup_packet(struct.pack("!I", length))
