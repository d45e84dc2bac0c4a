"""Real processes: small programs in the place of roles."""

import asyncio
import os
import sys
import textwrap
from pathlib import Path

import pytest
from support.wait import eventually

from infra.role import RoleProcess
from infra.supervisor import PartFailed


def _role(folder: Path, program: str) -> RoleProcess:
    script = folder / "role.py"
    script.write_text(textwrap.dedent(program))
    return RoleProcess("api", [sys.executable, str(script)], folder / "log" / "api.log")


_SERVES = """
    import time
    from infra.readiness import report_ready
    print("serving", flush=True)
    report_ready()
    time.sleep(600)
"""


async def test_it_is_started_when_it_says_that_it_is_ready(tmp_path: Path) -> None:
    role = _role(tmp_path, _SERVES)
    await role.start()
    pid = role.pid
    assert pid is not None
    assert os.getsid(pid) == pid  # a Ctrl-C on our terminal does not reach it
    assert (tmp_path / "log" / "api.log").read_text() == "serving\n"
    await role.stop()
    assert _is_gone(pid)


async def test_one_that_ends_before_it_is_ready_has_failed(tmp_path: Path) -> None:
    role = _role(tmp_path, "import sys; sys.exit('gateway.listen.api: the port is taken')")
    with pytest.raises(PartFailed, match=r"api ended with status 1\. The end of .*api\.log:") as raised:
        await role.start()
    assert "the port is taken" in str(raised.value)


async def test_one_that_is_never_ready_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.role._READY_LIMIT", 0.3)
    role = _role(tmp_path, "import time; time.sleep(600)")
    with pytest.raises(PartFailed, match=r"was not ready within 0\.3 s"):
        await role.start()
    pid = role.pid
    assert pid is not None
    await eventually(lambda: _is_gone(pid), what="its end")


async def test_a_program_that_is_not_there_has_failed(tmp_path: Path) -> None:
    role = RoleProcess("api", [str(tmp_path / "nowhere")], tmp_path / "api.log")
    with pytest.raises(PartFailed, match=r"api cannot be started: .*No such file"):
        await role.start()


async def test_an_end_of_its_own_is_told_with_its_last_words(tmp_path: Path) -> None:
    role = _role(
        tmp_path,
        """
        import sys
        from infra.readiness import report_ready
        report_ready()
        sys.stdin.read()  # ends at once: there is no input
        sys.exit("Kafka went away")
        """,
    )
    await role.start()
    said = await role.ended()
    assert "api ended with status 1" in said
    assert "Kafka went away" in said


async def test_a_signal_that_ended_it_is_named(tmp_path: Path) -> None:
    role = _role(tmp_path, _SERVES)
    await role.start()
    role.kill()
    assert "api was ended by SIGKILL" in await role.ended()


async def test_it_is_stopped_by_sigterm(tmp_path: Path) -> None:
    role = _role(
        tmp_path,
        """
        import signal, sys, time
        from infra.readiness import report_ready
        def stop(number, frame):
            print("bye", flush=True)
            sys.exit(0)
        signal.signal(signal.SIGTERM, stop)
        report_ready()
        time.sleep(600)
        """,
    )
    await role.start()
    await role.stop()
    assert (tmp_path / "log" / "api.log").read_text() == "bye\n"


async def test_one_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.role._STOP_LIMIT", 0.2)
    role = _role(tmp_path, f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{_flat(_SERVES)}")
    await role.start()
    pid = role.pid
    assert pid is not None
    await role.stop()
    assert _is_gone(pid)


async def test_it_can_be_started_again(tmp_path: Path) -> None:
    role = _role(tmp_path, _SERVES)
    await role.start()
    first = role.pid
    role.kill()
    await role.ended()
    await role.start()
    try:
        assert role.pid != first
    finally:
        await role.stop()


async def test_an_error_shows_this_start_alone(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "api.log").write_text("yesterday's trouble\n")
    role = _role(tmp_path, "import sys; sys.exit('today')")
    with pytest.raises(PartFailed) as raised:
        await role.start()
    assert "today" in str(raised.value)
    assert "yesterday" not in str(raised.value)


async def test_a_long_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.role._LOG_LIMIT", 10)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "api.log").write_text("more than ten bytes\n")
    role = _role(tmp_path, _SERVES)
    await role.start()
    await role.stop()
    assert (tmp_path / "log" / "api.log").read_text() == "serving\n"
    assert (tmp_path / "log" / "api.log.1").read_text() == "more than ten bytes\n"


async def test_a_start_that_is_cancelled_leaves_no_process(tmp_path: Path) -> None:
    role = _role(tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    starting = asyncio.create_task(role.start())
    log = tmp_path / "log" / "api.log"
    await eventually(lambda: log.exists() and log.read_text().endswith("\n"), what="its first words")
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert _is_gone(int(log.read_text()))


def _flat(program: str) -> str:
    return textwrap.dedent(program)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
