"""Whether an API or a cluster can be reached past the gateway, and whether the way to it is safe.

`observe` asks it as a stranger would, without any credential; the checks are functions of what it said.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from infra.config import ConfigError, HttpResource, KubernetesResource
from infra.config.values import is_loopback
from infra.findings import CLOSE_THE_NETWORK, Finding, State
from ingress.web.target_connection import make_tls

_SECONDS = 15.0
_MOST = 5  # requests
_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
# What a cluster must show nobody: each is an object's contents, or the names of all.
CLUSTER_PATHS = ("/api/v1/secrets", "/api/v1/pods", "/api/v1/namespaces")


@dataclass(frozen=True, slots=True)
class Observed:
    """`answers`: what a stranger gets, by the path; `failure`: why that could not be seen."""

    resource: HttpResource | KubernetesResource
    failure: str = ""
    answers: tuple[tuple[str, int], ...] = ()


async def observe(
    resource: HttpResource | KubernetesResource, base: Path, paths: Collection[str]
) -> Observed:
    """GETs these paths without a credential. `base`: the configuration's folder."""
    try:
        tls = make_tls(resource.ca, None, base)
        async with httpx.AsyncClient(
            base_url=resource.address, verify=tls, timeout=_SECONDS, trust_env=False
        ) as stranger:
            answers = [(path, (await stranger.get(path)).status_code) for path in list(paths)[:_MOST]]
    except (httpx.HTTPError, ConfigError, ssl.SSLError) as error:
        return Observed(resource, failure=str(error) or type(error).__name__)
    return Observed(resource, answers=tuple(answers))


def check(observed: Observed) -> Iterator[Finding]:
    """All checks of what it said to a stranger, and of what the configuration says."""
    resource, failure = observed.resource, observed.failure
    place = urlsplit(resource.address)
    if "CERTIFICATE_VERIFY_FAILED" in failure:
        yield Finding(
            resource.name,
            State.WRONG,
            f"its certificate is not trusted: {failure.rpartition(': ')[2]}",
            "Set ca: to the CA of its certificate, and address: to a name in it.",
        )
        return
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
    yield check_strangers(observed)


def check_strangers(observed: Observed) -> Finding:
    """Whether it answers whoever shows no credential: then the gateway's is no obstacle to anybody."""
    name = observed.resource.name
    if observed.failure:
        said = f"what it answers strangers is not known: {observed.failure}"
        return Finding(
            name, State.UNKNOWN, said, "See `address`; where it wants a client's certificate, it is."
        )
    shown = [path for path, status in observed.answers if 200 <= status < 300]
    if shown and isinstance(observed.resource, KubernetesResource):
        return Finding(
            name,
            State.WRONG,
            f"it shows everybody {', '.join(shown)}, without a credential",
            "Remove the role bindings of system:anonymous and system:unauthenticated (kubectl get "
            "clusterrolebindings,rolebindings -A -o wide); or start it with --anonymous-auth=false.",
        )
    if shown:
        return Finding(
            name,
            State.UNKNOWN,
            f"it answers GET {', '.join(shown)} to everybody, without a credential",
            "See that this is meant for everybody, or let the network refuse others than the gateway.",
        )
    if all(status in _REFUSED for _, status in observed.answers):
        return Finding(name, State.OK, "it refuses who shows no credential")
    said = ", ".join(f"GET {path}: {status}" for path, status in observed.answers)
    return Finding(
        name,
        State.UNKNOWN,
        f"whether it refuses who shows no credential is not known ({said})",
        "Name its OpenAPI document (openapi:), so that something can be asked that is there.",
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
        CLOSE_THE_NETWORK,
    )
