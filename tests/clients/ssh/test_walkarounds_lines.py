"""Attempts to get past line policy, typed for real into shells where a rule allows reads only."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from ruamel.yaml import YAML
from support.sshd import Client, Sshd
from support.terminal import leave, terminal
from support.wait import eventually

_CONNECTIONS = 3
_AT_ONCE = 7  # shells of one connection
_SECONDS = 30


def _attempts() -> list[str]:
    document = YAML(typ="safe").load(Path(__file__).with_name("walkarounds-lines.yaml"))
    return [attempt for attempts in document.values() for attempt in attempts]


def test_there_are_many() -> None:
    assert len(_attempts()) >= 100


async def test_none_runs(client: Client, sshd: Sshd) -> None:
    """Each in a shell of its own. Shells share connections: what takes long is signing in."""
    controls = [sshd.folder / f"lines-{number}" for number in range(_CONNECTIONS)]
    attempts = list(enumerate(_attempts()))
    async with AsyncExitStack() as stack:
        for control in controls:
            argv = [
                "ssh",
                *client.options("reads-lines"),
                "-o",
                f"ControlPath={control}",
                "-M",
                "-N",
                "127.0.0.1",
            ]
            await stack.enter_async_context(client.running(argv))
        for control in controls:
            await eventually(control.exists, what="the connection")
        found = await asyncio.gather(
            *(
                _all(client, sshd, attempts[first::_CONNECTIONS], ["-o", f"ControlPath={control}"])
                for first, control in enumerate(controls)
            )
        )
    assert not any(found), "\n".join(line for lines in found for line in lines)


async def _all(
    client: Client, sshd: Sshd, attempts: Sequence[tuple[int, str]], options: Sequence[str]
) -> list[str]:
    """What ran, or hung, of these."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def attempt(number: int, typed: str) -> str:
        mark = sshd.files / "open" / f"line-{number}"
        async with limit, terminal(client, "reads-lines", options=options) as shell:
            await shell.type(typed.replace("MARK", str(mark)))
            try:
                async with asyncio.timeout(_SECONDS):
                    await leave(shell)
            except TimeoutError:
                return f"{typed!r} hangs: {shell.text!r}"
        return f"{typed!r} ran: {shell.text!r}" if mark.exists() else ""

    found = await asyncio.gather(*(attempt(number, typed) for number, typed in attempts))
    return [line for line in found if line]
