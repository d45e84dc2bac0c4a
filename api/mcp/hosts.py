"""One command on a host, by SSH's protocol, as any client of the gateway's listener sends it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncssh

from infra.config import Address

_MOST = 256 * 1024  # characters of each of its two outputs
_PIECE = 64 * 1024
_CONNECT_SECONDS = 15
_OURS = "countersign: "  # lines of stderr by which the gateway says how a command stands


@dataclass(frozen=True, slots=True)
class Listener:
    """The gateway's, and who meets it. `host_key`: the listener's, as known_hosts has it."""

    address: Address
    host_key: str
    user: str
    token: str


async def run(
    listener: Listener, command: str, why: dict[str, str], on_notice: Callable[[str], None]
) -> dict[str, Any]:
    """What the command wrote, and its exit status; or the `error` for which it did not run.

    `why`: variables for the gateway. `on_notice`: hears what the gateway says of the command meanwhile.
    """
    try:
        async with asyncssh.connect(
            listener.address.host,
            listener.address.port,
            username=listener.user,
            password=listener.token,
            known_hosts=([asyncssh.import_public_key(listener.host_key)], [], []),
            client_keys=None,
            agent_path=None,
            config=None,
            preferred_auth=("password",),
            connect_timeout=_CONNECT_SECONDS,
        ) as connection:
            process = await connection.create_process(
                command, env=why, stdin=asyncssh.DEVNULL, encoding="utf-8", errors="replace"
            )
            out, said = await asyncio.gather(
                _read(process.stdout, process.close, lambda _: None),
                _read(process.stderr, process.close, on_notice),
            )
            await process.wait_closed()
    except (asyncssh.Error, OSError) as error:
        return {"error": str(error) or type(error).__name__}
    return {
        "stdout": out[:_MOST],
        "stderr": said[:_MOST],
        "exit_status": process.returncode,
        "is_cut_off": max(len(out), len(said)) > _MOST,
    }


async def _read(
    reader: "asyncssh.SSHReader[str]", stop: Callable[[], None], on_notice: Callable[[str], None]
) -> str:
    """All of an output; of one that is too long its beginning, and the command is stopped."""
    found, heard = "", 0
    while piece := await reader.read(_PIECE):
        found += piece
        whole = found.rfind("\n") + 1
        for line in found[heard:whole].splitlines():
            if line.startswith(_OURS):
                on_notice(line.removeprefix(_OURS))
        heard = max(heard, whole)
        if len(found) > _MOST:
            stop()
            break
    return found
