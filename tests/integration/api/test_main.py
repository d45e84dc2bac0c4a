"""The role: its start and end, Kafka that is away, TLS away from loopback."""

import asyncio
import signal
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from httpx_sse import aconnect_sse
from support.api_role import Api, start_api
from support.builders import DANA, configuration, write_configuration
from support.command_line import run_command
from support.processes import free_port, stop
from support.reviews import requested
from support.wait import eventually

from infra.kafka.address import KafkaAddress
from infra.kafka.bus import Bus
from infra.kafka.embedded import EmbeddedKafka
from infra.kafka.topics import create_topics
from infra.keys import keyring, signer
from schemas.vocabulary import Role

Starter = Callable[..., Api]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Starter]:
    """Starts api roles that end with the test."""
    running: list[Api] = []

    def starter(bootstrap: str, **more: str | int) -> Api:
        running.append(start_api(tmp_path, bootstrap, **more))  # type: ignore[arg-type]  # its keyword arguments
        return running[-1]

    yield starter
    for api in running:
        stop(api.process)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly(kafka: EmbeddedKafka, started: Starter, by: signal.Signals) -> None:
    api = started(kafka.bootstrap)

    assert stop(api.process, by=by) == 0
    assert "Traceback" not in api.log.read_text()


async def test_it_ends_though_somebody_follows_the_stream(kafka: EmbeddedKafka, started: Starter) -> None:
    api = started(kafka.bootstrap)
    await eventually(lambda: api.answers("/readyz"))
    async with api.client(DANA) as client, aconnect_sse(client, "GET", "/api/stream") as source:
        assert source.response.is_success
        began = time.monotonic()
        status = await asyncio.to_thread(stop, api.process)

    assert status == 0
    assert time.monotonic() - began < 10


async def test_what_waits_is_still_there_after_a_restart(kafka: EmbeddedKafka, started: Starter) -> None:
    first = started(kafka.bootstrap)
    bus = Bus(KafkaAddress(kafka.bootstrap), signer(first.state, Role.PROCESSORS), keyring(first.state))
    await bus.start()
    request = requested(datetime.now(UTC))
    await bus.publish_durably(request)
    await bus.stop()
    stop(first.process)

    second = started(kafka.bootstrap)
    await eventually(lambda: second.answers("/readyz"))

    async with second.client(DANA) as client:
        shown = await client.get(f"/api/approvals/{request.approval}")
    assert shown.json()["state"] == "pending"


async def test_an_event_that_is_not_signed_by_its_role_does_not_count(
    kafka: EmbeddedKafka, started: Starter, tmp_path: Path
) -> None:
    api = started(kafka.bootstrap)
    other_keys = tmp_path / "other"
    forger = Bus(KafkaAddress(kafka.bootstrap), signer(other_keys, Role.PROCESSORS), keyring(other_keys))
    honest = Bus(KafkaAddress(kafka.bootstrap), signer(api.state, Role.PROCESSORS), keyring(api.state))
    forged, real = requested(datetime.now(UTC)), requested(datetime.now(UTC))
    for bus, event in ((forger, forged), (honest, real)):
        await bus.start()
        await bus.publish_durably(event)
        await bus.stop()

    async with api.client(DANA) as client:

        async def is_seen() -> bool:
            return (await client.get(f"/api/approvals/{real.approval}")).is_success

        await eventually(is_seen)
        assert (await client.get(f"/api/approvals/{forged.approval}")).status_code == 404


