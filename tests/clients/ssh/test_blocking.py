"""What a rule blocks passes neither way, by OpenSSH's own clients or by others, and its user is told so."""

import asyncio
import gzip
import json
import re
import shlex
from pathlib import Path

import asyncssh
import pytest
from asyncssh import FXF_APPEND, FXF_CREAT, FXF_READ, FXF_TRUNC, FXF_WRITE
from ruamel.yaml import YAML
from support.gateway import Gateway
from support.sshd import Client, Done, Sshd
from support.wait import eventually

CARD = "4111111111111111"
HELD = f"jane,{CARD},paid\n"
CLEAN = "jane,4111111111111112,paid\n"  # no card number: its last digit is wrong
RULE = "nothing secret passes"
KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50\n-----END PRIVATE KEY-----\n"
CORPUS = Path(__file__).parents[2] / "corpus" / "blocked_files.yaml"


async def _transfer(client: Client, way: str, *ends: str, resource: str = "guarded") -> Done:
    """`way`: sftp, or scp in one of its protocols. `ends`: from where to where, the host's with a colon."""
    if way != "sftp":
        argv = ["scp", way, *client.options(resource)]
        return await client.run_any([*argv, *(f"127.0.0.1{end}" if end[0] == ":" else end for end in ends)])
    batch = client.folder / "batch"
    batch.write_text(f"{'get' if ends[0][0] == ':' else 'put'} {' '.join(end.lstrip(':') for end in ends)}\n")
    argv = ["sftp", "-o", "BatchMode=no", *client.options(resource), "-b", str(batch), "127.0.0.1"]
    return await client.run_any(argv)


def _refusal(done: Done) -> dict[str, str]:
    """The one line of JSON on stderr."""
    (line,) = re.findall(r"^\{.*\}\r?$", done.stderr, re.MULTILINE)
    found: dict[str, str] = json.loads(line)
    return found


@pytest.mark.parametrize("way", ["sftp", "-s", "-O"])
async def test_an_upload_with_a_card_number_is_refused(
    client: Client, gateway: Gateway, sshd: Sshd, tmp_path: Path, way: str
) -> None:
    where = sshd.files / "open" / f"blocked{way}.csv"
    (tmp_path / "up").write_text("x" * 300_000 + "\n" + HELD + "y" * 300_000)
    done = await _transfer(client, way, str(tmp_path / "up"), f":{where}")
    assert done.status != 0
    assert CARD not in done.stderr
    refusal = _refusal(done)
    assert (refusal["verdict"], refusal["rule"]) == ("deny", RULE)
    assert refusal["message"] == f"{where}: it holds what must not pass: 1 card_number"
    assert refusal["hint"].startswith("It is empty there now.")
    assert where.read_bytes() == b""
    (row,) = await eventually(
        lambda: gateway.audit(
            "select session, command, limit_reached, limit_rule, error from commands "
            f"where text like 'sftp write%{where.name}%' and outcome = 'failed'"
        ),
        every=0.5,
        what="the audit row",
    )
    assert (row["limit_reached"], row["limit_rule"]) == ("block:card_number", RULE)
    assert row["error"] == "it holds what must not pass: 1 card_number"
    found = gateway.audit(f"select field, mask, count from masked_fields where command = '{row['command']}'")
    assert [(row["field"], row["mask"], int(row["count"])) for row in found] == [
        ("detector:card_number", "block", 1)
    ]
    shown = gateway.audit(f"select payload from events where session = '{row['session']}'")
    assert shown
    assert CARD not in str(shown)


@pytest.mark.parametrize("way", ["sftp", "-s", "-O"])
async def test_the_same_file_without_it_passes(client: Client, sshd: Sshd, tmp_path: Path, way: str) -> None:
    data = "x" * 300_000 + "\n" + CLEAN + "y" * 300_000
    (tmp_path / "up").write_text(data)
    where = sshd.files / "open" / f"passed{way}.csv"
    up = await _transfer(client, way, str(tmp_path / "up"), f":{where}")
    assert (up.status, up.stderr) == (0, "")
    assert where.read_text() == data
    down = await _transfer(client, way, f":{where}", str(tmp_path / "down"))
    assert (down.status, down.stderr) == (0, "")
    assert (tmp_path / "down").read_text() == data


