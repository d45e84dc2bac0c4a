"""Bytes no client should send, to the real listener: the connection ends, the gateway goes on."""

import contextlib
import socket
import ssl
import struct

import pytest
from support.breakable import Breakable
from support.builders import AGENT

from ingress.postgres.messages import make, make_password, make_ssl_request, make_startup

GARBAGE = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"\0\0\0\0",
    b"\xff" * 100,
    struct.pack("!II", 8, 80877103) * 5,
    struct.pack("!II", 8, 80877104) * 5,
    struct.pack("!II", 0x7FFFFFFF, 196608),
    b"\x16\x03\x01" + b"\xff" * 200,
    make_startup({"user": AGENT.name, "database": "orders"}),
    # Clear text slipped in behind SSLRequest must not be read as if it came through TLS.
    make_ssl_request() + make_startup({"user": AGENT.name}) + make_password(AGENT.token.encode()),
]


def address(breakable: Breakable) -> tuple[str, int]:
    host, _, port = breakable.gateway.listen["postgres"].rpartition(":")
    return host, int(port)


def everything(sock: socket.socket) -> bytes:
    found = b""
    try:
        while data := sock.recv(65536):
            found += data
    except (ConnectionError, ssl.SSLError):
        pass
    return found


def encrypted(breakable: Breakable) -> ssl.SSLSocket:
    sock = socket.create_connection(address(breakable), timeout=15)
    sock.sendall(make_ssl_request())
    assert sock.recv(1) == b"S"
    context = ssl.create_default_context(cafile=str(breakable.gateway.ca))
    return context.wrap_socket(sock, server_hostname="127.0.0.1")


def signed_in(breakable: Breakable) -> ssl.SSLSocket:
    sock = encrypted(breakable)
    sock.sendall(make_startup({"user": AGENT.name, "database": "plain"}))
    assert sock.recv(9) == make(b"R", struct.pack("!I", 3))
    sock.sendall(make_password(AGENT.token.encode()))
    found = b""
    while not found.endswith(make(b"Z", b"I")):
        data = sock.recv(65536)
        assert data, found
        found += data
    return sock


@pytest.mark.parametrize("said", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_before_tls(breakable: Breakable, said: bytes) -> None:
    with socket.create_connection(address(breakable), timeout=15) as sock:
        sock.sendall(said)
        with contextlib.suppress(OSError):  # it may be closed already
            sock.shutdown(socket.SHUT_WR)
        assert b"R\0\0\0\x08\0\0\0\x00" not in everything(sock), "nobody may be let in"
    await breakable.works()


@pytest.mark.parametrize(
    "said",
    [
        b"\0\0\0\x05x",
        struct.pack("!I", 1 << 30),
        make_startup({"database": "orders"}),
        make_startup({"user": AGENT.name, "replication": "perhaps"}),
        make_startup({"user": AGENT.name, "options": "-c role=postgres"}),
        make_startup({"user": AGENT.name, "database": "orders"}) + make(b"Q", b"select 1\0"),
        make_startup({"user": AGENT.name, "database": "orders"}) + b"p" + struct.pack("!I", 1 << 30),
    ],
    ids=range(7),
)
async def test_garbage_instead_of_a_login(breakable: Breakable, said: bytes) -> None:
    with encrypted(breakable) as sock:
        sock.sendall(said)
        assert b"R\0\0\0\x08\0\0\0\x00" not in everything(sock)
    await breakable.works()


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\0\0\0\x04",
        b"Q" + struct.pack("!I", 3),
        b"Q" + struct.pack("!I", 0x7FFFFFFF),
        make(b"p", b"again\0"),
        make(b"Q", b"select 1"),
        make(b"B", b"\0\0\0\x05"),
        make(b"D", b"X\0"),
        make(b"P", b"no end"),
    ],
    ids=range(8),
)
async def test_garbage_after_the_login_is_a_fatal_error(breakable: Breakable, said: bytes) -> None:
    with signed_in(breakable) as sock:
        sock.sendall(said)
        answer = everything(sock)
        assert answer.startswith(b"E")
        assert b"FATAL" in answer
    await breakable.works()
