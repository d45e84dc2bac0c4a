"""Starts a client: in this process's place, or beside files that hold the token and go with it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import typer

from api.cli.gateway import Exit, fail
from infra.child import dying_with_us

_SENT_TO_US_ALONE = (signal.SIGTERM, signal.SIGHUP)


def become(command: list[str], environment: Mapping[str, str]) -> NoReturn:
    """Puts the client in this process's place: signals and the exit status are its own."""
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606  no shell is wanted
    except OSError as error:
        _cannot_start(command[0], error)


def output_of(command: Sequence[str]) -> str:
    """What a client says of itself."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError as error:
        _cannot_start(command[0], error)


def run_beside(
    folder: Path, secrets: Mapping[Path, str], command: Sequence[str], environment: Mapping[str, str]
) -> int:
    """The exit status of the client. `secrets`: files in `folder`, which is not there before and after."""
    with _Signals() as signals:
        folder.mkdir(mode=0o700)
        try:
            for path, content in secrets.items():
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(content)
            status = signals.passed_to(_started(command, environment, signals)).wait()
        finally:
            shutil.rmtree(folder)
    return status if status >= 0 else 128 - status  # as a shell says that a signal ended it


class _Signals:
    """What a terminal sends goes to both of us, and the client says what comes of it; what is sent to us
    alone is passed on to it, and ends us before it is there."""

    def __init__(self) -> None:
        self._client: subprocess.Popen[bytes] | None = None
        self._ignores_interrupts = False

    def __enter__(self) -> "_Signals":
        self._ignores_interrupts = signal.signal(signal.SIGINT, signal.SIG_IGN) is signal.SIG_IGN
        for number in _SENT_TO_US_ALONE:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup(1)
                signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(
            signal.SIGINT, signal.SIG_IGN if self._ignores_interrupts else signal.default_int_handler
        )

    def passed_to(self, client: "subprocess.Popen[bytes]") -> "subprocess.Popen[bytes]":
        self._client = client
        return client

    def restore(self) -> None:
        """In the client, before it is one: it takes an interrupt as it would without us."""
        if not self._ignores_interrupts:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        if self._client is None:
            raise typer.Exit(128 + number)
        self._client.send_signal(number)


def _started(
    command: Sequence[str], environment: Mapping[str, str], signals: _Signals
) -> "subprocess.Popen[bytes]":
    die_with_us = dying_with_us()

    def prepare() -> None:
        die_with_us()
        signals.restore()

    try:
        return subprocess.Popen(command, env=dict(environment), preexec_fn=prepare)
    except OSError as error:
        _cannot_start(command[0], error)


def _cannot_start(program: str, error: OSError) -> NoReturn:
    fail(Exit.USAGE, f"{program} cannot be started: {error.strerror}")
