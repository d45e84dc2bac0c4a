"""Whether a host can be entered past the gateway.

`observe` asks it; the checks are functions of what it said.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import asyncssh

from infra.clock import now
from infra.config import ConfigError, HostKeyAuthority, SshResource
from infra.credentials import Asker, Secrets
from infra.findings import CLOSE_THE_NETWORK, Finding, State
from ingress.errors import TargetError
from ingress.ssh.certificates import Certificates
from ingress.ssh.target_side import open_target
from schemas.ids import uuid7
from schemas.vocabulary import Principal, PrincipalKind

_SECONDS = 15.0
_BY_KEY = "publickey"  # RFC 4252, section 5; without any, "none"


@dataclass(frozen=True, slots=True)
class Observed:
    """`methods`: of signing in that the host offers to the gateway's user (RFC 4252, section 5.1). `refused`:
    why the gateway itself does not get in."""

    resource: SshResource
    failure: str = ""
    methods: tuple[str, ...] = ()
    refused: str = ""


async def observe(resource: SshResource, secrets: Secrets, certificates: Certificates) -> Observed:
    """Asks which ways in it offers, and comes in by the gateway's own."""
    host, port = resource.address.host, resource.address.port
    try:
        async with asyncio.timeout(_SECONDS):
            if not await _shows_its_key(resource):
                return Observed(resource, failure="its host key is not the one in the configuration")
            methods = await asyncssh.get_server_auth_methods(
                host, port, username=resource.credentials.user, config=None
            )
    except (asyncssh.Error, OSError, TimeoutError) as error:
        return Observed(resource, failure=f"it cannot be reached: {error or type(error).__name__}")
    refused = await _refused(resource, secrets, certificates)
    return Observed(resource, methods=tuple(methods), refused=refused)


async def _refused(resource: SshResource, secrets: Secrets, certificates: Certificates) -> str:
    """Why the gateway does not get in; empty: it does."""
    doctor = Asker(Principal("doctor", PrincipalKind.AGENT), uuid7(now()))
    try:
        target = await open_target(resource, secrets, certificates, doctor)
    except (TargetError, ConfigError) as error:
        return str(error)
    target.close()
    await target.wait_closed()
    return ""


async def _shows_its_key(resource: SshResource) -> bool:
    """An authority's certificate is looked at when the gateway signs in."""
    if isinstance(resource.host_key, HostKeyAuthority):
        return True
    pinned = asyncssh.import_public_key(resource.host_key)
    shown = await asyncssh.get_server_host_key(
        resource.address.host,
        resource.address.port,
        server_host_key_algs=[name.decode() for name in pinned.sig_algorithms],
        config=None,
    )
    return shown == pinned


def check(observed: Observed) -> Iterator[Finding]:
    """All checks of what the host said to the gateway."""
    name = observed.resource.name
    if observed.failure:
        yield Finding(
            name, State.WRONG, observed.failure, "See `address` and `host_key` (ssh-keyscan shows it)."
        )
        return
    if isinstance(observed.resource.host_key, HostKeyAuthority):
        yield Finding(name, State.OK, "the host's key is looked at by its authority at each sign-in")
    else:
        yield Finding(name, State.OK, "the host's key is the one in the configuration")
    if observed.refused:
        yield Finding(
            name,
            State.WRONG,
            f"the gateway does not get in: {observed.refused}",
            "See `credentials`, and the host's authorized_keys or TrustedUserCAKeys.",
        )
    else:
        yield Finding(name, State.OK, "the gateway gets in")
    if others := sorted(set(observed.methods) - {_BY_KEY}):
        yield Finding(
            name,
            State.WRONG,
            f"it offers sign-in by {' and '.join(others)}: whoever can do that needs no gateway",
            "In its sshd_config: AuthenticationMethods publickey; and let only the gateway's key stand in "
            "authorized_keys.",
        )
    else:
        yield Finding(name, State.OK, "the host lets in keys and certificates alone")


async def observe_as_client(resource: SshResource) -> bool:
    """Whether the host answers here."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(resource.address.host, resource.address.port)
            try:
                return bool(await reader.read(1))  # RFC 4253, section 4.2: the host's version comes unasked
            finally:
                writer.close()
    return False


def check_as_client(resource: str, answers: bool) -> Finding:
    """`answers`: what `observe_as_client` saw."""
    if not answers:
        return Finding(resource, State.OK, "it cannot be reached from here past the gateway")
    return Finding(
        resource,
        State.WRONG,
        "its sshd answers here past the gateway",
        f"{CLOSE_THE_NETWORK} Or in its sshd_config: AllowUsers USER@GATEWAY.",
    )
