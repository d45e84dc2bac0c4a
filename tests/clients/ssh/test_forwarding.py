"""OpenSSH's local forwarding: a connection from the host is a command."""

import asyncio
import socket
from collections.abc import AsyncIterator

import asyncssh
import pytest
from support.gateway import Gateway
from support.sshd import Client
from support.wait import eventually


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of a server that says back what it is told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


async def _through(client: Client, resource: str, to: str, data: bytes) -> tuple[bytes, str]:
    """What comes back through `ssh -L`, and what ssh said."""
    port = _free_port()
    forward = ["-N", "-L", f"127.0.0.1:{port}:{to}", "-o", "ExitOnForwardFailure=yes", "-o", "LogLevel=INFO"]
    async with client.running(["ssh", *forward, *client.options(resource), "127.0.0.1"]) as ssh:

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        await eventually(listens, what="ssh listens")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(20):
            try:
                back = await reader.read(-1)
            except ConnectionError:
                back = b""
        writer.close()
        return back, ssh.err.decode()


async def test_a_rule_lets_a_connection_through(client: Client, echo: int, gateway: Gateway) -> None:
    data = bytes(range(256)) * 300
    assert (await _through(client, "forwards", f"127.0.0.1:{echo}", data))[0] == data

    def recorded() -> bool:
        sql = f"select outcome, bytes from commands where text = 'forward 127.0.0.1:{echo}' and bytes > 0"
        return gateway.audit(sql) == [{"outcome": "succeeded", "bytes": len(data)}]

    await eventually(recorded, every=0.5, what="the connection in the audit log")


async def test_its_limit_ends_it(client: Client, echo: int) -> None:
    back, _ = await _through(client, "forwards", f"127.0.0.1:{echo}", bytes(300_000))
    assert len(back) <= 100_000


async def test_without_a_rule_none_is_made(client: Client, echo: int) -> None:
    for resource, to in (("reads", f"127.0.0.1:{echo}"), ("forwards", f"localhost:{echo}")):
        back, said = await _through(client, resource, to, b"x")
        assert back == b""
        assert "no rule allows this" in said


async def test_a_tunnel_is_opened_where_a_rule_allows_it(client: Client, gateway: Gateway) -> None:
    packets = [b"\x45" + bytes(99), b"\x45" + bytes(1399)]  # IPv4 by their first byte
    async with asyncio.timeout(60), await client.connected("agent-7:tunnels") as connection:
        reader, writer = await connection.open_tun(0)
        for packet in packets:
            writer.write(packet)
        assert [await reader.read() for _ in packets] == packets
        writer.close()
        with pytest.raises(asyncssh.ChannelOpenError, match="no rule allows this"):
            await connection.open_tun(1)

    def recorded() -> bool:
        sql = "select bytes from commands where text = 'tunnel tun0' and bytes > 0"
        return gateway.audit(sql) == [{"bytes": sum(map(len, packets))}]

    await eventually(recorded, every=0.5, what="the tunnel in the audit log")


async def test_a_host_without_tunnels_is_said(client: Client) -> None:
    """The real sshd: PermitTunnel is off, as it is by default."""
    async with await client.connected("agent-7:plain") as connection:
        with pytest.raises(asyncssh.ChannelOpenError, match="the host does not do it"):
            await connection.open_tun(0)
        assert (await connection.run("echo on")).stdout == "on\n"
