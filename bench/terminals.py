"""What somebody at a terminal notices: how long a key takes to be echoed, over SSH and in a pod; and what a
session costs of which nobody makes use.
"""

import asyncio
import contextlib
import ssl
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import asyncssh
from support.builders import AGENT
from support.cluster import TOKEN
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from bench.processes import MIB, roles, rss
from bench.row import Goal, Row
from bench.targets import Connecting, Targets

_KEYS = 300
_WARM = 20
_PAUSE = 0.005  # seconds between two keys; nobody types faster
_IDLE = 500
_AT_ONCE = 16
_STDIN, _STDOUT = b"\0", b"\1"
_DETECTED = {"": "", "-detected": ", two detectors"}

Press = Callable[[], Awaitable[None]]
"""Presses a key and returns with its echo."""


def measure(targets: Targets) -> list[Row]:
    return asyncio.run(_measure(targets))


async def _measure(targets: Targets) -> list[Row]:
    bare = await _p50(_at_shell(targets.ssh_past(targets.sshd.port)))
    rows = [
        _added(f"a key echoed over SSH{words}", await _p50(_at_shell(targets.ssh(f"sshd{kind}"))) - bare)
        for kind, words in _DETECTED.items()
    ]
    origin = f"wss://{urlsplit(targets.cluster.origin).netloc}"
    bare = await _p50(_in_pod(origin, TOKEN, ssl.create_default_context(cafile=targets.cluster.ca)))
    for kind, words in _DETECTED.items():
        base = f"wss://{targets.gateway.listen['kubernetes']}/clusters/cluster{kind}"
        ours = await _p50(_in_pod(base, AGENT.token, targets.gateway.tls))
        rows.append(_added(f"a key echoed in a pod{words}", ours - bare))
    return [*rows, await _idle(targets)]


def _added(what: str, milliseconds: float) -> Row:
    return Row(f"{what}, added, p50", "ms", milliseconds, goal=Goal.AT_MOST, bound=5)


async def _p50(opened: contextlib.AbstractAsyncContextManager[Press]) -> float:
    """Milliseconds at the 50th percentile."""
    took = []
    async with opened as press:
        for _ in range(_WARM + _KEYS):
            begin = time.perf_counter()
            await press()
            took.append(time.perf_counter() - begin)
            await asyncio.sleep(_PAUSE)
    return statistics.median(took[_WARM:]) * 1000


@contextlib.asynccontextmanager
async def _at_shell(connecting: Connecting) -> AsyncIterator[Press]:
    async with (
        connecting as connection,
        connection.create_process("cat", term_type="xterm", encoding=None) as process,
    ):

        async def press() -> None:
            process.stdin.write(b"x")
            await process.stdout.readexactly(1)

        yield press
        process.terminate()


@contextlib.asynccontextmanager
async def _in_pod(base: str, token: str, tls: ssl.SSLContext) -> AsyncIterator[Press]:
    async with connect(
        f"{base}/api/v1/namespaces/dev/pods/web/exec?command=cat&stdin=true&stdout=true&tty=true",
        ssl=tls,
        subprotocols=[Subprotocol("v5.channel.k8s.io")],
        additional_headers={"Authorization": f"Bearer {token}"},
        proxy=None,
    ) as client:

        async def press() -> None:
            await client.send(_STDIN + b"x")
            while await client.recv() != _STDOUT + b"x":
                pass

        yield press


async def _idle(targets: Targets) -> Row:
    """By how much the ingress grows with 500 sessions in which nothing runs."""
    ingress = roles(targets.gateway.process.pid)["ingress"]
    for connection in await _many(targets, _AT_ONCE):  # what is made once is not counted
        connection.close()
    before = rss(ingress)
    connections = await _many(targets, _IDLE)
    grown = rss(ingress) - before
    for connection in connections:
        connection.close()
    return Row(f"{_IDLE} idle SSH sessions", "MiB", grown / MIB, goal=Goal.AT_MOST, bound=150)


async def _many(targets: Targets, count: int) -> list[asyncssh.SSHClientConnection]:
    """So many sessions, a few being opened at a time."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def one() -> asyncssh.SSHClientConnection:
        async with turn:
            connection: asyncssh.SSHClientConnection = await targets.ssh("sshd")
            return connection

    return await asyncio.gather(*(one() for _ in range(count)))
