"""What a client lends its host, and what else of a channel a rule has to allow: OpenSSH's agent and X11
forwarding, variables, subsystems.
"""

import asyncio
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.builders import Document
from support.gateway import Gateway
from support.processes import start, stop
from support.sshd import Client
from support.wait import eventually

REFUSED = "no rule allows this"


async def _recorded(gateway: Gateway, condition: str) -> Document:
    """The one command of the audit log, once it has ended."""
    ended = "outcome not in ('held', 'running')"
    sql = f"select text, outcome, bytes, statements from commands where {ended} and {condition}"

    def found() -> Document | None:
        rows = gateway.audit(sql)
        return rows[0] if rows else None

    return await eventually(found, every=0.5, what=condition)


@pytest.fixture
async def agent(client: Client, tmp_path: Path) -> AsyncIterator[Path]:
    """The socket of an ssh-agent that holds one key, `lent`."""
    path, key = tmp_path / "agent", tmp_path / "key"
    program = [str(shutil.which("ssh-agent")), "-D", "-a", str(path)]
    process = start(program, tmp_path / "agent.log", cwd=tmp_path)
    try:
        await eventually(path.exists, what="the agent")
        await client.run_any(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lent", "-f", str(key)])
        added = await client.run_any(["ssh-add", str(key)], env={"SSH_AUTH_SOCK": str(path)})
        assert added.status == 0, added
        yield path
    finally:
        stop(process, seconds=10)


def _lends(agent: Path) -> list[str]:
    return ["-A", "-o", f"IdentityAgent={agent}"]


async def test_an_agent_is_lent_where_a_rule_allows_it(client: Client, agent: Path, gateway: Gateway) -> None:
    done = await client.run("ssh-add -l", resource="lends", options=_lends(agent))
    assert " lent (ED25519)" in done.stdout, done
    recorded = await _recorded(gateway, "resource = 'lends' and has(statements, 'agent')")
    assert "every key in the client's SSH agent" in recorded["text"]
    assert recorded["outcome"] == "succeeded"
    assert int(recorded["bytes"]) > 0


async def test_a_certificate_does_not_keep_the_agent_back(
    client: Client, agent: Path, authority: str
) -> None:
    certified = await client.run("ssh-add -l", resource="certified", options=_lends(agent))
    assert " lent (ED25519)" in certified.stdout, certified


async def test_without_a_rule_no_agent_is_lent_and_the_command_runs(client: Client, agent: Path) -> None:
    done = await client.run('echo "[$SSH_AUTH_SOCK]"', resource="reads", options=_lends(agent))
    assert done.stdout == "[]\n"
    refusal = json.loads(done.stderr.splitlines()[0])
    assert refusal["message"] == REFUSED


@pytest.fixture
async def display() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A display whose server keeps what it hears and answers `ready`."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readexactly(48))
        writer.write(b"ready")
        writer.close()

    for number in itertools.count(200):
        try:
            server = await asyncio.start_server(serve, "127.0.0.1", 6000 + number)
            break
        except OSError:
            continue
    yield f"127.0.0.1:{number}", heard
    server.close()


# An X client's first words (X Window System Protocol, chapter 8), with the cookie that sshd gave xauth.
_X_CLIENT = r"""
number=${DISPLAY#*:}; number=${number%.*}
cookie=$(xauth list | sed -n "s/.*:$number  MIT-MAGIC-COOKIE-1  //p" | sed 's/../\\x&/g')
exec 3<>/dev/tcp/127.0.0.1/$((6000 + number))
printf "l\0\013\0\0\0\022\0\020\0\0\0MIT-MAGIC-COOKIE-1\0\0$cookie" >&3
head -c 5 <&3
"""


async def test_a_display_is_lent_where_a_rule_allows_it(
    client: Client, display: tuple[str, list[bytes]], gateway: Gateway
) -> None:
    name, heard = display
    argv = ["ssh", "-Y", *client.options("lends"), "127.0.0.1", f"bash -c '{_quoted(_X_CLIENT)}'"]
    done = await client.run_any(argv, env={"DISPLAY": name})
    assert done.stdout == "ready", done
    assert heard[0].startswith(b"l\0\x0b\0")
    recorded = await _recorded(gateway, "resource = 'lends' and has(statements, 'x11')")
    assert (recorded["outcome"], int(recorded["bytes"])) == ("succeeded", 48)


def _quoted(script: str) -> str:
    return script.strip().replace("'", "'\\''")


async def test_without_a_rule_no_display_is_lent(client: Client, display: tuple[str, list[bytes]]) -> None:
    name, heard = display
    argv = ["ssh", "-Y", *client.options("reads"), "127.0.0.1", 'echo "[$DISPLAY]"']
    done = await client.run_any(argv, env={"DISPLAY": name})
    assert done.stdout == "[]\n"
    assert REFUSED in done.stderr
    assert "X11 forwarding request failed" in done.stderr
    assert heard == []


async def test_a_variable_that_is_not_listed_is_a_command(client: Client, gateway: Gateway) -> None:
    options = ["-o", "SetEnv=EDITOR=vi LD_PRELOAD=/tmp/x LC_TIME=C API_TOKEN=hunter2hunter2"]
    asks = "printenv EDITOR LC_TIME API_TOKEN; printenv LD_PRELOAD"
    done = await client.run(asks, resource="lends", options=options)
    assert done.stdout == "vi\nC\nhunter2hunter2\n"
    assert [json.loads(line)["message"] for line in done.stderr.splitlines()] == [REFUSED]
    assert (await _recorded(gateway, "text = 'environment EDITOR=vi'"))["outcome"] == "succeeded"
    assert await _recorded(gateway, "text like 'environment API_TOKEN=%' and text not like '%hunter2%'")
    assert gateway.audit("select type from events where payload like '%hunter2%'") == []


async def test_variables_of_a_refused_command_go_nowhere(client: Client, gateway: Gateway) -> None:
    done = await client.run("kill 1", resource="lends", options=["-o", "SetEnv=EDITOR=nowhere"])
    assert done.status == 126
    sql = "select text from commands where text = 'environment EDITOR=nowhere' and outcome = 'abandoned'"
    await eventually(lambda: gateway.audit(sql), every=0.5, what="the variable abandoned")


async def test_a_subsystem_runs_where_a_rule_allows_it(client: Client, gateway: Gateway) -> None:
    argv = ["ssh", "-s", *client.options("lends"), "127.0.0.1", "shout"]
    assert (await client.run_any(argv, stdin=b"hello")).stdout == "HELLO"
    recorded = await _recorded(gateway, "text = 'subsystem shout'")
    assert (recorded["outcome"], int(recorded["bytes"])) == ("succeeded", 5)
    argv = ["ssh", "-s", *client.options("reads"), "127.0.0.1", "shout"]
    refused = await client.run_any(argv, stdin=b"hello")
    assert refused.status == 126
    assert json.loads(refused.stderr)["message"] == REFUSED
    assert refused.stdout == ""
