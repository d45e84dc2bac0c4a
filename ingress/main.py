"""The role `ingress`: builds what does I/O, starts a listener a protocol, stops cleanly."""

import asyncio
import contextlib
import gc
import resource as limits
import signal
import socket
import ssl
from datetime import datetime

import structlog
import uvloop

from infra.certificates import server_certificate
from infra.clock import now
from infra.config import Address, Config, ConfigError
from infra.credentials import secrets_of
from infra.identity import everybody, identities_of, provisioning_of, revocations_of
from infra.kafka.address import kafka_address
from infra.kafka.bus import Bus, BusUnavailable
from infra.keys import keyring, sealer, signer
from infra.readiness import report_ready
from ingress.channel import keep_alive
from ingress.interface import Endpoint
from ingress.login import Login
from ingress.outbox import Outbox
from ingress.protocols import PROTOCOLS
from ingress.session import Services
from ingress.verdicts import Verdicts
from schemas.envelope import envelope
from schemas.events import ApprovalPending, ApprovalWithdrawn, NodeHeartbeat
from schemas.ids import uuid7
from schemas.vocabulary import Role

_log = structlog.get_logger()
_HEARTBEAT = 5.0  # seconds
_LAST_WORDS = 10.0  # seconds for events to become durable at the end
_BACKLOG = 1024


def run(config: Config) -> int:
    """Runs until SIGTERM or SIGINT; the process's exit code. Raises ConfigError."""
    _raise_open_files()
    return uvloop.run(_run(config))


async def _run(config: Config) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    started_at = now()
    node = f"ingress@{socket.gethostname()}#{uuid7(started_at)}"
    bus = Bus(kafka_address(config), signer(config.state, Role.INGRESS), keyring(config.state))
    outbox = Outbox(bus)
    verdicts = Verdicts(node, lambda pending: outbox.report(_withdrawn(node, pending)))
    revocations = revocations_of(config)
    services = Services(
        bus=bus,
        outbox=outbox,
        verdicts=verdicts,
        sealer=sealer(config.state),
        revocations=revocations,
        secrets=secrets_of(config),
        clock=now,
        node=node,
        verdict_timeout=config.gateway.verdict_timeout,
        remind_every=config.gateway.remind_every,
    )
    provisioning = provisioning_of(config)
    admit = provisioning.admit if provisioning is not None else everybody
    login = Login(config, identities_of(config, revocations, admit))
    try:
        await bus.start()
    except BusUnavailable as error:
        _log.error("ingress.no_kafka", error=str(error))
        return 1
    await verdicts.start(bus)
    outbox.start()
    endpoints: list[Endpoint] = []
    tasks: list[asyncio.Task[None]] = []
    try:
        for protocol, make_endpoint in PROTOCOLS.items():
            address: Address | None = getattr(config.gateway.listen, protocol)
            if address is None:
                continue
            endpoint = make_endpoint(config, login, services, _tls(config))
            listener = _listen(address, protocol)
            await endpoint.start()
            endpoints.append(endpoint)
            tasks.append(asyncio.create_task(_accept(listener, endpoint)))
        tasks.append(asyncio.create_task(revocations.follow(bus)))
        if provisioning is not None:
            tasks.append(asyncio.create_task(provisioning.follow(bus)))
        tasks.append(asyncio.create_task(_heartbeat(outbox, node, started_at)))
        await revocations.read_up.wait()
        # What is there now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        report_ready()
        _log.info("ingress.ready", node=node)
        await stopping.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for endpoint in endpoints:
            await endpoint.stop("the gateway is stopping")
        outbox.report(_beat(node, started_at, "stopping"))
        lost = await outbox.stop(_LAST_WORDS)
        if lost:
            _log.error("ingress.events_lost", count=lost)
        await verdicts.stop()
        await bus.stop()
    return 0


def _listen(address: Address, protocol: str) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        listener = socket.create_server(
            (address.host, address.port), family=family, backlog=_BACKLOG, reuse_port=False
        )
    except OSError as error:
        raise ConfigError(
            [f"gateway.listen.{protocol}: {address} cannot be listened on: {error.strerror}"]
        ) from error
    listener.setblocking(False)
    return listener


async def _accept(listener: socket.socket, endpoint: Endpoint) -> None:
    loop = asyncio.get_running_loop()
    serving: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                sock, _ = await loop.sock_accept(listener)
            except OSError as error:
                # Too many open files: let some sessions end before the next is taken.
                _log.error("ingress.accept_failed", error=str(error))
                await asyncio.sleep(0.5)
                continue
            sock.setblocking(False)
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                keep_alive(sock)
            task = asyncio.create_task(endpoint.serve(sock))
            serving.add(task)
            task.add_done_callback(serving.discard)
    finally:
        listener.close()
        for task in serving:
            task.cancel()


async def _heartbeat(outbox: Outbox, node: str, started_at: datetime) -> None:
    while True:
        outbox.request(_beat(node, started_at, "ready"), lambda: None)
        await asyncio.sleep(_HEARTBEAT)


def _beat(node: str, started_at: datetime, status: str) -> NodeHeartbeat:
    return NodeHeartbeat(
        envelope=envelope(now(), node), role=Role.INGRESS, started_at=started_at, status=status
    )


def _withdrawn(node: str, pending: ApprovalPending) -> ApprovalWithdrawn:
    asked = pending.envelope
    return ApprovalWithdrawn(
        envelope=envelope(
            now(),
            node,
            session=asked.session,
            command=asked.command,
            principal=asked.principal,
            resource=asked.resource,
        ),
        approval=pending.approval,
        reason="the client had left before the approval was requested",
    )


def _tls(config: Config) -> ssl.SSLContext:
    certificate, key = server_certificate(config)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError([f"gateway.tls: {certificate} cannot be used: {error}"]) from error
    return context


def _raise_open_files() -> None:
    """A connection takes two files; the soft limit is often 1,024."""
    soft, hard = limits.getrlimit(limits.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            limits.setrlimit(limits.RLIMIT_NOFILE, (hard, hard))
