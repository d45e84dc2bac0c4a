"""People and agents whose ssh shows a certificate of the gateway's, with OpenSSH's own programs."""

import asyncio
import shutil
from pathlib import Path

import pytest
from support.builders import AGENT, DANA, Someone
from support.command_line import run_command
from support.gateway import Gateway
from support.sshd import Client
from support.wait import eventually


class Certified:
    """Somebody's key, and the certificate that they got for it."""

    def __init__(self, gateway: Gateway, client: Client, folder: Path, someone: Someone = AGENT) -> None:
        self.key = folder / "id_ed25519"
        self.certificate = folder / "id_ed25519-cert.pub"
        self._gateway = gateway
        self._client = client
        self._someone = someone

    async def get(self) -> str:
        """By `countersign ssh-cert`; what it says."""
        await _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key))
        ran = await run_command(
            self.key.parent,
            *("ssh-cert", "--key", f"{self.key}.pub", "--config", str(self._gateway.config)),
            seconds=120,
            HOME=str(self.key.parent),
            XDG_CONFIG_HOME=str(self.key.parent),
            COUNTERSIGN_TOKEN=self._someone.token,
        )
        assert ran.status == 0, ran.err
        return ran.out

    def ssh(self, *command: str, user: str = "agent-7:plain", options: tuple[str, ...] = ()) -> list[str]:
        """ssh with nothing but the key."""
        return [
            *("ssh", "-F", "none", "-i", str(self.key), "-p", str(self._client.port)),
            *("-o", f"User={user}", "-o", f"UserKnownHostsFile={self._client.known_hosts}"),
            *("-o", "StrictHostKeyChecking=yes", "-o", "IdentityAgent=none", "-o", "IdentitiesOnly=yes"),
            *("-o", "PreferredAuthentications=publickey", "-o", "LogLevel=INFO", *options),
            *("127.0.0.1", *command),
        ]


@pytest.fixture
async def certified(gateway: Gateway, client: Client, tmp_path: Path) -> Certified:
    made = Certified(gateway, client, tmp_path)
    said = await made.get()
    assert "you are agent-7" in said
    return made


async def test_it_signs_in_for_as_long_as_the_token_and_is_recorded(
    gateway: Gateway, client: Client, certified: Certified
) -> None:
    shown = await _run("ssh-keygen", "-L", "-f", str(certified.certificate))
    assert "user certificate" in shown
    assert AGENT.token not in certified.certificate.read_text()
    id = shown.split('Key ID: "')[1].split('"')[0]

    done = await client.run_any(certified.ssh("echo by certificate"))

    assert (done.status, done.stdout) == (0, "by certificate\n"), done.stderr

    async def recorded() -> bool:
        found = await asyncio.to_thread(
            gateway.audit, f"select principal from sessions where token = '{id}' and protocol = 'ssh'"
        )
        return [row["principal"] for row in found] == ["agent-7"]

    await eventually(recorded, seconds=60, what="the session in the audit log")


async def test_revoking_it_ends_its_sessions_and_it(
    gateway: Gateway, client: Client, certified: Certified
) -> None:
    shown = await _run("ssh-keygen", "-L", "-f", str(certified.certificate))
    id = shown.split('Key ID: "')[1].split('"')[0]
    async with client.running(certified.ssh("echo in; sleep 600")) as ssh:
        await ssh.said("in", on="out")
        async with gateway.api(AGENT) as api:
            body = {"principal": "agent-7", "token": id, "reason": "the laptop is gone"}
            assert (await api.post("/api/revocations", json=body)).status_code == 200
        async with asyncio.timeout(30):
            ended = await ssh.finish()
    assert ended.status == 255
    assert "the laptop is gone" in ended.stderr

    refused = await client.run_any(certified.ssh("true"))
    assert refused.status == 255
    assert "was revoked" in refused.stderr


@pytest.mark.parametrize("user", ["dana:plain", "root:plain", "agent-8:plain"])
async def test_it_is_nobody_elses(client: Client, certified: Certified, user: str) -> None:
    done = await client.run_any(certified.ssh("true", user=user))
    assert done.status == 255
    assert "Permission denied" in done.stderr


async def test_a_key_alone_and_others_certificates_are_refused(
    client: Client, certified: Certified, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    shutil.copy(certified.key, bare)
    bare.chmod(0o600)
    alone = await client.run_any(
        [part.replace(str(certified.key), str(bare)) for part in certified.ssh("true")]
    )
    assert "Permission denied" in alone.stderr

    await _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "ca"))
    for kind in ((), ("-h",)):
        sign = ("ssh-keygen", "-q", "-s", str(tmp_path / "ca"), "-I", "x", "-n", "agent-7", *kind)
        await _run(*sign, str(certified.key) + ".pub")  # in the place of ours
        done = await client.run_any(certified.ssh("true"))
        assert "Permission denied" in done.stderr


async def test_a_host_that_is_not_there_is_said(client: Client, certified: Certified) -> None:
    done = await client.run_any(certified.ssh("true", user="agent-7:nowhere"))
    assert '"nowhere" is no host behind this gateway' in done.stderr


async def test_a_block_of_ssh_config_gets_its_own(gateway: Gateway, client: Client, tmp_path: Path) -> None:
    variables = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "COUNTERSIGN_TOKEN": AGENT.token}
    arguments = ("connect", "plain", "--ssh-config", "--config", str(gateway.config))
    ran = await run_command(tmp_path, *arguments, seconds=120, **variables)
    assert ran.status == 0, ran.err
    block = tmp_path / "ssh-config"
    block.write_text(ran.out)

    argv = ["ssh", "-F", str(block), "-o", "PreferredAuthentications=publickey", "plain", "echo by its name"]
    done = await client.run_any(argv, env=variables)

    assert (done.status, done.stdout) == (0, "by its name\n"), done.stderr


@pytest.mark.parametrize("key", ["", "ssh-ed25519 AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----"])
async def test_what_is_no_key_gets_none(gateway: Gateway, key: str) -> None:
    async with gateway.api(DANA) as api:
        answer = await api.post("/api/ssh-certificate", json={"public_key": key})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:countersign:problem:no-public-key")


async def _run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()
