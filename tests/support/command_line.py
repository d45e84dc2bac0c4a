"""The `countersign` command as a user runs it: a process, its arguments and its environment."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment with nothing of ours from outside but `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **variables}


async def start_command(folder: Path, *arguments: str, **variables: str) -> asyncio.subprocess.Process:
    """`countersign ARGUMENTS` in `folder`, its output to be read; what it asks for is to be written."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "api.cli",
        *arguments,
        cwd=folder,
        env=environment(variables),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run_command(folder: Path, *arguments: str, seconds: float = 60, **variables: str) -> Ran:
    """The same, to its end."""
    process = await start_command(folder, *arguments, **variables)
    try:
        out, err = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())