@pytest.mark.parametrize("way", ["sftp", "-s", "-O"])
async def test_a_download_with_a_card_number_is_refused(
    client: Client, sshd: Sshd, tmp_path: Path, way: str
) -> None:
    where = sshd.files / f"held{way}.csv"
    where.write_text("x" * 300_000 + "\n" + HELD)
    done = await _transfer(client, way, f":{where}", str(tmp_path / "down"))
    assert done.status != 0
    assert _refusal(done)["rule"] == RULE
    assert CARD not in (tmp_path / "down").read_text()


class Attempt:
    """One attempt of the corpus, over one SFTP channel. `came`: what it read; `refused`: how often it was
    told that it may not."""

    def __init__(self, sftp: asyncssh.SFTPClient, folder: Path) -> None:
        self.came = b""
        self.refused = 0
        self._sftp = sftp
        self._folder = folder
        self._files: dict[str, asyncssh.SFTPClientFile] = {}

    async def make(self, steps: list[str]) -> None:
        for step in steps:
            verb, *words = shlex.split(step)
            try:
                await getattr(self, f"_{verb}")(*words)
            except KeyError:
                continue  # of a file that was not opened
            except asyncssh.SFTPPermissionDenied:
                self.refused += 1

    def _path(self, name: str) -> str:
        return str(self._folder / name.replace("CARD", CARD))

    async def _open(self, handle: str, name: str, flags: str) -> None:
        bits = {"r": FXF_READ, "w": FXF_WRITE, "a": FXF_APPEND, "+": FXF_CREAT, "!": FXF_TRUNC}
        file = await self._sftp.open(self._path(name), sum(bits[flag] for flag in flags), encoding=None)
        self._files[handle] = file

    async def _write(self, handle: str, offset: str, text: str, encoding: str = "latin-1") -> None:
        await self._files[handle].write(_filled(text).encode(encoding), int(offset))

    async def _write16(self, handle: str, offset: str, text: str) -> None:
        await self._write(handle, offset, text, "utf-16-le")

    async def _write32(self, handle: str, offset: str, text: str) -> None:
        await self._write(handle, offset, text, "utf-32-be")

    async def _each(self, handle: str, offset: str, text: str) -> None:
        for number, letter in enumerate(_filled(text)):
            await self._files[handle].write(letter.encode(), int(offset) + number)

    async def _read(self, handle: str, offset: str, size: str) -> None:
        data = await self._files[handle].read(int(size), int(offset))
        assert isinstance(data, bytes)
        self.came += data

    async def _pieces(self, handle: str, size: str) -> None:
        for offset in range(0, 40, int(size)):
            try:
                await self._read(handle, str(offset), size)
            except asyncssh.SFTPPermissionDenied:
                self.refused += 1

    async def _size(self, handle: str, size: str) -> None:
        await self._files[handle].truncate(int(size))

    async def _times(self, handle: str) -> None:
        await self._files[handle].utime((1, 1))

    async def _truncate(self, name: str, size: str) -> None:
        await self._sftp.truncate(self._path(name), int(size))

    async def _fsync(self, handle: str) -> None:
        await self._files[handle].fsync()

    async def _close(self, handle: str) -> None:
        await self._files.pop(handle).close()

    async def _rename(self, old: str, new: str) -> None:
        await self._sftp.rename(self._path(old), self._path(new))

    async def _posix_rename(self, old: str, new: str) -> None:
        await self._sftp.posix_rename(self._path(old), self._path(new))

    async def _link(self, old: str, new: str) -> None:
        await self._sftp.link(self._path(old), self._path(new))

    async def _symlink(self, old: str, new: str) -> None:
        await self._sftp.symlink(self._path(old), self._path(new))

    async def _copy(self, source: str, target: str) -> None:
        await self._sftp.remote_copy(self._files[source], self._files[target])


def _filled(text: str) -> str:
    halves = text.replace("CARD", CARD).replace("HEAD", CARD[:8]).replace("TAIL", CARD[8:])
    return halves.replace("KEY", KEY).replace("FILL", "some text\n" * 10_000)


def _attempts() -> dict[str, list[str]]:
    sections = YAML(typ="safe").load(CORPUS)
    return {f"{section} {name}": steps for section, many in sections.items() for name, steps in many.items()}


def test_there_are_many() -> None:
    assert len(_attempts()) >= 60


