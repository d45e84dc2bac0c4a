"""Memory of the gateway's processes, as the kernel counts it (proc(5): status, smaps_rollup)."""

import contextlib
import re
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

MIB = 2**20
_EVERY = 0.5  # seconds between two looks


def roles(pid: int) -> dict[str, psutil.Process]:
    """The processes of `countersign up` by what they are: "up", "kafka", "ingress", …"""
    found: dict[str, psutil.Process] = {}
    up = psutil.Process(pid)
    for process in (up, *up.children(recursive=True)):
        try:
            name = "up" if process == up else _role(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        while name in found:
            name += "'"
        found[name] = process
    return found


def _role(command: list[str]) -> str:
    if command and Path(command[0]).name == "java":
        return "kafka"
    if "api.cli" in command:
        return command[command.index("api.cli") + 1]
    return Path(command[0]).name if command else "?"


def rss(process: psutil.Process) -> int:
    """Resident bytes."""
    return int(process.memory_info().rss)


def pss(process: psutil.Process) -> int:
    """Resident bytes, each shared page divided among those who share it: these may be summed."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    match = re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


def stack(pid: int) -> int:
    """Bytes of the whole gateway: the sum over its processes."""
    return sum(_sizes(pid).values())


def _sizes(pid: int) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for role, process in roles(pid).items():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it just ended
            sizes[role] = pss(process)
    return sizes


def peak(process: psutil.Process) -> int:
    """The most resident bytes it had since a `Growth` began, or ever."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    match = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


class Growth:
    """Bytes by which a process grew over what it had at the start of the block, at its peak."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._before = 0
        self.bytes = 0

    def __enter__(self) -> Self:
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")  # the peak is the present from here
        self._before = rss(self._process)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bytes = peak(self._process) - self._before


class Peaks:
    """The most bytes that each process, and all together, had at any look while the block ran."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self.total = 0
        self.of: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        while True:
            sizes = _sizes(self._pid)
            self.total = max(self.total, sum(sizes.values()))
            for role, size in sizes.items():
                self.of[role] = max(self.of.get(role, 0), size)
            if self._done.wait(_EVERY):
                return
