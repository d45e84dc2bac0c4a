"""The role: where it listens, how it starts and stops, and what outlives it."""

import asyncio
import signal
import ssl
import subprocess
import threading
from pathlib import Path

import httpx
import pytest
from support.builders import AUDREY, configuration, write_configuration
from support.clickhouse import ClickHouse, configured_clickhouse, running_clickhouse
from support.gateway import countersign
from support.processes import free_port, start, stop, tail
from support.wait import block_until

from infra.clickhouse.address import address_file
from infra.clickhouse.client import ClickHouseUnavailable, connect
from infra.config import Config, load

NOT_CALLED_LOOPBACK = "2130706433"  # 127.0.0.1 as a number


def ask(config: Config) -> list[dict[str, int]]:
    """What one of the gateway's own roles is answered."""

    async def question() -> list[dict[str, int]]:
        client = connect(config)
        try:
            await client.create_database()
            return await client.query("SELECT 1 AS x")
        finally:
            await client.close()

    return asyncio.run(question())


def launch(folder: Path, listen: dict[str, str]) -> tuple[Config, "subprocess.Popen[bytes]"]:
    """A role with this `listen` section, when it has written its address."""
    path = write_configuration(folder, configuration(listen=listen, resources=[]), {})
    config = load(path)
    process = start(countersign("clickhouse", "--config", str(path)), folder / "log")
    block_until(
        lambda: address_file(config.state).exists() or process.poll() is not None,
        seconds=60,
        what="an address",
    )
    assert process.poll() is None, tail(folder / "log")
    return config, process


def prepare(clickhouse: ClickHouse) -> None:
    with clickhouse.client(None) as client:
        client.command("CREATE DATABASE IF NOT EXISTS countersign")
        client.command("CREATE TABLE countersign.t (a Int64) ENGINE = MergeTree ORDER BY a")
        client.command("INSERT INTO countersign.t SELECT number FROM numbers(1000)")


def test_off_loopback_it_speaks_tls_alone(tmp_path: Path) -> None:
    port = free_port()
    config, process = launch(tmp_path, {"clickhouse": f"{NOT_CALLED_LOOPBACK}:{port}"})
    try:
        trusting = ssl.create_default_context(cafile=str(config.state / "tls" / "ca.crt"))
        answer = httpx.post(
            f"https://127.0.0.1:{port}/",
            content="SELECT 1",
            auth=(AUDREY.name, AUDREY.token),
            verify=trusting,
        )
        assert answer.text == "1\n"
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/ping")
        # Our own roles do not go through the listener for auditors.
        assert f":{port}" not in address_file(config.state).read_text()
        assert ask(config) == [{"x": 1}]
    finally:
        assert stop(process) == 0


def test_without_an_address_only_our_own_roles_find_it(tmp_path: Path) -> None:
    config, process = launch(tmp_path, {})
    try:
        assert address_file(config.state).read_text().startswith("127.0.0.1:")
        assert ask(config) == [{"x": 1}]
    finally:
        assert stop(process) == 0
    assert not address_file(config.state).exists()
    with pytest.raises(ClickHouseUnavailable, match="start `countersign up`"):
        ask(config)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with running_clickhouse(tmp_path) as clickhouse:
        other = tmp_path / "other"
        other.mkdir()
        path = write_configuration(
            other, configuration(listen={"clickhouse": f"127.0.0.1:{clickhouse.port}"}, resources=[]), {}
        )
        done = subprocess.run(
            countersign("clickhouse", "--config", str(path)), capture_output=True, text=True, timeout=60
        )
    assert done.returncode != 0
    assert f"127.0.0.1:{clickhouse.port} cannot be used" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_it_is_not_started_beside_another_clickhouse(tmp_path: Path) -> None:
    document = configuration(listen={}, resources=[], gateway={"clickhouse": {"url": "http://localhost:1/"}})
    path = write_configuration(tmp_path, document, {})
    done = subprocess.run(
        countersign("clickhouse", "--config", str(path)), capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert "names another ClickHouse" in done.stdout + done.stderr


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_was_written_is_there_after_any_end(tmp_path: Path, end: signal.Signals) -> None:
    with running_clickhouse(tmp_path) as clickhouse:
        prepare(clickhouse)
        status = stop(clickhouse.process, by=end)
        assert status == (-signal.SIGKILL if end is signal.SIGKILL else 0)
        clickhouse.start()
        assert clickhouse.rows("SELECT count() AS n FROM countersign.t") == [{"n": 1000}]


def test_a_query_under_way_does_not_keep_it(tmp_path: Path) -> None:
    clickhouse = configured_clickhouse(tmp_path)
    clickhouse.start()
    answers: list[httpx.Response] = []
    endless = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"
    asking = threading.Thread(target=lambda: answers.append(clickhouse.post(endless)))
    asking.start()
    running = "SELECT query FROM system.processes WHERE query LIKE '%sipHash64(number)%'"
    block_until(lambda: len(clickhouse.rows(running)) == 2, what="the query")  # the asking one, too
    assert stop(clickhouse.process, seconds=10) == 0
    asking.join()
    assert answers[0].headers["X-ClickHouse-Exception-Code"] == "394"


def test_the_secret_is_for_the_owner_alone(tmp_path: Path) -> None:
    with running_clickhouse(tmp_path) as clickhouse:
        secret = clickhouse.config.state / "keys" / "clickhouse.secret"
        assert secret.stat().st_mode & 0o777 == 0o600
        assert clickhouse.ours[1] not in clickhouse.log.read_text()
