"""A real sshd on a free port with keys of its own, and OpenSSH's clients as a user has them."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncssh
from support.builders import AGENT, Document, Someone
from support.processes import is_root, start, stop, tail
from support.wait import block_until, eventually

# Whom commands run as: never root, whatever an attempt would do. Debian's PostgreSQL brings this user.
_USER = "postgres" if is_root() else pwd.getpwuid(os.geteuid()).pw_name
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Sshd:
    """`files`: a folder that the user may write."""

    port: int
    host_key: str
    private_key: Path
    folder: Path
    files: Path
    log: Path

    def trust(self, line: str) -> None:
        """Lets in who shows a certificate of this authority."""
        (self.folder / "trusted_cas").write_text(line)

    def authority(self, name: str) -> Document:
        """A resource's host_key: the authority that signs this host's key (`host-ca`), or another."""
        return {"ca": " ".join((self.folder / f"{name}.pub").read_text().split()[:2])}

    def certified(self, name: str, **certificate: object) -> Document:
        """The resource of this host, signed in to by certificate, and known by its own."""
        return {
            **self.resource(name),
            "host_key": self.authority("host-ca"),
            "credentials": {"user": _USER, "certificate": certificate},
        }

    def resource(self, name: str, **more: object) -> Document:
        """The resource of this host."""
        return {
            "name": name,
            "protocol": "ssh",
            "address": f"127.0.0.1:{self.port}",
            "host_key": self.host_key,
            "credentials": {"user": _USER, "private_key": {"file": str(self.private_key)}},
            **more,
        }


@contextmanager
def running_sshd() -> Iterator[Sshd]:
    """sshd before an ordinary user, in a folder that this user can reach; both end with the block."""
    with TemporaryDirectory(prefix="sshd-") as folder:
        yield from _running_sshd(Path(folder))


def _running_sshd(folder: Path) -> Iterator[Sshd]:
    folder.chmod(0o755)
    files = folder / "files"
    files.mkdir()
    for name in ("host", "user"):
        _make_key(folder / name)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "authorized_keys").write_text((folder / "user.pub").read_text())
    for name in ("host-ca", "other-ca"):
        _make_key(folder / name)
    subprocess.run(
        [
            "ssh-keygen",
            "-q",
            "-s",
            folder / "host-ca",
            "-I",
            "host",
            "-h",
            "-n",
            "127.0.0.1",
            folder / "host.pub",
        ],
        check=True,
        timeout=30,
    )
    (folder / "trusted_cas").touch()
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\n"
        f"HostCertificate {folder}/host-cert.pub\nTrustedUserCAKeys {folder}/trusted_cas\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\n"
        f"PidFile none\nUsePAM {'yes' if is_root() else 'no'}\nStrictModes no\n"
        "PasswordAuthentication no\nSubsystem sftp internal-sftp\n"
        f"X11Forwarding yes\nSetEnv XAUTHORITY={files}/xauthority\nSubsystem shout /usr/bin/tr a-z A-Z\n"
        "AcceptEnv *\nMaxSessions 50\nMaxStartups 200\nUseDNS no\n"
    )
    if is_root():  # only then has sshd terminals to give
        Path("/run/sshd").mkdir(exist_ok=True)
        entry = pwd.getpwnam(_USER)
        os.chown(files, entry.pw_uid, entry.pw_gid)
    log = folder / "sshd.log"
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None, "infra/setup.sh test brings openssh-server"
    process = start(
        [program, "-D", "-e", "-f", str(folder / "sshd_config")],
        log,
        cwd=folder,
    )
    try:
        block_until(lambda: "Server listening" in log.read_text() or process.poll() is not None, what="sshd")
        assert process.poll() is None, tail(log)
        host_key = " ".join((folder / "host.pub").read_text().split()[:2])
        yield Sshd(port, host_key, folder / "user", folder, files, log)
    finally:
        stop(process, seconds=20)


def _make_key(path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True, timeout=30
    )


@dataclass(frozen=True, slots=True)
class Done:
    """A client that ended."""

    status: int
    stdout: str
    stderr: str


@dataclass(slots=True)
class Running:
    """A client that runs; what it said so far."""

    process: asyncio.subprocess.Process
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def watch(self) -> None:
        for reader, into in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
            assert reader is not None
            self._tasks.append(asyncio.create_task(_read(reader, into)))

    async def said(self, words: str, *, on: str = "err") -> str:
        """All it has said there, once these words are among it."""
        stream = self.err if on == "err" else self.out
        await eventually(lambda: words.encode() in stream, what=f"{words!r} on std{on}")
        return stream.decode(errors="replace")

    @property
    def has_ended(self) -> bool:
        return self.process.returncode is not None

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    async def send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        await self.process.stdin.drain()

    async def finish(self, seconds: float = _SECONDS) -> Done:
        """Closes its input and waits for its end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        async with asyncio.timeout(seconds):
            await asyncio.gather(*self._tasks)
            status = await self.process.wait()
        return Done(status, self.out.decode(errors="replace"), self.err.decode(errors="replace"))


