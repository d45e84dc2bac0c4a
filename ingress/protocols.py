"""PROTOCOLS: name -> what serves it. A new protocol is its folder, a function and a line here.

A protocol's folder is loaded when it is served: every command reads the names, few need the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

    from infra.config import Config
    from ingress.interface import Endpoint
    from ingress.login import Login
    from ingress.session import Services


def _postgres(config: Config, login: Login, services: Services, tls: ssl.SSLContext) -> Endpoint:
    from ingress.postgres.endpoint import PostgresEndpoint

    return PostgresEndpoint(config, login, services, tls)


def _http(config: Config, login: Login, services: Services, tls: ssl.SSLContext) -> Endpoint:
    from ingress.http.endpoint import HttpEndpoint

    return HttpEndpoint(config, login, services, tls)


def _ssh(config: Config, login: Login, services: Services, tls: ssl.SSLContext) -> Endpoint:
    from ingress.ssh.endpoint import SshEndpoint

    return SshEndpoint(config, login, services)


def _kubernetes(config: Config, login: Login, services: Services, tls: ssl.SSLContext) -> Endpoint:
    from ingress.kubernetes.endpoint import KubernetesEndpoint

    return KubernetesEndpoint(config, login, services, tls)


PROTOCOLS: Mapping[str, Callable[[Config, Login, Services, ssl.SSLContext], Endpoint]] = {
    "postgres": _postgres,
    "http": _http,
    "ssh": _ssh,
    "kubernetes": _kubernetes,
}
