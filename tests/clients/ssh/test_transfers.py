"""What goes through files by SFTP and SCP is recorded, masked, up to a limit, for whom the recording is."""

import hashlib
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from support.builders import AGENT, AUDREY, DANA
from support.command_line import Ran, run_command
from support.gateway import Gateway
from support.sshd import Client, Sshd
from support.wait import eventually

from api.cli.replay import frames

CARD = b"4111111111111111"
_FULL, _PREVIEW = 1024 * 1024, 64 * 1024
Recorded = Callable[[str], Awaitable["Session"]]


class Session:
    """A session that is over, as its recording has it."""

    def __init__(self, gateway: Gateway, id: str, files: list[dict[str, Any]], raw: bytes) -> None:
        self.id = id
        self.files = files
        self.raw = raw  # all of the recording's frames, decompressed
        self._gateway = gateway

    def file(self, direction: str) -> dict[str, Any]:
        """The only one that went that way."""
        (found,) = (file for file in self.files if file["direction"] == direction)
        return found

    async def content(self, file: dict[str, Any]) -> bytes:
        async with self._gateway.api(AUDREY) as api:
            path = f"/api/sessions/{self.id}/files/{file['command']}/{file['direction']}"
            answer = await api.get(path)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        return answer.content


@pytest.fixture
def recorded(gateway: Gateway) -> Recorded:
    """The session that opened a file of this name."""

    async def find(name: str) -> Session:
        sql = f"select session from commands where text like 'sftp%{name}%' limit 1"
        session = str((await eventually(lambda: gateway.audit(sql), every=0.5, what=name))[0]["session"])

        async def whole() -> bytes:
            async with gateway.api(AUDREY) as api:
                answer = await api.get(f"/api/sessions/{session}/recording")
            if answer.status_code != 200 or answer.headers["X-Recording-Whole"] != "true":
                return b""
            raw = b"\0".join(payload for _, _, payload in frames([answer.content]))
            return raw if b"the session is over" in raw else b""

        raw = await eventually(whole, every=0.5, what="the end of the recording")
        async with gateway.api(AUDREY) as api:
            files = (await api.get(f"/api/sessions/{session}/files")).json()
        return Session(gateway, session, files, raw)

    return find


async def _sftp(client: Client, resource: str, batch: str) -> None:
    script = client.folder / f"batch-{uuid.uuid4()}"
    script.write_text(batch)
    argv = ["sftp", "-o", "BatchMode=no", *client.options(resource), "-b", str(script), "127.0.0.1"]
    done = await client.run_any(argv)
    assert done.status == 0, done.stderr


async def test_what_is_put_and_got_is_recorded_masked(
    client: Client, sshd: Sshd, tmp_path: Path, recorded: Recorded
) -> None:
    where = sshd.files / "open" / "masked.csv"
    # The card stands across two of the client's writes of 32 KiB.
    data = b"x" * 32760 + b" " + CARD + b",jane.doe@example.com\n" + b"y" * 40_000
    (tmp_path / "up").write_bytes(data)
    await _sftp(client, "shell", f"put {tmp_path}/up {where}\nget {where} {tmp_path}/down\n")
    assert where.read_bytes() == data
    session = await recorded("masked.csv")
    masked = data.replace(CARD, b"************1111").replace(b"jane.doe", b"j*******")
    for direction, went in (("write", data), ("read", masked)):
        file = session.file(direction)
        assert (file["path"], file["bytes"], file["recorded"]) == (str(where), len(data), len(data))
        assert file["sha256"] == hashlib.sha256(went).hexdigest()
        assert await session.content(file) == masked
    assert CARD not in session.raw
    assert b"jane.doe" not in session.raw


@pytest.mark.parametrize("protocol", ["-O", "-s"])
async def test_scp_is_recorded_in_both_protocols(
    client: Client, sshd: Sshd, tmp_path: Path, recorded: Recorded, protocol: str
) -> None:
    data = bytes(range(256)) * 1000
    (tmp_path / "up").write_bytes(data)
    scp = ["scp", protocol, *client.options("plain")]
    for direction in ("write", "read"):
        where = sshd.files / "open" / f"{direction}{protocol}.bin"
        where.write_bytes(data)
        where.chmod(0o666)
        ends = [str(tmp_path / "up"), f"127.0.0.1:{where}"]
        done = await client.run_any([*scp, *(ends if direction == "write" else ends[::-1])])
        assert done.status == 0, done.stderr
        session = await recorded(where.name)
        file = session.file(direction)
        assert file["sha256"] == hashlib.sha256(data).hexdigest()
        assert await session.content(file) == data


async def test_no_order_of_writes_shows_a_value(client: Client, sshd: Sshd, recorded: Recorded) -> None:
    """Its second half first; over something else, behind a hole; appended, where the host heeds no offset;
    in the file's name."""
    where = sshd.files / "open" / f"orders {CARD.decode()}"
    async with await client.connected("agent-7:shell") as connection, connection.start_sftp_client() as sftp:
        async with sftp.open(where, "wb") as file:
            await file.write(CARD[8:], 8)
            await file.write(CARD[:8], 0)
            await file.write(CARD[:8] + b"no number", 1_000_000)
            await file.write(CARD[8:] + b" ", 1_000_008)
        async with sftp.open(where, asyncssh.FXF_WRITE | asyncssh.FXF_APPEND, encoding=None) as file:
            await file.write(b" " + CARD[:8], 0)
            await file.write(CARD[8:], 0)
    assert where.read_bytes() == CARD.ljust(1_000_000, b"\0") + CARD + b"  " + CARD
    session = await recorded("open/orders ")
    written, appended = session.files
    assert await session.content(written) == b"************1111************1111 "
    assert await session.content(appended) == b" ************1111"
    assert CARD[:8] not in session.raw
    assert written["path"] == str(sshd.files / "open" / "orders ************1111")