async def _read(reader: asyncio.StreamReader, into: bytearray) -> None:
    while data := await reader.read(65536):
        into += data


@dataclass(frozen=True, slots=True)
class Client:
    """OpenSSH's clients, set up for one gateway as a user would: its known_hosts, the token by askpass."""

    folder: Path
    known_hosts: Path
    port: int
    someone: Someone = AGENT

    def options(self, resource: str = "web-1", *, token: str | None = None) -> list[str]:
        """Of ssh, sftp, scp: all but the destination."""
        return [
            "-F", "none",
            "-o", f"User={self.someone.name}:{resource}",
            "-o", f"Port={self.port}",
            "-o", f"UserKnownHostsFile={self.known_hosts}",
            "-o", "StrictHostKeyChecking=yes",
            "-o", "IdentityAgent=none",
            "-o", "PubkeyAuthentication=no",
            "-o", "NumberOfPasswordPrompts=1",
            "-o", "LogLevel=ERROR",
        ]  # fmt: skip

    def environment(self, token: str | None = None) -> dict[str, str]:
        askpass = self.folder / f"askpass-{token or self.someone.token}"
        if not askpass.exists():
            askpass.write_text(f"#!/bin/sh\necho '{token or self.someone.token}'\n")
            askpass.chmod(0o700)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "SSH_ASKPASS": str(askpass),
            "SSH_ASKPASS_REQUIRE": "force",
            "LC_ALL": "C.UTF-8",
        }

    @asynccontextmanager
    async def running(
        self,
        argv: Sequence[str],
        *,
        token: str | None = None,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
    ) -> AsyncIterator[Running]:
        """A client program; it is killed where the block leaves it running."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self.environment(token), **(env or {})},
            cwd=cwd or self.folder,
            start_new_session=True,
        )
        client = Running(process)
        client.watch()
        try:
            yield client
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def connected(self, user: str) -> asyncssh.SSHClientConnection:
        """By asyncssh, which can be made to say what OpenSSH never would. `user`: as `agent-7:web-1`."""
        return await asyncssh.connect(
            "127.0.0.1",
            self.port,
            username=user,
            password=self.someone.token,
            known_hosts=str(self.known_hosts),
            config=None,
            client_keys=None,
            agent_path=None,
        )

    def ssh(self, *arguments: str, resource: str = "web-1") -> list[str]:
        return ["ssh", *self.options(resource), "127.0.0.1", *arguments]

    async def run(
        self,
        *arguments: str,
        resource: str = "web-1",
        options: Sequence[str] = (),
        stdin: bytes = b"",
        token: str | None = None,
    ) -> Done:
        """`ssh … arguments`, to its end."""
        argv = ["ssh", *options, *self.options(resource), "127.0.0.1", *arguments]  # ssh takes the first
        return await self.run_any(argv, stdin=stdin, token=token)

    async def run_any(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        token: str | None = None,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        seconds: float = _SECONDS,
    ) -> Done:
        async with self.running(argv, token=token, cwd=cwd, env=env) as client:
            if stdin:
                await client.send(stdin)
            return await client.finish(seconds)
