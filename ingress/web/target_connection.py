"""The way to an API: TCP, TLS, and connections that are kept for the next request."""

import asyncio
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

from infra.config import Secret
from infra.config.resources import ClientCertificate
from ingress.errors import TargetError
from ingress.web.stream import Stream
from ingress.web.target_side import TargetSide

_CONNECT_SECONDS = 15.0
_MOST_IDLE = 32  # connections kept for one resource
_IDLE_SECONDS = 30.0  # servers close idle connections after 5 (Node.js, uvicorn) to 75 seconds (nginx)


class TargetConnection:
    """One connection to a target, used for one request at a time."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.side = TargetSide()
        self.idle_since = 0.0


class Target:
    """One resource's server. `own`: the certificate the gateway shows it. Raises ConfigError where one of its
    certificates cannot be read."""

    def __init__(self, origin: str, ca: Secret | None, own: ClientCertificate | None, base: Path) -> None:
        place = urlsplit(origin)
        self.origin = origin
        self.authority = place.netloc.encode()
        self._host = place.hostname or ""
        self._port = place.port or (443 if place.scheme == "https" else 80)
        self.tls = make_tls(ca, own, base) if place.scheme == "https" else None
        self._idle: list[TargetConnection] = []

    async def connect(self, *, fresh: bool) -> TargetConnection:
        """A connection nobody else uses. `fresh`: one that was just opened, so that the target cannot be
        about to close it for having been idle. Raises TargetError."""
        while self._idle and not fresh:
            connection = self._idle.pop()
            if connection.stream.is_quiet and time.monotonic() - connection.idle_since < _IDLE_SECONDS:
                return connection
            connection.stream.abort()
        try:
            stream = Stream()
            async with asyncio.timeout(_CONNECT_SECONDS):
                await asyncio.get_running_loop().create_connection(
                    lambda: stream,
                    self._host,
                    self._port,
                    ssl=self.tls,
                    server_hostname=self._host if self.tls else None,
                )
        except ssl.SSLCertVerificationError as error:
            raise TargetError("the target's certificate is not trusted", error.verify_message) from error
        except (OSError, TimeoutError) as error:
            raise TargetError("the target cannot be reached", str(error) or type(error).__name__) from error
        return TargetConnection(stream)

    def give_back(self, connection: TargetConnection) -> None:
        """After a request: kept for the next where that is possible."""
        if (
            not connection.side.next_request()
            or not connection.stream.is_quiet
            or len(self._idle) >= _MOST_IDLE
        ):
            connection.stream.abort()
            return
        connection.idle_since = time.monotonic()
        self._idle.append(connection)

    def close(self) -> None:
        for connection in self._idle:
            connection.stream.abort()
        self._idle.clear()


def make_tls(ca: Secret | None, own: ClientCertificate | None, base: Path) -> ssl.SSLContext:
    """Verifies certificate and name, by the resource's CA alone or by the system's."""
    context = ssl.create_default_context(cadata=ca.read(base) if ca is not None else None)
    context.set_alpn_protocols(["http/1.1"])
    if own is not None:
        context.load_cert_chain(base / own.certificate, base / own.key)
    return context