@pytest.mark.parametrize(("resource", "most"), [("plain", _FULL), ("preview", _PREVIEW)])
async def test_of_a_long_file_the_beginning_is_recorded(
    client: Client, sshd: Sshd, tmp_path: Path, recorded: Recorded, resource: str, most: int
) -> None:
    data = b"".join(b"line %d\n" % number for number in range(200_000))
    where = sshd.files / "open" / f"long-{resource}"
    (tmp_path / "up").write_bytes(data)
    await _sftp(client, resource, f"put {tmp_path}/up {where}\nget {where} {tmp_path}/down\n")
    session = await recorded(where.name)
    for direction in ("write", "read"):
        file = session.file(direction)
        assert (file["bytes"], file["recorded"]) == (len(data), most)
        assert await session.content(file) == data[:most]


async def test_at_metadata_nothing_is_recorded(
    client: Client, gateway: Gateway, sshd: Sshd, tmp_path: Path
) -> None:
    where = sshd.files / "open" / "unrecorded"
    (tmp_path / "up").write_text("a")
    await _sftp(client, "metadata", f"put {tmp_path}/up {where}\n")
    sql = "select session from commands where text like '%/unrecorded%' and outcome = 'succeeded'"
    rows = await eventually(lambda: gateway.audit(sql), every=0.5, what="the command")
    async with gateway.api(AUDREY) as api:
        answer = await api.get(f"/api/sessions/{rows[0]['session']}/files")
    assert answer.status_code == 404
    assert answer.json()["type"].endswith(":no-recording")
    sql = f"select chunks from recordings where session = '{rows[0]['session']}'"
    assert gateway.audit(sql) == []


async def test_a_client_that_leaves_in_the_middle_is_recorded(
    client: Client, gateway: Gateway, sshd: Sshd, recorded: Recorded
) -> None:
    async with await client.connected("agent-7:shell") as connection:
        sftp = await connection.start_sftp_client()
        for name in ("left-one", "left-two"):
            file = await sftp.open(sshd.files / "open" / name, "wb")
            await file.write(b"paid with " + CARD)
        connection.abort()
    session = await recorded("left-one")
    assert {file["path"].rpartition("/")[2] for file in session.files} == {"left-one", "left-two"}
    assert session.raw.count(b"paid with ************1111") == 2
    sql = f"select outcome from commands where session = '{session.id}' and text like '%/left-%'"
    await eventually(
        lambda: [row["outcome"] for row in gateway.audit(sql)] == ["unknown"] * 2, every=0.5, what="outcomes"
    )


async def test_it_is_for_whom_the_recording_is(
    client: Client, gateway: Gateway, sshd: Sshd, tmp_path: Path, recorded: Recorded
) -> None:
    """dana reviews commands on web-1, and decided on none of this session; of another's she knows nothing."""
    where = sshd.files / "whose"
    where.write_text("a")
    await _sftp(client, "web-1", f"get {where} {tmp_path}/down\n")
    session = await recorded(where.name)
    file = session.file("read")
    for someone, status in ((AGENT, 200), (AUDREY, 200), (DANA, 403)):
        async with gateway.api(someone) as api:
            files = f"/api/sessions/{session.id}/files"
            for path in (files, f"{files}/{file['command']}/read"):
                assert (await api.get(path)).status_code == status
            unknown = await api.get(f"{files}/{file['command']}/write")
        assert unknown.status_code == (404 if status == 200 else status)


NAMES = ["..%2f..", ".bashrc", "a b\n\x1b[31m", "-rf", "same", "same"]


@pytest.fixture
def hostile(sshd: Sshd) -> list[str]:
    """Paths of files at the host, whose names would do harm elsewhere."""
    paths = []
    for number, name in enumerate(NAMES):
        path = sshd.files / "open" / f"saved{number}" / name
        path.parent.mkdir()
        path.write_text(f"content {number}")
        paths.append(str(path))
    return paths


def _contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


async def test_files_are_saved_where_they_are_told_to(
    client: Client, gateway: Gateway, hostile: list[str], tmp_path: Path, recorded: Recorded
) -> None:
    async with await client.connected("agent-7:plain") as connection, connection.start_sftp_client() as sftp:
        for path in hostile:
            await sftp.get(path, tmp_path.parent / "got")
    session = await recorded("saved0")

    async def files(*more: str) -> Ran:
        return await run_command(
            gateway.folder,
            *("sessions", "files", session.id, "--config", str(gateway.config), *more),
            COUNTERSIGN_USER=AUDREY.name,
            COUNTERSIGN_TOKEN=AUDREY.token,
        )

    listed = await files()
    assert (listed.status, listed.err) == (0, "")
    assert hostile[4] in listed.out
    assert "\x1b" not in listed.out
    saved = await files("--save", str(tmp_path / "in" / "here"))
    assert saved.status == 0, saved.err
    assert _contents(tmp_path) == {
        "in/here/001-read-_2f..": "content 0",
        "in/here/002-read-bashrc": "content 1",
        "in/here/003-read-a_b_31m": "content 2",
        "in/here/004-read-rf": "content 3",
        "in/here/005-read-same": "content 4",
        "in/here/006-read-same": "content 5",
    }
    again = await files("--save", str(tmp_path / "in" / "here"))
    assert again.status == 1
    assert "is there already" in again.err
