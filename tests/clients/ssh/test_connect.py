"""`countersign connect` to a host."""

import asyncio
import sys

from support.builders import AGENT
from support.command_line import Ran, environment, run_command
from support.gateway import Gateway
from support.sshd import Client

_AS_AGENT = {"COUNTERSIGN_USER": AGENT.name, "COUNTERSIGN_TOKEN": AGENT.token}


async def test_connect_starts_ssh_with_everything(gateway: Gateway) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "api.cli", "connect", "shell", "--config", str(gateway.config)),
        cwd=gateway.folder,
        env=environment({**_AS_AGENT, "HOME": str(gateway.folder), "XDG_CONFIG_HOME": str(gateway.folder)}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(b"echo said here\nexit 4\n"), 60)
    assert b"said here" in out, err
    assert process.returncode == 4


async def test_its_block_is_all_that_ssh_needs(gateway: Gateway, client: Client) -> None:
    ran = await run_command(
        gateway.folder,
        *("connect", "plain", "--ssh-config", "--config", str(gateway.config)),
        HOME=str(gateway.folder),
        XDG_CONFIG_HOME=str(gateway.folder),
        COUNTERSIGN_USER=AGENT.name,
        COUNTERSIGN_TOKEN=AGENT.token,
    )
    assert ran.status == 0, ran.err
    block = gateway.folder / "ssh-config"
    block.write_text(ran.out)
    done = await client.run_any(["ssh", "-F", str(block), "plain", "echo by its name"])
    assert (done.status, done.stdout) == (0, "by its name\n"), done.stderr


async def test_ssh_says_why(gateway: Gateway) -> None:
    """The rule asks for a reason."""

    async def looked(*why: str) -> Ran:
        ssh = ("ssh", "-F", str(gateway.folder / "countersign" / "ssh-reasons.conf"), "reasons", "echo seen")
        return await run_command(
            gateway.folder,
            *("connect", "reasons", "--config", str(gateway.config), *why, "--", *ssh),
            HOME=str(gateway.folder),
            XDG_CONFIG_HOME=str(gateway.folder),
            COUNTERSIGN_USER=AGENT.name,
            COUNTERSIGN_TOKEN=AGENT.token,
        )

    assert "reason" in (await looked()).err
    done = await looked("--reason", "to see", "--ticket", "OPS-12")
    assert (done.status, done.out) == (0, "seen\n"), done.err