async def test_no_attempt_passes(client: Client, sshd: Sshd) -> None:
    found = []
    async with await client.connected("agent-7:guarded") as connection:
        for name, steps in _attempts().items():
            folder = sshd.files / "open" / name
            folder.mkdir()
            folder.chmod(0o777)
            for given, text in (
                ("read", f"some text {CARD} more\n"),
                ("old", f"ends in {CARD[:8]}"),
                ("tail", f"12345678{CARD[8:]} "),
            ):
                (folder / given).write_text(text)
                (folder / given).chmod(0o666)
            async with connection.start_sftp_client() as sftp:
                attempt = Attempt(sftp, folder)
                await attempt.make(steps)
            written = [
                (path.name.encode() + b":" + path.read_bytes()).replace(b"\0", b"")
                for path in folder.iterdir()
                if path.name != "read" and not path.samefile(folder / "read")
            ]
            if not attempt.refused:
                found.append(f"{name}: was not refused")
            if CARD.encode() in attempt.came or any(_holds(data) for data in written):
                found.append(f"{name}: {attempt.came!r}, {[data[:100] for data in written]}")
    assert found == []


def _holds(data: bytes) -> bool:
    digits = data.replace(b" ", b"").replace(b"-", b"")
    return re.search(rb"(?<!\d)%b(?!\d)" % CARD.encode(), digits) is not None or b"PRIVATE KEY" in data


async def test_two_that_write_at_once_make_no_value(client: Client, sshd: Sshd) -> None:
    """Each writes what is none, over the other: `4111111` over the beginning of `xxxxxxx111111111 `."""
    where = sshd.files / "open" / "at-once"
    flags = FXF_WRITE | FXF_CREAT
    async with (
        await client.connected("agent-7:guarded") as one,
        await client.connected("agent-7:guarded") as two,
        one.start_sftp_client() as first,
        two.start_sftp_client() as second,
    ):
        for _ in range(10):
            file = await first.open(where, flags | FXF_TRUNC, encoding=None)
            other = await second.open(where, flags, encoding=None)
            await file.write(CARD[:7].encode(), 0)
            await other.write(b"xxxxxxx" + CARD[7:].encode() + b" ", 0)
            ended = await asyncio.gather(file.fsync(), other.fsync(), return_exceptions=True)
            await asyncio.gather(file.close(), other.close(), return_exceptions=True)
            assert {type(error) for error in ended if error} <= {asyncssh.SFTPPermissionDenied}
            assert CARD not in where.read_text()


async def test_a_resumed_upload_passes(client: Client, sshd: Sshd, tmp_path: Path) -> None:
    """What OpenSSH's sftp calls reput: it goes on behind what is there."""
    where = sshd.files / "open" / "resumed"
    data = "some text\n" * 20_000
    (tmp_path / "up").write_text(data)
    where.write_text(data[:70_000])
    where.chmod(0o666)
    batch = tmp_path / "batch"
    batch.write_text(f"reput {tmp_path}/up {where}\nput -pf {tmp_path}/up {where}2\n")
    argv = ["sftp", "-o", "BatchMode=no", *client.options("guarded"), "-b", str(batch), "127.0.0.1"]
    done = await client.run_any(argv)
    assert (done.status, where.read_text()) == (0, data), done.stderr
    again = where.with_name("resumed2")
    assert again.read_text() == data
    assert int(again.stat().st_mtime) == int((tmp_path / "up").stat().st_mtime)


async def test_asyncssh_puts_what_is_clean(client: Client, sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "up").write_text(CLEAN * 100_000)
    where = sshd.files / "open" / "by-asyncssh"
    async with (
        await client.connected("agent-7:guarded") as connection,
        connection.start_sftp_client() as sftp,
    ):
        await sftp.put(tmp_path / "up", where)
        await sftp.get(where, tmp_path / "down")
        async with await sftp.open(where, "wb") as file:
            await file.write(b"abc")
            assert (await file.stat()).size == 3
    assert (tmp_path / "down").read_text() == CLEAN * 100_000


async def test_others_of_one_scp_still_come(client: Client, sshd: Sshd, tmp_path: Path) -> None:
    for name, text in (("first", CLEAN), ("second", HELD), ("third", CLEAN)):
        (tmp_path / name).write_text(text)
    where = sshd.files / "open"
    files = [str(tmp_path / name) for name in ("first", "second", "third")]
    done = await _transfer(client, "-s", *files, f":{where}")
    assert done.status != 0
    assert [(where / name).read_text() for name in ("first", "second", "third")] == [CLEAN, "", CLEAN]


