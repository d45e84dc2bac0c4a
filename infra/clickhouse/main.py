"""The role: holds the data folder, speaks ClickHouse's HTTP interface, stops cleanly.

It listens where gateway.listen.clickhouse says, with TLS anywhere but on loopback. The gateway's own roles
find it by `<state>/clickhouse/address`, on loopback always.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import structlog
import uvicorn
import uvloop

from infra.certificates import server_certificate
from infra.clickhouse.address import address_file
from infra.clickhouse.callers import Callers
from infra.clickhouse.embedded import Engine
from infra.clickhouse.server import Server
from infra.config import Address, Config, ConfigError
from infra.identity import (
    Provisioning,
    Revocations,
    everybody,
    identities_of,
    provisioning_of,
    revocations_of,
)
from infra.kafka.address import kafka_address
from infra.kafka.bus import Bus, BusUnavailable
from infra.keys import keyring, secret, signer
from infra.readiness import report_ready
from schemas.vocabulary import Role

_RETRY = 1.0  # seconds between attempts to reach Kafka
_LAST_REQUESTS = 5  # seconds that requests under way may still take when the server stops

log = structlog.get_logger()


def run(config: Config) -> int:
    """Serves until SIGTERM or SIGINT; the exit code.

    Raises ConfigError when the folder or the address is taken, or the configuration names another
    ClickHouse.
    """
    if config.gateway.clickhouse != "embedded":
        raise ConfigError(["gateway.clickhouse: names another ClickHouse, so there is none to start here"])
    folder = config.state / "clickhouse"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chdir(folder)  # the engine reads a config.xml of the working folder, should there be one
    with ExitStack() as open_things:
        listeners = _listeners(config, open_things)
        engine = Engine(folder)
        open_things.callback(engine.close)
        runner = open_things.enter_context(asyncio.Runner(loop_factory=uvloop.new_event_loop))
        runner.run(_serve(config, engine, listeners))
    return 0


async def _serve(config: Config, engine: Engine, listeners: list[tuple[socket.socket, bool]]) -> None:
    password = secret(config.state, "clickhouse").hex()
    revocations = revocations_of(config)
    provisioning = provisioning_of(config)
    admit = provisioning.admit if provisioning is not None else everybody
    identities = identities_of(config, revocations, admit)
    app = Server(engine, Callers(config, identities, password))
    servers = [(_QuietServer(_settings(config, app, tls=tls)), listener) for listener, tls in listeners]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    inside, _ = listeners[-1]
    try:
        async with asyncio.TaskGroup() as tasks:
            for server, listener in servers:
                tasks.create_task(server.serve(sockets=[listener]))
            tasks.create_task(_report([server for server, _ in servers], config, inside))
            following = tasks.create_task(_follow(config, revocations, provisioning))
            await stop.wait()
            following.cancel()
            await asyncio.to_thread(engine.kill, "")
            for server, _listener in servers:
                server.should_exit = True
    finally:
        address_file(config.state).unlink(missing_ok=True)
    app.close()
    log.info("clickhouse_stopped")


async def _follow(config: Config, revocations: Revocations, provisioning: Provisioning | None) -> None:
    """Reads what was revoked, and who is provisioned. Kafka may start later than this process, or
    stay away: then auditors come in by the tokens of the configuration alone."""
    while True:
        try:
            # It only listens; a bus signs as somebody, and this process belongs to the projections.
            bus = Bus(kafka_address(config), signer(config.state, Role.PROJECTIONS), keyring(config.state))
            await bus.start()
        except (BusUnavailable, ConfigError):
            await asyncio.sleep(_RETRY)
            continue
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(revocations.follow(bus))
                if provisioning is not None:
                    tasks.create_task(provisioning.follow(bus))
        finally:
            await bus.stop()


class _QuietServer(uvicorn.Server):
    """uvicorn without signal handlers of its own: the signals are this role's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _settings(config: Config, app: object, *, tls: bool) -> uvicorn.Config:
    certificate, key = server_certificate(config) if tls else (None, None)
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # an ASGI application by its call alone
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        timeout_graceful_shutdown=_LAST_REQUESTS,
    )


async def _report(servers: list[_QuietServer], config: Config, inside: socket.socket) -> None:
    """Says where it listens, once it does."""
    while not all(server.started for server in servers):  # noqa: ASYNC110  uvicorn offers nothing to await
        await asyncio.sleep(0.02)
    host, port = inside.getsockname()[:2]
    path = address_file(config.state)
    draft = path.with_suffix(".new")
    draft.write_text(f"{Address(host, port)}\n")
    draft.replace(path)
    log.info("clickhouse_listens", address=str(config.gateway.listen.clickhouse or Address(host, port)))
    report_ready()


def _listeners(config: Config, open_things: ExitStack) -> list[tuple[socket.socket, bool]]:
    """(socket, with TLS?): the configured one, and last the one for the gateway's own roles, on loopback.

    One plain socket serves both where the configured address is on loopback.
    """
    address = config.gateway.listen.clickhouse
    if address is not None and address.is_loopback:
        return [(open_things.enter_context(_listen(address)), False)]
    inside = open_things.enter_context(_listen(Address("127.0.0.1", 0)))
    if address is None:
        return [(inside, False)]
    return [(open_things.enter_context(_listen(address)), True), (inside, False)]


def _listen(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            [f"gateway.listen.clickhouse: {address} cannot be used: {error.strerror}; name another port"]
        ) from error
    return listener
