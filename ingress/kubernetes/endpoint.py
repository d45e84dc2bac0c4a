"""What serves clients of clusters: one for each listener of an ingress."""

import socket
import ssl

from infra.config import Config, KubernetesResource
from infra.keys import secret
from ingress.kubernetes.caller import Caller, Shared
from ingress.kubernetes.clusters import Clusters
from ingress.kubernetes.refusal import Statuses
from ingress.kubernetes.spdy import Refusals
from ingress.login import Login
from ingress.session import Services
from ingress.web.listener import Listener
from ingress.web.stream import Stream
from processors.masking.keyed import make_masks
from processors.masking.scan import make_scanner


class KubernetesEndpoint:
    """TLS with the gateway's certificate: clients send tokens to a cluster over TLS alone."""

    def __init__(self, config: Config, login: Login, services: Services, tls: ssl.SSLContext) -> None:
        self._config = config
        self._clusters = Clusters(config, services.secrets)
        masks = make_masks(secret(config.state, "masking"))
        words, refusals = Statuses(), Refusals(services.clock)
        self._shared = Shared(config, login, services, self._clusters, masks, words, refusals)
        self._listener = Listener(tls, self._run, may_be_plain=False)

    async def start(self) -> None:
        for resource in self._config.resources:
            if isinstance(resource, KubernetesResource) and resource.sensitive.detect:
                make_scanner(resource.sensitive.detect)  # compiled now, not while a client waits

    async def stop(self, reason: str) -> None:
        await self._listener.stop()
        self._clusters.close()

    async def serve(self, sock: socket.socket) -> None:
        """One client, to its end."""
        await self._listener.serve(sock)

    async def _run(self, stream: Stream, address: str) -> None:
        await Caller(stream, address, self._shared).run()
