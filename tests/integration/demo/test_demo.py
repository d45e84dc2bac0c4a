"""`countersign demo --once`: the main job, end to end, as a newcomer sees it."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from support.gateway import countersign
from support.processes import start, stop, tail
from support.wait import block_until

pytestmark = pytest.mark.xdist_group("demo")


Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo's folder that the tests of this module share."""
    return tmp_path_factory.mktemp("demo") / "folder"


@pytest.fixture(scope="module")
def cold(folder: Path) -> Done:
    """The demo's first run in that folder, which makes all that later runs find there."""
    return _demo(folder, "--once")


def _demo(folder: Path, *arguments: str) -> Done:
    return subprocess.run(
        countersign("demo", "--folder", str(folder), *arguments),
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def test_once_goes_through_all_and_leaves(folder: Path, cold: Done) -> None:
    assert cold.returncode == 0, f"{cold.stdout}\n{cold.stderr}"
    said = cold.stdout
    assert "j***@example.com" in said
    assert "jane.doe@example.com" not in said
    assert "4111111111111111" not in said
    assert 'held for review by rule "changes need a DBA"' in said
    assert "UPDATE 1" in said
    assert "ERROR 42501:" in said
    assert "Each step did what it should." in said
    assert _processes(folder) == []


def test_a_step_that_does_not_do_what_it_should_is_named(folder: Path, cold: Done) -> None:
    assert cold.returncode == 0, cold.stderr
    config = folder / "countersign.yaml"
    good = config.read_text()
    config.write_text(good.replace('"public.customers.card": card', "").replace("card_number, ", ""))
    try:
        done = _demo(folder, "--once")
    finally:
        config.write_text(good)
    assert done.returncode == 1
    assert "step 1 (agent-7 reads, and sees no personal data): column card was not masked" in done.stdout
    assert _processes(folder) == []


def test_without_once_it_stays_and_says_how_to_go_on(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    running = start(countersign("demo", "--folder", str(folder)), log, cwd=tmp_path)
    try:
        block_until(
            lambda: running.poll() is not None or "Logs are in" in log.read_text(),
            seconds=200,
            what="the way on",
        )
        said = log.read_text()
        assert "psql 'host=127.0.0.1" in said
        assert f"cat {folder}/tokens/dana" in said or "tokens/dana" in said
    finally:
        status = stop(running, by=signal.SIGINT, seconds=60)
    assert status == 0, tail(log)
    assert _processes(folder) == []


def _processes(folder: Path) -> list[str]:
    """The command lines of processes that are still there for this folder."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline") as file:
                    command = file.read()
            except OSError:
                continue  # it has just ended
            if str(folder) in command:
                found.append(command.replace("\0", " "))
    return found
