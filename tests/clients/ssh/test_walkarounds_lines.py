"""Attempts to get past line policy, typed for real into shells where a rule allows reads only."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml import YAML
from support.sshd import Client, Sshd
from support.terminal import leave, shell_on

_CONNECTIONS = 3
_AT_ONCE = 8  # shells of one connection
_SECONDS = 30


def _attempts() -> list[str]:
    document = YAML(typ="safe").load(Path(__file__).with_name("walkarounds-lines.yaml"))
    return [attempt for attempts in document.values() for attempt in attempts]


def test_there_are_many() -> None:
    assert len(_attempts()) >= 100


async def test_none_runs(client: Client, sshd: Sshd) -> None:
    """Each in a shell of its own. Shells share connections: what takes long is signing in."""
    attempts = list(enumerate(_attempts()))
    found = await asyncio.gather(
        *(_all(client, sshd, attempts[first::_CONNECTIONS]) for first in range(_CONNECTIONS))
    )
    assert not any(found), "\n".join(line for lines in found for line in lines)


async def _all(client: Client, sshd: Sshd, attempts: Sequence[tuple[int, str]]) -> list[str]:
    """What ran, or hung, of these."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def attempt(number: int, typed: str) -> str:
        mark = sshd.files / "open" / f"line-{number}"
        async with limit, shell_on(connection) as shell:
            await shell.type(typed.replace("MARK", str(mark)))
            try:
                async with asyncio.timeout(_SECONDS):
                    await leave(shell)
            except TimeoutError:
                return f"{typed!r} hangs: {shell.text!r}"
        return f"{typed!r} ran: {shell.text!r}" if mark.exists() else ""

    async with await client.connected("agent-7:reads-lines") as connection:
        found = await asyncio.gather(*(attempt(number, typed) for number, typed in attempts))
    return [line for line in found if line]
