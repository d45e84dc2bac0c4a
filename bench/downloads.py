"""1 GiB through the gateway: an answer of an API, and a file by SFTP with asyncssh at both ends.

How fast, beside the same directly, and by how much the ingress grows meanwhile.
"""

import asyncio
import os
import subprocess
import time

from support.builders import AGENT

from bench.processes import MIB, Growth, roles
from bench.row import Goal, Row
from bench.targets import Connecting, Targets

_SIZE = 1024 * MIB
_MOST_GROWN = 64  # MiB


def measure(targets: Targets) -> list[Row]:
    return [*_http(targets), *asyncio.run(_sftp(targets))]


def _http(targets: Targets) -> list[Row]:
    direct = _curl(targets.api)
    with Growth(roles(targets.gateway.process.pid)["ingress"]) as growth:
        ours = _curl(f"http://{targets.gateway.listen['http']}/plain")
    return [
        Row("an answer of 1 GiB", "MiB/s", _SIZE / MIB / ours, _SIZE / MIB / direct),
        _grown("an answer of 1 GiB", growth),
    ]


async def _sftp(targets: Targets) -> list[Row]:
    path = targets.sshd.files / "gigabyte"
    piece = os.urandom(MIB)
    with path.open("wb") as file:  # no hole in it, which a client could leave out
        for _ in range(_SIZE // MIB):
            file.write(piece)
    try:
        direct = await _get(targets.ssh_past(targets.host), str(path))
        with Growth(roles(targets.gateway.process.pid)["ingress"]) as growth:
            ours = await _get(targets.ssh("host"), str(path))
    finally:
        path.unlink()
    return [
        Row("1 GiB by SFTP", "MiB/s", _SIZE / MIB / ours, _SIZE / MIB / direct),
        Row("1 GiB by SFTP", "of direct", direct / ours, 1.0, None, Goal.AT_LEAST, 0.4),
        _grown("1 GiB by SFTP", growth),
    ]


def _grown(what: str, growth: Growth) -> Row:
    return Row(f"the ingress grows, {what}", "MiB", growth.bytes / MIB, None, None, Goal.AT_MOST, _MOST_GROWN)


def _curl(origin: str) -> float:
    """Seconds."""
    token = f"Authorization: Bearer {AGENT.token}"
    begin = time.perf_counter()
    subprocess.run(["curl", "-sSf", "-o", "/dev/null", "-H", token, f"{origin}/bytes/{_SIZE}"], check=True)
    return time.perf_counter() - begin


async def _get(connecting: Connecting, path: str) -> float:
    """Seconds to read the file, and forget it."""
    async with connecting as connection, connection.start_sftp_client() as sftp:
        begin = time.perf_counter()
        await sftp.get(path, "/dev/null")
        return time.perf_counter() - begin
