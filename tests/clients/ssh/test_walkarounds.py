"""Attempts to do more than read, run for real where a rule allows reads only (walkarounds.yaml)."""

import asyncio
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from support.sshd import Client, Sshd
from support.wait import eventually

from ingress.shell.facts import analyse
from schemas.vocabulary import Intent

_READS = {Intent.READ, Intent.SESSION}
_AT_ONCE = 8
_SAID = "this is what nobody may see"


def _attempts() -> list[str]:
    document = YAML(typ="safe").load(Path(__file__).with_name("walkarounds.yaml"))
    return [attempt for attempts in document.values() for attempt in attempts]


def _filled(attempt: str, files: Path, number: int) -> str:
    folder = files / "home"
    return (
        attempt.replace("MARK", str(files / "open" / f"mark-{number}"))
        .replace("SECRET", str(folder / ".ssh" / "id_rsa"))
        .replace("FOLDER", str(folder))
    )


@pytest.fixture(scope="module")
def home(sshd: Sshd) -> Path:
    folder = sshd.files / "home"
    (folder / ".ssh").mkdir(parents=True)
    (folder / ".ssh" / "id_rsa").write_text(_SAID + "\n")
    return folder


def test_there_are_many() -> None:
    assert len(_attempts()) >= 150


@pytest.mark.parametrize("attempt", _attempts())
def test_no_attempt_is_taken_for_a_read(attempt: str) -> None:
    facts = analyse(_filled(attempt, Path("/srv/files"), 0)).facts
    assert not set(facts.intents) <= _READS


async def test_none_runs(client: Client, sshd: Sshd, home: Path) -> None:
    """On `reads` a rule allows reads, and nothing else is allowed."""
    limit = asyncio.Semaphore(_AT_ONCE)
    control = sshd.folder / "control"
    argv = ["ssh", *client.options("reads"), "-o", f"ControlPath={control}"]

    async def attempt(number: int, text: str) -> str:
        async with limit:
            done = await client.run_any([*argv, "127.0.0.1", _filled(text, sshd.files, number)])
        if done.status != 126 or _SAID in done.stdout + done.stderr:
            return f"{text!r}: {done}"
        return ""

    async with client.running([*argv, "-M", "-N", "127.0.0.1"]):
        await eventually(control.exists, what="one connection for all")
        found = await asyncio.gather(*(attempt(number, text) for number, text in enumerate(_attempts())))
    assert [line for line in found if line] == []
    assert list((sshd.files / "open").glob("mark-*")) == []
