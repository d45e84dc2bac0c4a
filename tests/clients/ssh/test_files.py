"""sftp, scp (both protocols), rsync and git, unchanged, through the whole product."""

import re
import subprocess
from pathlib import Path

import asyncssh
import pytest
from support.builders import AGENT, DANA
from support.deciding import decide
from support.gateway import Gateway
from support.processes import is_root
from support.sshd import Client, Done, Sshd


async def _sftp(client: Client, batch: str, resource: str = "web-1") -> Done:
    script = client.folder / "batch"
    script.write_text(batch)
    # -b turns askpass off unless BatchMode is set back.
    argv = ["sftp", "-o", "BatchMode=no", *client.options(resource), "-b", str(script), "127.0.0.1"]
    return await client.run_any(argv)


async def test_sftp_puts_and_gets_what_it_may(client: Client, sshd: Sshd, tmp_path: Path) -> None:
    data = bytes(range(256)) * 1000
    (tmp_path / "up").write_bytes(data)
    where = sshd.files / "open" / "up"
    batch = f"put {tmp_path}/up {where}\nget {where} {tmp_path}/down\nls -l {sshd.files}/open\n"
    done = await _sftp(client, batch, "plain")
    assert done.status == 0, done.stderr
    assert where.read_bytes() == data
    assert (tmp_path / "down").read_bytes() == data
    assert re.search(r"-rw\S+\s+\S+\s+\S+\s+\S+\s+256000 .* \S*up", done.stdout)


async def test_a_text_that_is_fetched_is_masked(client: Client, sshd: Sshd, tmp_path: Path) -> None:
    (sshd.files / "customers.csv").write_text("x" * 40000 + "\njane,4111111111111111,jane.doe@example.com\n")
    done = await _sftp(client, f"get {sshd.files}/customers.csv {tmp_path}/got\n")
    assert done.status == 0, done.stderr
    assert (tmp_path / "got").read_text() == "x" * 40000 + "\njane,************1111,j*******@example.com\n"


