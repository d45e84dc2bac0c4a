"""Whether a host can be entered past the gateway.

`observe` asks it; the checks are functions of what it said.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import asyncssh

from infra.config import HostKeyAuthority, SshResource
from infra.findings import Finding, State

_SECONDS = 15.0
_BY_PASSWORD = {"password", "keyboard-interactive"}


@dataclass(frozen=True, slots=True)
class Observed:
    """`methods`: of signing in that the host offers to the gateway's user (RFC 4252, section 5.1)."""

    resource: SshResource
    failure: str = ""
    methods: tuple[str, ...] = ()


async def observe(resource: SshResource) -> Observed:
    """Connects, and does not sign in."""
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
    return Observed(resource, methods=tuple(methods))


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
    if by_password := sorted(_BY_PASSWORD.intersection(observed.methods)):
        yield Finding(
            name,
            State.WRONG,
            f"it offers sign-in by {' and '.join(by_password)}: whoever has a password needs no gateway",
            "In its sshd_config: PasswordAuthentication no, KbdInteractiveAuthentication no; and let only "
            "the gateway's key stand in authorized_keys.",
        )
    else:
        yield Finding(name, State.OK, "the host offers no sign-in by password")


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
        "Let the network refuse connections from here; or in sshd_config AllowUsers USER@GATEWAY.",
    )
