"""What else OpenSSH's client is used for: jumping, a SOCKS proxy, and waiting for long with keep-alives."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.builders import DANA
from support.deciding import decide
from support.gateway import Gateway
from support.processes import free_port
from support.sshd import Client, Sshd
from support.wait import eventually

# The answer to a global request (RFC 4254, section 4).
_KEPT_ALIVE = re.compile(r"receive packet: type 8[12]\b")


async def test_a_held_command_outlives_its_keep_alives(client: Client, gateway: Gateway, sshd: Sshd) -> None:
    mark = sshd.files / "kept"
    options = ["-vvv", "-o", "LogLevel=DEBUG3", "-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=1"]
    argv = ["ssh", *options, *client.options("web-1"), "127.0.0.1", f"touch {mark}"]
    async with client.running(argv) as ssh:
        said = await ssh.said("held for review")

        def is_kept() -> bool:
            answers = ssh.err.decode(errors="replace").partition("held for review")[2]
            return len(_KEPT_ALIVE.findall(answers)) >= 3

        await eventually(is_kept, what="three keep-alives answered while it is held")
        await ssh.said("left; a member of dba can decide")
        approval = re.search(r"approval ([0-9a-f-]+)", said)
        assert approval is not None
        await decide(gateway, DANA, approval[1], "approve", "fine")
        done = await ssh.finish()
    assert f"still held for review: approval {approval[1]}" in done.stderr
    assert done.status == 0
    assert mark.exists()


async def test_a_jump_is_a_forward_that_a_rule_allows(client: Client, sshd: Sshd, tmp_path: Path) -> None:
    """`ssh -J agent-7:forwards@gateway host`: what goes on inside is the host's own business."""
    jump = "\n".join(f"  {name} {value}" for name, value in _options(client, "forwards"))
    user = sshd.resource("")["credentials"]["user"]
    key = f"[127.0.0.1]:{sshd.port} {sshd.host_key}\n"
    (tmp_path / "known").write_text(client.known_hosts.read_text() + key)
    config = tmp_path / "config"
    config.write_text(
        f"Host gateway\n  HostName 127.0.0.1\n{jump}\n"
        f"Host inner\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {user}\n"
        f"  IdentityFile {sshd.private_key}\n  IdentityAgent none\n"
        f"  UserKnownHostsFile {tmp_path}/known\n  StrictHostKeyChecking yes\n"
    )
    done = await client.run_any(["ssh", "-F", str(config), "-J", "gateway", "inner", "echo there"])
    assert (done.status, done.stdout) == (0, "there\n"), done.stderr
    config.write_text(config.read_text().replace(":forwards", ":reads"))
    refused = await client.run_any(["ssh", "-F", str(config), "-J", "gateway", "inner", "echo there"])
    assert refused.status == 255
    assert "no rule allows this" in refused.stderr


def _options(client: Client, resource: str) -> list[tuple[str, str]]:
    """As a configuration file has them."""
    pairs = [word.split("=", 1) for word in client.options(resource) if "=" in word]
    return [(name, value) for name, value in pairs if name != "LogLevel"]


@pytest.fixture
async def greeter() -> AsyncIterator[int]:
    """The port of a server that says one word."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


async def test_each_connection_of_a_socks_proxy_is_a_command(client: Client, greeter: int) -> None:
    port = free_port()
    argv = ["ssh", "-N", "-D", f"127.0.0.1:{port}", *client.options("forwards"), "127.0.0.1"]
    async with client.running(argv):

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        await eventually(listens, what="ssh listens")
        assert await _through_socks(port, b"127.0.0.1", greeter) == b"hello\n"
        assert await _through_socks(port, b"localhost", greeter) == b"", "the rule names the address alone"


async def _through_socks(proxy: int, host: bytes, port: int) -> bytes:
    """What comes through a SOCKS 5 proxy (RFC 1928); b"" where it makes no connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy)
    try:
        writer.write(b"\x05\x01\x00")
        assert await reader.readexactly(2) == b"\x05\x00"
        writer.write(b"\x05\x01\x00\x03" + bytes((len(host),)) + host + port.to_bytes(2, "big"))
        async with asyncio.timeout(30):
            said = await reader.read()
        return said[10:] if said[1:2] == b"\x00" else b""
    finally:
        writer.close()
