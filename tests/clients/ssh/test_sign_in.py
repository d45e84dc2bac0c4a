"""Who gets in, and what the connection then refuses."""

import asyncio
import re
from collections.abc import Sequence

import asyncssh
import httpx
import pytest
from support.builders import DANA
from support.gateway import Gateway
from support.sshd import Client
from support.wait import eventually


async def test_a_wrong_token_and_a_wrong_name_look_alike(client: Client) -> None:
    wrong = await client.run("true", token="wrong")
    assert wrong.status == 255
    assert "Permission denied" in wrong.stderr
    with pytest.raises(asyncssh.PermissionDenied):
        await client.connected("nobody:web-1")


async def test_a_host_that_is_not_there_is_said_after_the_token(client: Client) -> None:
    options = ["-o", "LogLevel=INFO"]
    argv = ["ssh", *options, *client.options("nowhere"), "127.0.0.1", "true"]
    done = await client.run_any(argv)
    assert '"nowhere" is no host behind this gateway' in done.stderr


async def test_another_host_key_than_the_configured_one_is_refused(client: Client) -> None:
    argv = ["ssh", "-o", "LogLevel=INFO", *client.options("impostor"), "127.0.0.1", "true"]
    done = await client.run_any(argv)
    assert "its host key is not the one in the configuration" in done.stderr
    assert done.status == 255


async def test_both_ways_to_give_the_token(client: Client) -> None:
    for way in ("password", "keyboard-interactive"):
        done = await client.run("echo in", options=["-o", f"PreferredAuthentications={way}"])
        assert done.stdout == "in\n", way
        assert done.stderr == "", way


async def test_the_link_of_the_prompt_leads_to_a_code_that_signs_in(client: Client, gateway: Gateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.api_url, timeout=30) as browser:

        async def is_ready() -> bool:
            return (await browser.get("/readyz")).is_success

        await eventually(is_ready, what="the API to know which tokens are revoked")
        await browser.post("/sign-in", data={"name": DANA.name, "token": DANA.token})

        async def code_of(prompt: str) -> str:
            link = re.search(r"(?<=the code that )http\S+(?= shows: )", prompt)
            assert link is not None, prompt
            page = (await browser.get(link[0])).text
            form = dict(re.findall(r'name="(form_token|challenge)" value="([^"]+)"', page))
            assert form.keys() == {"form_token", "challenge"}, page
            shown = (await browser.post("/sign-in/terminal", data=form)).text
            found = re.search(r'id="code">([^<]+)<', shown)
            assert found is not None, shown
            return found[1]

        codes: list[str] = []

        class Terminal(asyncssh.SSHClient):
            def kbdint_auth_requested(self) -> str:
                return ""

            async def kbdint_challenge_received(
                self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
            ) -> list[str]:
                """What is none, one for an earlier prompt, and the right one."""
                codes.append(await code_of(prompts[0][0]))
                return [["x" * 200, codes[0], codes[-1]][len(codes) - 1]]

        connection = await asyncssh.connect(
            "127.0.0.1",
            client.port,
            username="dana:web-1",
            known_hosts=str(client.known_hosts),
            config=None,
            client_keys=None,
            agent_path=None,
            client_factory=Terminal,
            preferred_auth="keyboard-interactive",
        )
    async with connection:
        done = await connection.run("true")
    assert len(codes) == 3
    assert "no rule allows this" in str(done.stderr)  # dana is in, and may do nothing here


async def test_attempts_to_sign_in_end(client: Client) -> None:
    class Guess(asyncssh.SSHClient):
        asked = 0

        def password_auth_requested(self) -> str:
            self.asked += 1
            return "guess"

    guess = Guess()
    with pytest.raises(asyncssh.DisconnectError):
        await asyncssh.connect(
            "127.0.0.1",
            client.port,
            username="agent-7:web-1",
            known_hosts=str(client.known_hosts),
            config=None,
            client_keys=None,
            agent_path=None,
            client_factory=lambda: guess,
            preferred_auth="password",
        )
    assert guess.asked <= 7


async def test_channels_have_a_limit(client: Client) -> None:
    async with await client.connected("agent-7:plain") as connection:
        running = [await connection.create_process("sleep 60") for _ in range(10)]
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_process("true")
        for process in running:
            process.close()
            await process.wait_closed()
        assert (await connection.run("echo again")).stdout == "again\n"


async def test_variables_outside_the_list_do_not_reach_the_host(client: Client) -> None:
    async with await client.connected("agent-7:lends") as connection:
        env = {"LC_TIME": "C", "LD_PRELOAD": "/tmp/x", "COUNTERSIGN_REASON": "why"}
        done = await connection.run("printenv", env=env)
    assert "LC_TIME=C" in str(done.stdout)
    assert not re.search("LD_PRELOAD|COUNTERSIGN", str(done.stdout))
    assert "no rule allows this" in str(done.stderr)


async def test_a_reason_is_asked_for_and_taken(client: Client) -> None:
    refused = await client.run("uptime", resource="reasons")
    assert "SetEnv" in refused.stderr
    assert refused.status == 126
    assert (await client.run("uptime # reason: looking", resource="reasons")).status == 0
    by_variable = ["-o", "SetEnv=COUNTERSIGN_REASON=looking"]
    assert (await client.run("uptime", resource="reasons", options=by_variable)).status == 0


async def test_limits_stop_a_command(client: Client) -> None:
    lines = await client.run("seq 1 100000", resource="limited")
    assert (lines.status, lines.stdout) == (124, "1\n2\n3\n")
    lines = await client.run("yes", resource="limited")
    assert (lines.status, lines.stdout) == (124, "y\ny\ny\n")
    assert 'limit of rows by rule "a few lines"' in lines.stderr
    async with asyncio.timeout(30):
        slow = await client.run("echo in; sleep 60", resource="quick")
    assert (slow.status, slow.stdout) == (124, "in\n")


async def test_a_client_that_leaves_while_it_runs_ends_the_command(client: Client, gateway: Gateway) -> None:
    async with client.running(client.ssh("echo here; sleep 600", resource="plain")) as ssh:
        await ssh.said("here", on="out")
        ssh.process.kill()
    assert (await client.run("echo next", resource="plain")).stdout == "next\n"


async def test_bytes_that_are_no_ssh_harm_nobody(client: Client) -> None:
    for said in (b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n" + b"\xff" * 5000, b"\0" * 100_000):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(said)
        async with asyncio.timeout(20):
            while await reader.read(65536):
                pass
        writer.close()
    assert (await client.run("echo alive")).stdout == "alive\n"


async def test_ssh_audit_finds_nothing_to_fail(client: Client) -> None:
    done = await client.run_any(["ssh-audit", "-n", "-p", str(client.port), "127.0.0.1"])
    assert done.status in (0, 2), done.stdout  # 2: warnings alone
    assert "[fail]" not in done.stdout
    assert "Countersign" in done.stdout
