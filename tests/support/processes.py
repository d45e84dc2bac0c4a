"""Child processes of a test session: started with their output in a file, ended by their pid."""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# The child gets this signal when we die without having stopped it (prctl(2), PR_SET_PDEATHSIG).
_DIES_WITH_US = ("setpriv", "--pdeathsig")


def start(
    argv: Sequence[str],
    log: Path,
    *,
    user: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    dies_by: str = "TERM",
) -> subprocess.Popen[bytes]:
    """A child, with stdout and stderr appended to `log`; it ends when this process does."""
    become = ["--reuid", user, "--regid", user, "--clear-groups"] if user else []
    with log.open("ab") as output:
        return subprocess.Popen(
            [*_DIES_WITH_US, dies_by, *become, *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=env,
        )


def stop(
    process: subprocess.Popen[bytes], *, by: signal.Signals = signal.SIGTERM, seconds: float = 30
) -> int:
    """The child's exit status. Killed, and AssertionError, when it does not end in time."""
    if process.poll() is None:
        process.send_signal(by)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"{process.args!r} did not stop within {seconds:g} s of {by.name}") from None


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on now. Another process may take it before you do."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def tail(log: Path, lines: int = 40) -> str:
    """The last lines of a log, or a word that there is none."""
    if not log.exists():
        return f"({log.name}: nothing written)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def is_root() -> bool:
    return os.geteuid() == 0
