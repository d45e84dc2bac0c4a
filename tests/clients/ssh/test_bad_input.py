"""Clients that do not keep to the protocol, or ask for too much: they are told no, and harm nobody."""

import asyncio
import re

import asyncssh
import psutil
import pytest
from asyncssh.channel import SSHTCPChannel
from asyncssh.constants import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_REQUEST,
    MSG_GLOBAL_REQUEST,
    MSG_IGNORE,
    MSG_REQUEST_FAILURE,
    OPEN_UNKNOWN_CHANNEL_TYPE,
)
from asyncssh.packet import Boolean, String, UInt32
from support.builders import DANA
from support.gateway import Gateway
from support.sshd import Client, Sshd
from support.wait import eventually

MIB = 1024 * 1024


async def _serves(client: Client) -> bool:
    return (await client.run("echo alive", resource="plain")).stdout == "alive\n"


async def test_a_channel_of_an_unknown_type_is_refused_and_the_session_goes_on(client: Client) -> None:
    async with await client.connected("agent-7:plain") as connection:
        for kind in (b"nonsense", b"forwarded-tcpip", b"x11", b"auth-agent@openssh.com"):
            channel: SSHTCPChannel[bytes] = connection.create_tcp_channel()
            with pytest.raises(asyncssh.ChannelOpenError) as refused:
                await channel._open(kind)
            assert refused.value.code == OPEN_UNKNOWN_CHANNEL_TYPE, kind
        assert (await connection.run("echo on")).stdout == "on\n"


async def test_an_unknown_global_request_is_refused_and_the_session_goes_on(client: Client) -> None:
    async with await client.connected("agent-7:plain") as connection:
        answer, _ = await connection._make_global_request(b"nonsense@example.com", String("more"))
        assert answer == MSG_REQUEST_FAILURE
        assert (await connection.run("echo on")).stdout == "on\n"


async def test_an_unknown_request_of_a_channel_is_refused_and_it_goes_on(client: Client) -> None:
    async with await client.connected("agent-7:plain") as connection:
        process = await connection.create_process("cat")
        assert not await process.channel._make_request(b"nonsense@example.com")
        assert not await process.channel._make_request(b"exec", String("echo another"))
        process.stdin.write("on")
        process.stdin.write_eof()
        assert (await process.wait()).stdout == "on"


async def test_a_packet_that_is_too_large_ends_its_connection_alone(client: Client) -> None:
    async with await client.connected("agent-7:plain") as connection:
        connection.send_packet(MSG_IGNORE, String(bytes(MIB)))
        async with asyncio.timeout(30):
            await connection.wait_closed()
    assert await _serves(client)


async def test_data_beyond_the_window_ends_its_connection_alone(client: Client) -> None:
    """A client that does not wait for room: no more than the window is kept of what it sends."""
    async with await client.connected("agent-7:plain") as connection:
        process = await connection.create_process("sleep 3600")
        data = (UInt32(process.channel._send_chan or 0), String(bytes(32000)))
        for _ in range(300):
            connection.send_packet(MSG_CHANNEL_DATA, *data)
        async with asyncio.timeout(30):
            await connection.wait_closed()
    assert await _serves(client)


async def test_channels_opened_at_once_are_ten_at_most(client: Client) -> None:
    async with await client.connected("agent-7:plain") as connection:
        opened = await asyncio.gather(
            *(connection.create_process("cat") for _ in range(40)), return_exceptions=True
        )
        running = [process for process in opened if not isinstance(process, BaseException)]
        assert len(running) == 10
        assert all(isinstance(error, asyncssh.ChannelOpenError) for error in opened if error not in running)
        for process in running:
            process.close()
            await process.wait_closed()
        assert (await connection.run("echo on")).stdout == "on\n"


async def test_a_flood_of_requests_costs_little_and_stops_nobody(client: Client, gateway: Gateway) -> None:
    ingress = next(
        child
        for child in psutil.Process(gateway.process.pid).children(recursive=True)
        if "ingress" in child.cmdline()
    )
    before = ingress.memory_info().rss
    async with await client.connected("agent-7:plain") as connection:
        process = await connection.create_process("cat")
        channel = UInt32(process.channel._send_chan or 0)
        for number in range(1_500):
            request = (String("env"), Boolean(False), String(f"FLOOD_{number}"), String("x" * 2000))
            connection.send_packet(MSG_CHANNEL_REQUEST, channel, *request)
            connection.send_packet(MSG_GLOBAL_REQUEST, String("nonsense"), Boolean(False))
        assert await _serves(client)
        process.stdin.write("on")
        process.stdin.write_eof()
        async with asyncio.timeout(60):
            assert (await process.wait()).stdout == "on"
        assert ingress.memory_info().rss - before < 16 * MIB


async def test_more_variables_than_anybody_means_are_refused(client: Client) -> None:
    async with await client.connected("agent-7:plain") as connection:
        done = await connection.run("echo [$MANY_0]", env={f"MANY_{number}": "x" for number in range(200)})
    assert done.stdout == "[]\n"
    assert "more than 16 variables" in str(done.stderr)


async def test_a_variable_whose_name_is_none_is_refused(client: Client) -> None:
    async with await client.connected("agent-7:plain") as connection:
        done = await connection.run("env", env={"A=B": "x", "IN_ORDER": "y"})
    assert "IN_ORDER=y" in str(done.stdout)
    assert "A=B" not in str(done.stdout)
    assert "a name that no shell knows" in str(done.stderr)


async def test_a_client_that_vanishes_while_it_waits_takes_its_request_back(
    client: Client, gateway: Gateway, sshd: Sshd
) -> None:
    mark = sshd.files / "vanished"
    async with client.running(client.ssh(f"touch {mark}")) as ssh:
        said = await ssh.said("held for review")
        ssh.process.kill()
        await ssh.process.wait()
    approval = re.search(r"approval ([0-9a-f-]+)", said)
    assert approval is not None
    async with gateway.api(DANA) as api:

        async def is_withdrawn() -> bool:
            return bool((await api.get(f"/api/approvals/{approval[1]}")).json()["state"] == "withdrawn")

        await eventually(is_withdrawn, what="the approval withdrawn")
    assert not mark.exists()
