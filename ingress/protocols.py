"""PROTOCOLS: name -> what serves it. A new protocol is its folder and one line here."""

import ssl
from collections.abc import Callable, Mapping

from infra.config import Config
from ingress.interface import Endpoint
from ingress.login import Login
from ingress.postgres.endpoint import PostgresEndpoint
from ingress.session import Services

PROTOCOLS: Mapping[str, Callable[[Config, Login, Services, ssl.SSLContext], Endpoint]] = {
    "postgres": PostgresEndpoint,
}
