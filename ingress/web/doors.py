"""Whether an API or a cluster can be reached past the gateway, and whether the way to it is safe."""

import asyncio
import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

from infra.config import HttpResource, KubernetesResource
from infra.config.values import is_loopback
from infra.findings import Finding, State

_SECONDS = 15.0


def check(resource: HttpResource | KubernetesResource) -> Iterator[Finding]:
    """All checks of what the configuration says."""
    place = urlsplit(resource.address)
    if place.scheme == "https":
        yield Finding(resource.name, State.OK, "the API's certificate is verified")
    elif is_loopback(place.hostname or ""):
        yield Finding(resource.name, State.OK, "the API is on this machine")
    else:
        yield Finding(
            resource.name,
            State.WRONG,
            "the gateway speaks plain http to it: its credential can be read on the way",
            "Set address: https://…, and ca: to the CA of its certificate where that is not a public one.",
        )


async def observe_as_client(resource: HttpResource | KubernetesResource) -> bool:
    """Whether it takes connections here."""
    place = urlsplit(resource.address)
    port = place.port or (443 if place.scheme == "https" else 80)
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(place.hostname, port)
            writer.close()
            return True
    return False


def check_as_client(resource: str, answers: bool) -> Finding:
    """`answers`: what `observe_as_client` saw."""
    if not answers:
        return Finding(resource, State.OK, "it cannot be reached from here past the gateway")
    return Finding(
        resource,
        State.WRONG,
        "it takes connections from here past the gateway: whoever has a credential needs no gateway",
        "Let the network refuse connections from here.",
    )