async def test_without_kafka_nothing_is_shown_or_decided_and_it_recovers_by_itself(
    started: Starter, tmp_path: Path
) -> None:
    kafka = EmbeddedKafka(tmp_path / "kafka")
    await kafka.start()
    await create_topics(KafkaAddress(kafka.bootstrap))
    bootstrap = kafka.bootstrap
    await kafka.stop()

    api = started(bootstrap)
    async with api.client(DANA) as client:
        for path in ("/api/approvals", "/api/approvals/3f9a01bc", "/api/stream", "/readyz"):
            assert (await client.get(path)).status_code == 503
        refused = await client.post("/api/approvals/3f9a01bc/approve")
        assert refused.status_code == 503
        assert refused.json()["type"].endswith(":queue-unavailable")
        assert "Kafka" in refused.json()["detail"]
        assert "Nothing was decided" in refused.json()["action"]
        assert (await client.get("/healthz")).is_success
        assert (await client.get("/api/me")).is_success

        await kafka.start()
        await eventually(lambda: api.answers("/readyz"), seconds=60)
        assert (await client.get("/api/approvals")).json() == []

        await kafka.stop()
        await eventually(lambda: not api.answers("/readyz"), seconds=30)
        away = await run_command(
            tmp_path, "approvals", "list", COUNTERSIGN_URL=api.url, COUNTERSIGN_TOKEN=DANA.token
        )
        assert away.status == 3
        assert "Kafka" in away.err

        await kafka.start()
        await eventually(lambda: api.answers("/readyz"), seconds=60)
        bus = Bus(KafkaAddress(bootstrap), signer(api.state, Role.PROCESSORS), keyring(api.state))
        await bus.start()
        request = requested(datetime.now(UTC))
        await bus.publish_durably(request)
        await bus.stop()

        async def is_seen() -> bool:
            return (await client.get(f"/api/approvals/{request.approval}")).is_success

        await eventually(is_seen, seconds=30)
    await kafka.stop()


async def test_clickhouse_away_does_not_keep_reviewers_from_their_work(api: Api) -> None:
    async with api.client(DANA) as client:
        ready = await client.get("/readyz")
        sessions = await client.get("/api/sessions")

    assert ready.status_code == 200
    assert ready.json()["audit_log"] == "ClickHouse does not answer."
    assert sessions.status_code == 503
    assert sessions.json()["type"].endswith(":audit-log-unavailable")
    assert "Approvals work without it" in sessions.json()["action"]


async def test_away_from_loopback_it_speaks_tls_alone(kafka: EmbeddedKafka, started: Starter) -> None:
    # An address that is loopback for the kernel, and not for who reads the configuration.
    api = started(kafka.bootstrap, host="[::ffff:127.0.0.1]", scheme="https")
    plain = api.url.replace("https", "http")

    assert isinstance(api.tls, ssl.SSLContext)
    async with api.client(DANA) as client:
        me = await client.get("/api/me")
        signed_in = await client.post("/sign-in", data={"name": DANA.name, "token": DANA.token})
    assert me.json()["name"] == "dana"
    assert "max-age" in me.headers["strict-transport-security"]
    cookie = signed_in.headers["set-cookie"]
    assert cookie.startswith("__Host-countersign=")
    assert "Secure" in cookie
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.TransportError):
            await client.get(f"{plain}/healthz")


async def test_a_port_that_is_taken_is_said_to_be(kafka: EmbeddedKafka, api: Api, tmp_path: Path) -> None:
    port = int(api.url.rpartition(":")[2])
    config = write_configuration(
        tmp_path,
        configuration(
            listen={"api": f"127.0.0.1:{port}"},
            resources=[],
            gateway={"kafka": {"bootstrap": kafka.bootstrap}},
        ),
        {},
    )

    ran = await run_command(tmp_path, "api", "--config", str(config))

    assert ran.status == 2
    assert f"127.0.0.1:{port} cannot be used" in ran.err
    assert "Traceback" not in ran.err


async def test_without_an_address_there_is_nothing_to_start(tmp_path: Path) -> None:
    config = write_configuration(
        tmp_path,
        configuration(listen={}, resources=[], gateway={"kafka": {"bootstrap": f"127.0.0.1:{free_port()}"}}),
        {},
    )

    ran = await run_command(tmp_path, "api", "--config", str(config))

    assert ran.status == 2
    assert "gateway.listen.api" in ran.err


def test_the_log_names_what_happened(api: Api) -> None:
    assert "api_listens" in api.log.read_text()
