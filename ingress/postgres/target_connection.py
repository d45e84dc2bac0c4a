"""The way to a PostgreSQL target: TCP, TLS, signing in, and the cancel request beside it."""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from infra.config import PostgresResource
from infra.credentials import Account
from ingress.channel import Channel, keep_alive
from ingress.errors import TargetError
from ingress.postgres.messages import TERMINATE, make_cancel_request, make_ssl_request
from ingress.postgres.target_login import TargetLogin, TargetRefused

__all__ = ["Target", "TargetRefused", "cancel", "leave", "open_target", "tls_context"]

_log = structlog.get_logger()
_CONNECT_SECONDS = 15.0
_CANCEL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """A target that let us in."""

    channel: Channel
    parameters: dict[str, str]
    key: tuple[int, bytes]


def tls_context(resource: PostgresResource, base: Path) -> ssl.SSLContext | None:
    """What the resource's `tls` asks for; None where it is disabled. Raises ConfigError."""
    if resource.tls == "disable":
        return None
    ca = resource.ca.read(base) if resource.ca is not None else None
    return _context(ca, resource.tls == "verify-full")


@lru_cache(maxsize=64)
def _context(ca: str | None, verified: bool) -> ssl.SSLContext:
    """Trusts `ca` alone, or the system's CAs. Shared by all connections that want the same: reading the
    system's certificates takes 20 ms, and they take 700 kB."""
    context = ssl.create_default_context(cadata=ca)
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def open_target(
    resource: PostgresResource, base: Path, settings: dict[str, str], account: Account
) -> Target:
    """Signs in to the resource. Raises TargetError (TargetRefused among them), ConfigError.

    `settings`: start-up parameters, `database` among them.
    """
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            channel = await _connect(resource, base)
            try:
                return await _sign_in(channel, settings, account)
            except BaseException:
                channel.abort()
                raise
    except TimeoutError as error:
        raise TargetError("the target does not answer", f"{resource.address}: timed out") from error


async def cancel(resource: PostgresResource, base: Path, key: tuple[int, bytes]) -> None:
    """Asks the target to stop what the session of this key is running: best effort, as in the protocol."""
    try:
        async with asyncio.timeout(_CANCEL_SECONDS):
            channel = await _connect(resource, base)
            channel.write([make_cancel_request(*key)])
            # "The server … closes the connection" once it has looked at the request (55.2.8).
            while await channel.receive():
                pass
            channel.abort()
    except (TargetError, TimeoutError) as error:
        _log.warning("target.cancel_failed", resource=resource.name, error=str(error))


async def _connect(resource: PostgresResource, base: Path) -> Channel:
    loop = asyncio.get_running_loop()
    address = resource.address
    try:
        transport, channel = await loop.create_connection(Channel, address.host, address.port)
    except OSError as error:
        raise TargetError("the target cannot be reached", f"{address}: {error}") from error
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            keep_alive(sock)
    context = tls_context(resource, base)
    if context is None:
        return channel
    channel.write([make_ssl_request()])
    # One byte and no more: what a man in the middle adds before TLS must not be read (CVE-2021-23222).
    if await channel.receive() != b"S":
        channel.abort()
        raise TargetError(
            "the target does not speak TLS", f"resource {resource.name} has tls: {resource.tls}"
        )
    try:
        channel.transport = await loop.start_tls(transport, channel, context, server_hostname=address.host)
    except (ssl.SSLError, OSError) as error:
        channel.abort()
        raise TargetError("TLS with the target failed", f"{address}: {error}") from error
    return channel


async def _sign_in(channel: Channel, settings: dict[str, str], account: Account) -> Target:
    assert channel.transport is not None
    tls = channel.transport.get_extra_info("ssl_object")
    login = TargetLogin(
        account.user,
        account.password,
        settings,
        encrypted=tls is not None,
        channel_binding=_channel_binding(tls.getpeercert(binary_form=True)) if tls is not None else None,
    )
    while not login.done:
        channel.write([login.data_to_send()])
        data = await channel.receive()
        if not data:
            raise TargetError("the target closed the connection while signing in")
        login.receive_data(data)
    return Target(channel, login.parameters, login.key)


def _channel_binding(certificate: bytes) -> tuple[str, bytes]:
    """RFC 5929, section 4.1: the certificate's hash, by its signature's function but for MD5 and SHA-1."""
    algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate)
    return "tls-server-end-point", digest.finalize()


def leave(channel: Channel) -> None:
    """Says goodbye and closes."""
    channel.write([TERMINATE])
    channel.close()
