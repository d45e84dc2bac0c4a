"""The role: builds what does I/O, serves until it is told to stop, stops cleanly."""

import asyncio
import os
import signal
import socket
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

import httpx
import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from api.access import access_of
from api.app import create_app
from api.asking import Asking
from api.audit import AuditLog
from api.auth import Cookies, SignIn
from api.deciding import ANSWER_WITHIN, Desk
from api.feed import Feed
from api.grants import Grants
from api.inbox import Inbox
from api.issuing import Issuing
from api.mcp.mount import McpEndpoint
from api.mcp.runs import Runs
from api.notifications.notifier import Notifier
from api.notifications.outbox import Outbox
from api.notifications.receiver import Receiver
from api.notifications.receivers import receivers_of
from api.notifications.slack.actions import Actions
from api.notifications.slack.channel import Channel
from api.pauses import Pauses, rules_that_pause
from api.publishing import Publishing
from api.register import REACH, Register
from api.resources import Resources
from api.saml_sign_on import CONSUMER, ENTITY, LOGOUT, SamlSignOn
from api.sealed import Seal
from api.single_sign_on import SingleSignOn
from api.terminal_codes import TerminalCodes
from infra.certificates import server_certificate
from infra.clickhouse.client import connect
from infra.clock import now
from infra.config import Address, Config, ConfigError
from infra.identity import (
    Provisioning,
    Revocations,
    everybody,
    identities_of,
    provisioning_of,
    revocations_of,
)
from infra.identity.federation import taken_names
from infra.identity.provider import Provider
from infra.identity.provisioning import Admit
from infra.identity.saml import SamlProvider
from infra.identity.tokens import TokenSigner
from infra.kafka.address import kafka_address
from infra.kafka.bus import Bus, BusUnavailable
from infra.kafka.following import Following
from infra.keys import keyring, sealer, secret, signer, token_key
from infra.readiness import report_ready
from infra.ssh_keys import ssh_user_ca
from schemas.envelope import envelope
from schemas.events import NodeHeartbeat
from schemas.ids import uuid7
from schemas.topics import GRANTS
from schemas.vocabulary import Role

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from api.scim.routes import ScimEndpoint

_LAST_REQUESTS = 3  # seconds that requests under way may still take when the server stops
_LOOK_EVERY = 0.05  # seconds
_HEARTBEAT = 5.0  # seconds
_LONGEST_SENDING = 15.0  # seconds that a receiver of notifications may take (Standard Webhooks: 15 to 30)

log = structlog.get_logger()


def run(config: Config) -> int:
    """Serves the API of this configuration until SIGTERM or SIGINT; the exit code. Raises ConfigError."""
    address = config.gateway.listen.api
    if address is None:
        raise ConfigError(["gateway.listen.api: expected host:port; without it there is no API to start"])
    with _listen(address) as listener, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, address, listener))
    return 0


async def _serve(config: Config, address: Address, listener: socket.socket) -> None:
    node = f"api@{os.uname().nodename}#{uuid7(now())[-12:]}"
    bus = Bus(kafka_address(config), signer(config.state, Role.API), keyring(config.state))
    feed = Feed(bus, Inbox())
    access = access_of(config)
    desk = Desk(feed, bus, access, node, within=ANSWER_WITHIN)
    clickhouse = connect(config)
    audit_log = AuditLog(clickhouse, access)
    register = Register()
    following = Following(bus, GRANTS, REACH, lambda received: register.apply(received.event), now)
    grants = Grants(register, following, bus, access, config.identity.administrators, audit_log, node, now)
    publishing = Publishing(config, bus, access, node, now, ANSWER_WITHIN)
    cookies = Cookies(secret(config.state, "web-sessions"), config.identity.users)
    tls = not address.is_loopback
    revocations = revocations_of(config)
    provisioning = provisioning_of(config)
    admit = provisioning.admit if provisioning is not None else everybody
    sign_in = SignIn(identities_of(config, revocations, admit), cookies, revocations, tls=tls)
    sso = _single_sign_on(config, admit)
    issuing = Issuing(TokenSigner(token_key(config.state), config.identity.tokens.lifetime), bus, node, now)
    saml = _saml(config, admit, revocations, issuing)
    outbox = Outbox(config.state / "notifications.db")
    client = httpx.AsyncClient(timeout=_LONGEST_SENDING, follow_redirects=False)
    slack, receivers = _receivers(config, client, outbox, desk)
    notifier = Notifier(receivers, feed, outbox, config.state / "notifications.lock")
    app = create_app(
        feed=feed,
        desk=desk,
        sign_in=sign_in,
        audit_log=audit_log,
        grants=grants,
        asking=Asking(feed, bus, node, ANSWER_WITHIN, now),
        pauses=Pauses(feed, bus, node, now, lambda: rules_that_pause(publishing.in_force.policies)),
        issuing=issuing,
        resources=Resources(config),
        publishing=publishing,
        sso=sso,
        saml=saml,
        ssh_authority=ssh_user_ca(config.state),
        codes=TerminalCodes(Seal(secret(config.state, "single-sign-on")), now),
        administrators=config.identity.administrators,
        sealer=sealer(config.state),
        outbox=outbox,
        wake=notifier.wake,
        slack=slack,
        scim=_scim(config, provisioning, issuing, bus, node),
    )
    runs = Runs()
    mcp = McpEndpoint(partial(_mcp_server, config, publishing, app, runs), sign_in)
    app.router.routes.append(mcp.route())
    server = uvicorn.Server(_settings(config, app, tls=tls))
    _survive_own_signals()
    try:
        async with asyncio.TaskGroup() as tasks:
            feeding = tasks.create_task(feed.run())  # should it fail, so does the process
            registering = tasks.create_task(following.run())
            beating = tasks.create_task(_heartbeat(bus, node))
            reading = tasks.create_task(revocations.follow(bus))
            admitting = tasks.create_task(provisioning.follow(bus)) if provisioning is not None else None
            telling = tasks.create_task(notifier.run())
            publishing_rules = tasks.create_task(publishing.run())
            serving_mcp = tasks.create_task(mcp.run())
            tasks.create_task(_report(server, address))
            await server.serve(sockets=[listener])
            feeding.cancel()
            registering.cancel()
            telling.cancel()
            publishing_rules.cancel()
            beating.cancel()
            serving_mcp.cancel()
            reading.cancel()
            if admitting is not None:
                admitting.cancel()
    finally:
        await runs.stop()
        outbox.close()
        await client.aclose()
        await bus.stop()
        await clickhouse.close()


