"""Attempts to get past line policy, typed for real into shells where a rule allows reads only."""

import asyncio
from pathlib import Path

from ruamel.yaml import YAML
from support.sshd import Client, Sshd
from support.terminal import leave, terminal

_AT_ONCE = 8
_SECONDS = 30


def _attempts() -> list[str]:
    document = YAML(typ="safe").load(Path(__file__).with_name("walkarounds-lines.yaml"))
    return [attempt for attempts in document.values() for attempt in attempts]


def test_there_are_many() -> None:
    assert len(_attempts()) >= 100


async def test_none_runs(client: Client, sshd: Sshd) -> None:
    limit = asyncio.Semaphore(_AT_ONCE)

    async def attempt(number: int, typed: str) -> str:
        mark = sshd.files / "open" / f"line-{number}"
        async with limit, terminal(client, "reads-lines") as shell:
            await shell.type(typed.replace("MARK", str(mark)))
            try:
                async with asyncio.timeout(_SECONDS):
                    await leave(shell)
            except TimeoutError:
                return f"{typed!r} hangs: {shell.text!r}"
        return f"{typed!r} ran: {shell.text!r}" if mark.exists() else ""

    found = await asyncio.gather(*(attempt(number, typed) for number, typed in enumerate(_attempts())))
    assert not any(found), "\n".join(line for line in found if line)
