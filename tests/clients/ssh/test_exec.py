"""OpenSSH's ssh, as a person or an agent uses it, through the whole product."""

import json
import re

from support.builders import DANA
from support.deciding import decide
from support.gateway import Gateway
from support.sshd import Client, Sshd
from support.wait import eventually


async def test_a_read_runs_and_keeps_its_streams_and_status(client: Client, sshd: Sshd) -> None:
    done = await client.run("echo out; ls /nowhere-at-all")
    assert (done.status, done.stdout) == (2, "out\n")
    assert "nowhere-at-all" in done.stderr


async def test_what_it_prints_is_masked(client: Client) -> None:
    done = await client.run("echo card 4111 1111 1111 1111, jane.doe@example.com")
    assert done.stdout == "card **** **** **** 1111, j*******@example.com\n"
    assert done.stderr == ""


async def test_a_rule_that_denies_says_so_in_one_line_of_json(client: Client) -> None:
    done = await client.run("kill 1")
    assert done.status == 126
    refusal = json.loads(done.stderr)
    assert refusal["rule"] == "nobody kills"
    assert refusal["message"] == "No."
    assert refusal["hint"].startswith("Nothing was executed")


async def test_a_held_command_runs_once_it_is_approved(client: Client, gateway: Gateway, sshd: Sshd) -> None:
    mark = sshd.files / "approved"
    async with client.running(client.ssh(f"touch {mark}")) as ssh:
        said = await ssh.said("held for review")
        held = re.search(r'by rule "the rest is countersigned": approval (\S+), (\S+), up to', said)
        assert held is not None
        assert held[2] == f"{gateway.api_url}/approvals/{held[1]}"
        assert not mark.exists()
        await decide(gateway, DANA, held[1], "approve", "fine")
        done = await ssh.finish()
    assert 'approved by dana: "fine"' in done.stderr
    assert done.status == 0
    assert mark.exists()


async def test_control_c_withdraws_a_held_command(client: Client, gateway: Gateway, sshd: Sshd) -> None:
    async with client.running(client.ssh(f"touch {sshd.files}/never")) as ssh:
        said = await ssh.said("held for review")
        ssh.interrupt()
        await ssh.process.wait()
    approval = re.search(r"approval ([0-9a-f-]+)", said)
    assert approval is not None
    async with gateway.api(DANA) as api:

        async def is_withdrawn() -> bool:
            return bool((await api.get(f"/api/approvals/{approval[1]}")).json()["state"] == "withdrawn")

        await eventually(is_withdrawn, what="the approval withdrawn")
    assert not (sshd.files / "never").exists()


async def test_input_and_output_go_both_ways_whole(client: Client) -> None:
    data = bytes(range(256)) * 8192  # 2 MiB
    done = await client.run("wc -c; md5sum", resource="plain", stdin=data)
    assert done.stdout.split()[0] == str(len(data))