async def test_what_is_no_text_is_blocked_as_binary(client: Client, sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(gzip.compress(HELD.encode()))
    (tmp_path / "text").write_text("Gr\u00fc\u00dfe\t\x1b[1m\n")
    where = sshd.files / "open"
    done = await _transfer(client, "-s", str(tmp_path / "packed"), f":{where}/packed", resource="texts")
    assert _refusal(done)["message"].endswith("it holds what must not pass: 1 binary")
    assert (where / "packed").read_bytes() == b""
    done = await _transfer(client, "-s", str(tmp_path / "text"), f":{where}/text", resource="texts")
    assert (done.status, done.stderr) == (0, "")


async def test_standard_input_is_looked_into(client: Client, gateway: Gateway, sshd: Sshd) -> None:
    where = sshd.files / "open" / "by-cat"
    done = await client.run(
        f"cat > {where}", resource="guarded", stdin=b"some text\n" * 10_000 + HELD.encode()
    )
    assert done.status == 124
    assert f'stopped by rule "{RULE}": it holds what must not pass: card_number' in done.stderr
    assert CARD not in done.stderr + where.read_text()
    sql = (
        f"select limit_reached, limit_rule from commands where text like 'cat > {where}' and limit_rule != ''"
    )
    (row,) = await eventually(lambda: gateway.audit(sql), every=0.5, what="the audit row")
    assert row == {"limit_reached": "block:card_number", "limit_rule": RULE}
    done = await client.run(f"cat > {where}", resource="guarded", stdin=CLEAN.encode() * 10_000)
    assert (done.status, where.read_text()) == (0, CLEAN * 10_000)


async def test_rsync_is_looked_into_and_goes_on(client: Client, sshd: Sshd, tmp_path: Path) -> None:
    rsh = " ".join(["ssh", *client.options("guarded")])
    where = sshd.files / "open"
    for name, text in (("clean", CLEAN * 10_000), ("held", CLEAN * 10_000 + HELD)):
        (tmp_path / name).write_text(text)
        argv = ["rsync", "-e", rsh, str(tmp_path / name), f"127.0.0.1:{where}/rsync-{name}"]
        done = await client.run_any(argv)
        assert (done.status == 0) == (name == "clean"), done.stderr
    assert (where / "rsync-clean").read_text() == CLEAN * 10_000
    assert not (where / "rsync-held").exists()


async def test_output_is_looked_into(client: Client, sshd: Sshd) -> None:
    (sshd.files / "shown").write_text(HELD)
    for command in (
        f"cat {sshd.files}/shown",
        f"cat {sshd.files}/shown >&2",
        f"iconv -t UTF-16 {sshd.files}/shown",
    ):
        done = await client.run(command, resource="guarded")
        assert done.status == 124
        assert "it holds what must not pass: card_number" in done.stderr
        assert CARD not in (done.stdout + done.stderr).replace("\0", "")
    for command in (f"echo {CARD}", f"printf %s {CARD} > {sshd.files}/open/printed"):
        done = await client.run(command, resource="guarded")
        assert (done.status, _refusal(done)["rule"]) == (126, RULE)
    assert not (sshd.files / "open" / "printed").exists()


async def test_a_program_that_waits_for_an_answer_gets_its_question(client: Client) -> None:
    """It ends in what could become a card number, and nothing follows until there is an answer."""
    command = "head -c 8 > /dev/null; echo go on; cat"
    async with client.running(client.ssh(command, resource="guarded")) as ssh:
        await ssh.send(CARD[:8].encode())
        await ssh.said("go on", on="out")
        await ssh.send(CARD[8:].encode() + b"\n")
        done = await ssh.finish()
    assert (done.status, done.stdout) == (124, "go on\n")


async def test_what_cannot_be_looked_into_is_refused(client: Client) -> None:
    done = await client.run(resource="guarded", options=["-tt"])
    assert done.status == 126
    assert f'refused by rule "{RULE}": the rule that allows it has block' in done.stdout + done.stderr
    done = await client.run("echo", "gone on", resource="guarded", options=["-o", "SetEnv=EDITOR=ed"])
    assert done.stdout == "gone on\n"
    assert "has block" in done.stderr