async def test_a_client_that_asks_for_holes_gets_the_whole_file(
    gateway: Gateway, sshd: Sshd, tmp_path: Path
) -> None:
    """asyncssh's own client does (ranges@asyncssh.com)."""
    data = bytes(range(256)) * 1000
    (sshd.files / "whole").write_bytes(data)
    host, port = gateway.listen["ssh"].split(":")
    async with (
        asyncssh.connect(
            host,
            int(port),
            username=f"{AGENT.name}:plain",
            password=AGENT.token,
            known_hosts=None,
            client_keys=None,
            config=None,
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        await sftp.get(f"{sshd.files}/whole", tmp_path / "whole")
    assert (tmp_path / "whole").read_bytes() == data


async def test_no_piece_of_a_file_shows_what_the_whole_would_not(
    client: Client, sshd: Sshd, tmp_path: Path
) -> None:
    """A value that the client's own read size cuts in two."""
    (sshd.files / "cut").write_text("x" * 32760 + " 4111111111111111 ")
    for size in ("32768", "16", "7"):
        argv = ["sftp", "-B", size, "-o", "BatchMode=no", *client.options("web-1")]
        small = sshd.files / f"cut{size}"
        small.write_text(("x" * 32760 if size == "32768" else "x" * 10) + " 4111111111111111 ")
        script = tmp_path / "batch"
        script.write_text(f"get {small} {tmp_path}/cut{size}\n")
        done = await client.run_any([*argv, "-b", str(script), "127.0.0.1"])
        assert done.status == 0, done.stderr
        assert (tmp_path / f"cut{size}").read_text().endswith(" ************1111 ")


@pytest.mark.parametrize("size", ["261120", "4194304"])
async def test_no_request_is_too_large_for_masking(
    client: Client, sshd: Sshd, tmp_path: Path, size: str
) -> None:
    """What a host answers at once ends somewhere in a value: nothing of it is shown."""
    (sshd.files / "cards").write_text(" 4111111111111111" * 60_000)
    script = tmp_path / "batch"
    script.write_text(f"get {sshd.files}/cards {tmp_path}/cards\n")
    argv = [
        "sftp",
        "-B",
        size,
        "-o",
        "BatchMode=no",
        *client.options("web-1"),
        "-b",
        str(script),
        "127.0.0.1",
    ]
    done = await client.run_any(argv)
    assert done.status == 0, done.stderr
    assert (tmp_path / "cards").read_text() == " ************1111" * 60_000


async def test_a_client_that_writes_much_at_once(client: Client, sshd: Sshd, tmp_path: Path) -> None:
    """asyncssh's own does: more than OpenSSH's server takes in one packet."""
    data = bytes(range(256)) * 16_000
    (tmp_path / "much").write_bytes(data)
    where = sshd.files / "open" / "much"
    async with await client.connected("agent-7:plain") as connection, connection.start_sftp_client() as sftp:
        await sftp.put(tmp_path / "much", where)
    assert where.read_bytes() == data


async def test_a_binary_that_holds_what_must_not_leave_is_withheld(
    client: Client, sshd: Sshd, tmp_path: Path
) -> None:
    (sshd.files / "image").write_bytes(b"\x00\x01 4111111111111111 \x00")
    done = await _sftp(client, f"get {sshd.files}/image {tmp_path}/got\n")
    assert done.status != 0
    assert "holds what must not leave" in done.stderr


async def test_a_change_waits_for_a_reviewer(
    client: Client, gateway: Gateway, sshd: Sshd, tmp_path: Path
) -> None:
    (tmp_path / "up").write_text("new")
    argv = ["scp", *client.options(), str(tmp_path / "up"), f"127.0.0.1:{sshd.files}/held"]
    async with client.running(argv) as scp:
        held = re.search(r"approval (\S+),", await scp.said("held for review"))
        assert held is not None
        assert not (sshd.files / "held").exists()
        await decide(gateway, DANA, held[1], "approve", "fine")
        done = await scp.finish()
    assert done.status == 0, done.stderr
    assert (sshd.files / "held").read_text() == "new"


@pytest.mark.parametrize("protocol", ["-O", "-s"])
async def test_scp_in_both_protocols(client: Client, sshd: Sshd, tmp_path: Path, protocol: str) -> None:
    where = sshd.files / "open" / f"scp{protocol}"
    (tmp_path / "up").write_text("payload")
    scp = ["scp", protocol, *client.options("plain")]
    up = await client.run_any([*scp, str(tmp_path / "up"), f"127.0.0.1:{where}"])
    assert up.status == 0, up.stderr
    assert where.read_text() == "payload"
    down = await client.run_any([*scp, f"127.0.0.1:{where}", str(tmp_path / "down")])
    assert down.status == 0, down.stderr
    assert (tmp_path / "down").read_text() == "payload"


async def test_a_symbolic_link_leads_around_no_rule(client: Client, sshd: Sshd, tmp_path: Path) -> None:
    (sshd.files / "open" / "link").symlink_to(sshd.files / "target")
    (sshd.files / "target").write_text("as it was")
    (sshd.files / "target").chmod(0o666)
    (tmp_path / "up").write_text("changed")
    done = await _sftp(client, f"put {tmp_path}/up {sshd.files}/open/link\n", "plain")
    assert "Not that file." in done.stderr
    assert (sshd.files / "target").read_text() == "as it was"


async def test_rsync_runs_as_a_command(client: Client, sshd: Sshd, tmp_path: Path) -> None:
    source = tmp_path / "tree"
    source.mkdir()
    (source / "a").write_text("a" * 100_000)
    rsh = " ".join(["ssh", *client.options("plain")])
    up = await client.run_any(["rsync", "-a", "-e", rsh, f"{source}/", f"127.0.0.1:{sshd.files}/open/tree"])
    assert up.status == 0, up.stderr
    down = await client.run_any(
        ["rsync", "-a", "-e", rsh, f"127.0.0.1:{sshd.files}/open/tree/", str(tmp_path / "back")]
    )
    assert down.status == 0, down.stderr
    assert (tmp_path / "back" / "a").read_text() == "a" * 100_000


@pytest.fixture
def repository(sshd: Sshd, tmp_path: Path) -> Path:
    """A bare repository of the host, with one file in one commit."""
    work, bare = tmp_path / "work", sshd.folder / "repository.git"
    work.mkdir()
    (work / "file").write_text("in git")
    author = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "one"]):
        subprocess.run(["git", *command], check=True, cwd=work)
    subprocess.run(["git", "clone", "-q", "--bare", work, bare], check=True)
    if is_root():
        subprocess.run(["chown", "-R", f"--reference={sshd.files}", bare], check=True)
    return bare


async def test_git_clones(client: Client, repository: Path, tmp_path: Path) -> None:
    rsh = " ".join(["ssh", *client.options("plain")])
    done = await client.run_any(
        ["git", "clone", "-q", f"127.0.0.1:{repository}", str(tmp_path / "clone")],
        env={"GIT_SSH_COMMAND": rsh},
    )
    assert done.status == 0, done.stderr
    assert (tmp_path / "clone" / "file").read_text() == "in git"
