"""Who is slow: a client that does not read, a host that does not speak."""

import asyncio
import os
import signal

import psutil
from support.gateway import Gateway
from support.sshd import Client
from support.wait import eventually

MIB = 1024 * 1024
SIZE = 128 * MIB


async def test_a_client_that_does_not_read_costs_little_memory_and_loses_nothing(
    client: Client, gateway: Gateway
) -> None:
    ingress = next(
        child
        for child in psutil.Process(gateway.process.pid).children(recursive=True)
        if "ingress" in child.cmdline()
    )
    before = ingress.memory_info().rss
    reads, writes = os.pipe()
    ssh = await asyncio.create_subprocess_exec(
        *client.ssh(f"head -c {SIZE} /dev/zero", resource="plain"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=writes,
        env=client.environment(None),
    )
    os.close(writes)
    with os.fdopen(reads, "rb", buffering=0) as answer:
        seen: list[int] = []

        def stands_still() -> bool:
            """Nothing more is taken from the host, as nothing more goes to the client."""
            seen.append(ingress.io_counters().read_chars)
            return len(seen) > 10 and seen[-1] - seen[-10] < MIB

        got = len(await asyncio.to_thread(answer.read, 1))
        await eventually(stands_still, seconds=60, every=0.1, what="the stream standing still")
        assert ingress.memory_info().rss - before < 64 * MIB
        while chunk := await asyncio.to_thread(answer.read, MIB):
            got += len(chunk)
    assert await ssh.wait() == 0
    assert got == SIZE


async def test_a_host_that_says_nothing_is_given_up(client: Client) -> None:
    done = await client.run_any(
        ["ssh", "-o", "LogLevel=INFO", *client.options("silent"), "127.0.0.1", "true"]
    )
    assert "it cannot be reached" in done.stderr
    assert done.status == 255


async def test_a_host_that_hangs_while_something_runs_is_given_up(client: Client, gateway: Gateway) -> None:
    """Its sshd is stopped, as of a machine that lost its power: the connection stays, and is silent."""
    async with client.running(client.ssh("echo $PPID; sleep 3600", resource="hangs")) as ssh:
        sessions_sshd = int((await ssh.said("\n", on="out")).strip())
        os.kill(sessions_sshd, signal.SIGSTOP)
        try:
            done = await ssh.finish(seconds=60)
        finally:
            os.kill(sessions_sshd, signal.SIGCONT)
    assert done.status == 255
    assert "the host did not run it, or went away" in done.stderr

    def recorded() -> bool:
        rows = gateway.audit("select outcome from commands where text like 'echo $PPID%'")
        return rows == [{"outcome": "unknown"}]

    await eventually(recorded, every=0.5, what="the unknown outcome in the audit log")