def _mcp_server(config: Config, publishing: Publishing, app: ASGIApp, runs: Runs) -> "MCPServer":
    """The gateway's own MCP server. It is loaded here: it takes as long as all else together."""
    from api.mcp.listeners import Listeners
    from api.mcp.own_api import OwnApi
    from api.mcp.server import make_server

    return make_server(Listeners(config, lambda: publishing.in_force.policies), OwnApi(app), runs)


def _scim(
    config: Config, provisioning: Provisioning | None, issuing: Issuing, bus: Bus, node: str
) -> "ScimEndpoint | None":
    scim = config.identity.scim
    if scim is None or provisioning is None:
        return None
    # Its models take a second to load.
    from api.scim.registry import Registry
    from api.scim.routes import ScimEndpoint

    registry = Registry(provisioning, issuing, bus, node, taken_names(config), now)
    return ScimEndpoint(scim, registry, config.api_url, now)


def _single_sign_on(config: Config, admit: Admit) -> SingleSignOn | None:
    oidc = config.identity.oidc
    if oidc is None:
        return None
    if oidc.client_secret is not None:
        oidc.client_secret.read(config.base)  # says now that it is not there
    seal = Seal(secret(config.state, "single-sign-on"))
    return SingleSignOn(config, oidc, Provider(oidc.issuer), admit, seal, now)


def _saml(config: Config, admit: Admit, revocations: Revocations, issuing: Issuing) -> SamlSignOn | None:
    saml = config.identity.saml
    if saml is None:
        return None
    path = config.base / saml.metadata
    try:
        metadata = path.read_bytes()
    except OSError as error:
        raise ConfigError([f"identity.saml.metadata: {path} cannot be read: {error.strerror}"]) from error
    url = config.api_url
    provider = SamlProvider(saml, metadata, url + ENTITY, url + CONSUMER, url + LOGOUT, now)
    seal = Seal(secret(config.state, "single-sign-on"))
    return SamlSignOn(config, saml, provider, admit, seal, revocations, issuing, now)


def _receivers(
    config: Config, client: httpx.AsyncClient, outbox: Outbox, desk: Desk
) -> tuple[Actions | None, list[Receiver]]:
    """Who is told, and what takes the buttons that are pressed in Slack, where there is one."""
    told, found = config.notifications, receivers_of(config, client, outbox)
    if told.slack is None:
        return None, found
    channel = Channel(told.slack, config.base, config.api_url, client, outbox)
    return Actions(config, told.slack, channel, desk, client, now), [*found, channel]


def _settings(config: Config, app: object, *, tls: bool) -> uvicorn.Config:
    certificate, key = server_certificate(config) if tls else (None, None)
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody is believed about addresses
        ssl_certfile=certificate,
        ssl_keyfile=key,
        timeout_graceful_shutdown=_LAST_REQUESTS,
    )


async def _heartbeat(bus: Bus, node: str) -> None:
    started_at = now()
    while True:
        await asyncio.sleep(_HEARTBEAT)
        beat = NodeHeartbeat(
            envelope=envelope(now(), node), role=Role.API, started_at=started_at, status="ready"
        )
        try:
            await bus.publish_durably(beat)
        except BusUnavailable as error:
            log.warning("heartbeat_lost", reason=str(error))


async def _report(server: uvicorn.Server, address: Address) -> None:
    while not server.started and not server.should_exit:  # noqa: ASYNC110  uvicorn offers nothing to await
        await asyncio.sleep(_LOOK_EVERY)
    if server.started:
        log.info("api_listens", address=str(address))
        report_ready()


def _listen(address: Address) -> socket.socket:
    """A socket on this address. Raises ConfigError when it cannot be had."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            [f"gateway.listen.api: {address} cannot be used: {error.strerror}; name another port"]
        ) from error
    return listener


def _survive_own_signals() -> None:
    """uvicorn stops at SIGTERM and SIGINT, and sends itself the signal again afterwards: an ordinary end."""

    def ignore(_number: int, _frame: FrameType | None) -> None:
        return None

    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(ValueError):  # not the main thread, as in a test: then uvicorn handles none either
            signal.signal(number, ignore)
