"""What serves HTTP clients: one for each listener of an ingress."""

import socket
import ssl

from infra.config import Config, HttpResource
from infra.keys import secret
from ingress.http.apis import Apis
from ingress.http.caller import Caller, Shared
from ingress.http.deferred import DeferredRequests
from ingress.http.refusal import Problems
from ingress.login import Login
from ingress.mcp.asked import Shared as McpShared
from ingress.mcp.held import HeldCalls
from ingress.mcp.listing import Listings
from ingress.mcp.pins import PinStore
from ingress.mcp.sent import SentIds
from ingress.session import Services
from ingress.web.listener import Listener
from ingress.web.stream import Stream
from processors.masking.keyed import make_masks
from processors.masking.scan import make_scanner


class HttpEndpoint:
    """TLS with the gateway's certificate; on loopback a client may also speak plainly."""

    def __init__(self, config: Config, login: Login, services: Services, tls: ssl.SSLContext) -> None:
        self._config = config
        self._apis = Apis(config, services.secrets, secret(config.state, "entity-tags"))
        masks = make_masks(secret(config.state, "masking"))
        self._held = HeldCalls()
        pins, key = PinStore(config.state), secret(config.state, "mcp")
        mcp = McpShared(config, services, masks, pins, self._held, Listings(), SentIds(), key)
        self._shared = Shared(config, login, services, self._apis, DeferredRequests(), masks, Problems(), mcp)
        address = config.gateway.listen.http
        may_be_plain = address is not None and address.is_loopback
        self._listener = Listener(tls, self._run, may_be_plain=may_be_plain)

    async def start(self) -> None:
        for resource in self._config.resources:
            if isinstance(resource, HttpResource) and resource.sensitive.detect:
                make_scanner(resource.sensitive.detect)  # compiled now, not while a client waits

    async def stop(self, reason: str) -> None:
        await self._listener.stop()
        await self._shared.deferred.stop()
        await self._held.stop()
        self._apis.close()

    async def serve(self, sock: socket.socket) -> None:
        """One client, to its end."""
        await self._listener.serve(sock)

    async def _run(self, stream: Stream, address: str) -> None:
        await Caller(stream, address, self._shared).run()
