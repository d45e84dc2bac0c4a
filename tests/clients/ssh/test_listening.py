"""OpenSSH's remote forwarding, and sockets: what listens or connects at the host is a command."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from support.builders import DANA
from support.deciding import decide
from support.gateway import Gateway
from support.processes import free_port
from support.sshd import Client, Running, Sshd
from support.wait import eventually


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of the client's own server, that says back what it is told."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def _forwarding(client: Client, *options: str, resource: str = "forwards") -> AsyncIterator[Running]:
    """`ssh -N` with these."""
    argv = ["ssh", "-N", "-o", "LogLevel=DEBUG1", *options, *client.options(resource), "127.0.0.1"]
    async with client.running(argv) as ssh:
        yield ssh


async def _said_back(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], data: bytes) -> bytes:
    reader, writer = connection
    writer.write(data)
    writer.write_eof()
    async with asyncio.timeout(30):
        try:
            return await reader.read(-1)
        except ConnectionError:
            return b""
        finally:
            writer.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_a_port_of_the_host_leads_to_the_client(client: Client, echo: int, gateway: Gateway) -> None:
    port, data = free_port(), bytes(range(256)) * 100
    async with _forwarding(client, "-R", f"localhost:{port}:127.0.0.1:{echo}") as ssh:
        await ssh.said("remote forward success")
        for _ in range(2):
            assert await _said_back(await asyncio.open_connection("127.0.0.1", port), data) == data
        ssh.process.terminate()
        await ssh.process.wait()
    await eventually(lambda: not _listens(port), what="the port closed")

    def recorded() -> bool:
        sql = f"select outcome, bytes from commands where text = 'listen localhost:{port} for the client'"
        return gateway.audit(sql + " and bytes > 0") == [{"outcome": "succeeded", "bytes": 2 * len(data)}]

    await eventually(recorded, every=0.5, what="the listener in the audit log")


async def test_its_limit_closes_it(client: Client, echo: int) -> None:
    port = free_port()
    async with _forwarding(client, "-R", f"localhost:{port}:127.0.0.1:{echo}") as ssh:
        await ssh.said("remote forward success")
        back = await _said_back(await asyncio.open_connection("127.0.0.1", port), bytes(300_000))
        assert len(back) <= 100_000
        await eventually(lambda: not _listens(port), what="the port closed")


async def test_a_port_that_the_host_chooses(client: Client, echo: int) -> None:
    async with _forwarding(client, "-R", f"localhost:0:127.0.0.1:{echo}") as ssh:
        said = await ssh.said("Allocated port ", on="err")
        await eventually(lambda: " for remote forward" in ssh.err.decode(), what="the whole line")
        port = int(ssh.err.decode().partition("Allocated port ")[2].split()[0])
        assert await _said_back(await asyncio.open_connection("127.0.0.1", port), b"x") == b"x", said


@pytest.mark.parametrize(
    ("resource", "address"), [("reads", "localhost"), ("forwards", "*")], ids=["no rule", "another address"]
)
async def test_without_a_rule_nothing_listens(client: Client, echo: int, resource: str, address: str) -> None:
    port = free_port()
    forward = ("-R", f"{address}:{port}:127.0.0.1:{echo}")
    async with _forwarding(client, *forward, resource=resource) as ssh:
        await ssh.said("remote port forwarding failed")
        await ssh.said("no rule allows this")
        assert not _listens(port)


async def test_a_held_listener_outlives_the_keep_alives(client: Client, echo: int, gateway: Gateway) -> None:
    options = ("-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2")
    forward = ("-R", f"localhost:{free_port()}:127.0.0.1:{echo}")
    async with _forwarding(client, *options, *forward, resource="web-1") as ssh:
        said = await ssh.said("held for review")
        await eventually(lambda: ssh.err.count(b"still waits") >= 5, what="five signs of life")
        approval = re.search(r"approval ([0-9a-f-]+)", said)
        assert approval is not None
        await decide(gateway, DANA, approval[1], "approve", "fine")
        await ssh.said("remote forward success")


async def test_the_session_goes_on_and_says_why(client: Client, echo: int) -> None:
    forward = ["-R", f"localhost:{free_port()}:127.0.0.1:{echo}", "-o", "ExitOnForwardFailure=no"]
    done = await client.run("echo on", resource="reads", options=forward)
    assert done.stdout == "on\n"
    assert "no rule allows this" in done.stderr


async def test_a_socket_of_the_host_leads_to_the_client(client: Client, echo: int, sshd: Sshd) -> None:
    path = sshd.files / "open" / "remote.sock"
    async with _forwarding(client, "-R", f"{path}:127.0.0.1:{echo}") as ssh:
        await ssh.said("remote forward success")
        assert await _said_back(await asyncio.open_unix_connection(path), b"x" * 5000) == b"x" * 5000
    elsewhere = sshd.files / "elsewhere.sock"
    async with _forwarding(client, "-R", f"{elsewhere}:127.0.0.1:{echo}") as ssh:
        await ssh.said("no rule allows this")
        assert not elsewhere.exists()


async def test_a_socket_of_the_host_is_reached(
    client: Client, sshd: Sshd, tmp_path: Path, gateway: Gateway
) -> None:
    """A link leads to where it leads, whatever it is called."""
    served = {name: sshd.files / name / "local.sock" for name in ("open", "closed")}
    served["closed"].parent.mkdir()
    servers = [await asyncio.start_unix_server(_echo, path) for path in served.values()]
    for path in served.values():
        path.chmod(0o777)
    for path, back in (
        (served["open"], b"x"),
        (served["closed"], b""),
        (sshd.files / "open" / "link.sock", b""),
    ):
        port = free_port()
        async with _forwarding(client, "-L", f"127.0.0.1:{port}:{path}"):
            await eventually(partial(_listens, port), what="ssh listens")
            assert await _said_back(await asyncio.open_connection("127.0.0.1", port), b"x") == back, path
    for server in servers:
        server.close()
