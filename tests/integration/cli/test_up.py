"""`countersign up` when it cannot: what it says, and that it leaves nothing behind."""

import signal
import socket
import subprocess
from pathlib import Path

from support.builders import configuration, write_configuration
from support.gateway import countersign
from support.processes import free_port, start, stop, tail
from support.wait import block_until


def _write(folder: Path, api_port: int) -> Path:
    listen = {
        "api": f"127.0.0.1:{api_port}",
        "clickhouse": f"127.0.0.1:{free_port()}",
        "postgres": f"127.0.0.1:{free_port()}",
    }
    return write_configuration(folder, configuration(listen=listen, resources=[], policies=[]), {})


def _up(config: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        countersign("up", "--config", str(config)), capture_output=True, text=True, check=False, timeout=200
    )


def test_a_configuration_with_a_mistake_starts_nothing(tmp_path: Path) -> None:
    config = _write(tmp_path, free_port())
    config.write_text(config.read_text().replace("auditors:", "auditers:"))
    done = _up(config)
    assert done.returncode == 2
    assert "this key is not known here" in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_role_that_does_not_start_ends_it_with_the_roles_words(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = _up(_write(tmp_path, port))
    assert done.returncode == 1
    assert "api ended with status 2" in done.stderr
    assert f"127.0.0.1:{port} cannot be used: Address already in use" in done.stderr
    assert "\nready" not in done.stdout
    assert not (tmp_path / "state" / "kafka" / "address").exists()


def test_a_signal_while_it_starts_is_an_ordinary_end(tmp_path: Path) -> None:
    log = tmp_path / "up.log"
    running = start(countersign("up", "--config", str(_write(tmp_path, free_port()))), log)
    block_until((tmp_path / "state" / "log" / "kafka.log").exists, seconds=100, what="Kafka's first words")
    assert stop(running, by=signal.SIGTERM, seconds=60) == 0, tail(log)
    assert "stopped" in log.read_text()
