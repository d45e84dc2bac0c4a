"""One client's connection: its requests one after the other, each signed in, judged and answered."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from infra.config import Config
from ingress.errors import LoginRefused
from ingress.gate import Waiting
from ingress.kubernetes.clusters import Cluster, Clusters
from ingress.kubernetes.judge import Subject, make_request_command
from ingress.kubernetes.manner import ClusterManner
from ingress.kubernetes.reasons import with_words
from ingress.kubernetes.recording import as_events
from ingress.kubernetes.refusal import Statuses
from ingress.kubernetes.requested import Requested, read_request
from ingress.kubernetes.spdy import Refusals
from ingress.kubernetes.streams import Opening, StreamRequest
from ingress.kubernetes.writes import refused_write
from ingress.login import Login
from ingress.session import Services
from ingress.web.call import Call
from ingress.web.fields import forwarded
from ingress.web.handshake import without_handshake
from ingress.web.paths import RequestTarget, parse_target
from ingress.web.pursuit import Pursuit, quietly
from ingress.web.requests import REALM, Requests
from ingress.web.sinks import Broken, ClientSink, Words, say
from ingress.web.stream import Stream
from ingress.web.strict import BadRequest, Head
from ingress.web.visits import Visit, Visits
from processors.masking.masks import Mask
from schemas.ids import uuid7

Work = Coroutine[Any, Any, bool]
INSPECTED = 3 * 1024 * 1024  # bytes: a cluster takes no longer object either (etcd, 1.5 MiB)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all connections of one ingress share."""

    config: Config
    login: Login
    services: Services
    clusters: Clusters
    masks: Mapping[str, Mask]
    words: Words
    refusals: Refusals


class Caller:
    """Serves one connection. `address`: the client's, "host:port"."""

    def __init__(self, stream: Stream, address: str, shared: Shared) -> None:
        self._requests = Requests(stream, address, shared.words, INSPECTED)
        self._shared = shared
        self._visits = Visits(address, shared.services, as_events)

    async def run(self) -> None:
        """Returns when the connection is over."""
        try:
            await self._visits.while_served(self._requests.each(self._serve))
        finally:
            self._requests.stream.close()

    async def _serve(self, head: Head) -> None:
        sink, words = self._requests.sink(), self._shared.words
        target = parse_target(head.target)
        head, why = with_words(head)
        try:
            signed_in, _ = await self._requests.sign_in(head, self._shared.login)
        except LoginRefused as refused:
            await say(sink, words.failed(401, "not signed in", str(refused), refused.hint).also(REALM))
            return
        found = self._shared.clusters.find(head.host, target.path)
        if found is None:
            detail = "neither the host nor the path, /clusters/NAME/…, names a cluster of this gateway"
            await say(sink, words.failed(404, "no such cluster", detail))
            return
        if not (self._shared.services.bus.is_reachable and not self._shared.services.outbox.is_full):
            detail = "the gateway cannot reach Kafka, without which nothing may run"
            await say(sink, words.failed(503, "nothing can run", detail, "Nothing was executed. Try again."))
            return
        cluster, prefix = found
        local = RequestTarget(target.path[len(prefix) :] or "/", target.query)
        visit = self._visits.of(signed_in, cluster.resource, head)
        await self._request(head, local, why, visit, cluster, prefix, sink)

    async def _request(
        self,
        head: Head,
        target: RequestTarget,
        why: tuple[str, str],
        visit: Visit,
        cluster: Cluster,
        prefix: str,
        sink: ClientSink,
    ) -> None:
        _check(head)
        requested = read_request(head.method, target)
        _check_served(requested, head)
        if cluster.resource.sensitive.detect and requested.cuts_a_log:
            raise BadRequest(
                "limitBytes would cut a log within what has to be masked: tailLines and sinceSeconds do not",
                403,
            )
        body, is_whole = await self._requests.held_body(head)
        if not is_whole:
            raise BadRequest(f"the body is longer than {INSPECTED // (1024 * 1024)} MiB", 413)
        fields = without_handshake(forwarded(head, with_authorization=False))
        call = Call(head.method, target, fields, body)
        if (wrong := refused_write(call, requested, cluster.sensitive)) is not None:
            said = self._shared.words.failed(403, "the write is refused", wrong, "Nothing was executed.")
            await say(sink, said)
            return
        user = cluster.credentials.user(visit.principal)
        detectors = cluster.resource.sensitive.detect
        subject = Subject(visit.principal.name, cluster.resource.name, detectors, cluster.sensitive, user)
        clock = self._shared.services.clock
        command = make_request_command(call, requested, subject, lambda: uuid7(clock()), *why)
        words = Statuses(plain=not requested.resource)
        manner = ClusterManner(cluster, requested, visit.principal, self._shared.masks, prefix, words)
        if requested.is_stream:
            shared = self._shared
            opening = Opening(
                head, call, command, manner, visit, clock, shared.config.approval_link, shared.refusals
            )
            await self._until_done(visit, StreamRequest(self._requests, opening).run(), sink)
        else:
            pursuit = Pursuit(call, command, manner, visit, sink)
            waiting: asyncio.Future[Waiting] = asyncio.get_running_loop().create_future()
            await self._until_left(visit, quietly(pursuit, waiting), sink)

    async def _until_left(self, visit: Visit, work: Work, sink: ClientSink) -> None:
        """Until the request is answered, or given up because the client left."""
        running = visit.start(work)
        left = asyncio.create_task(self._requests.stream.left())
        try:
            await asyncio.wait({running, left}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                raise Broken("the client left")
        except BaseException:
            running.cancel()
            raise
        finally:
            left.cancel()
        await self._ended(visit, running, sink)

    async def _until_done(self, visit: Visit, work: Work, sink: ClientSink) -> None:
        """Until a stream is over: it sees itself whether its client left."""
        running = visit.start(work)
        try:
            await asyncio.wait({running})
        except BaseException:
            running.cancel()
            raise
        await self._ended(visit, running, sink)

    async def _ended(self, visit: Visit, running: "asyncio.Task[bool]", sink: ClientSink) -> None:
        if visit.ended and not sink.has_begun and not self._requests.side.is_switched:
            await say(sink, self._shared.words.failed(403, "the session was ended", visit.ended))
        elif running.cancelled() or running.result():
            raise Broken("the answer was cut off")


def _check(head: Head) -> None:
    """What only the gateway may say. Raises BadRequest."""
    for name, _ in head.fields:
        if name.startswith(b"impersonate-"):
            raise BadRequest("the gateway itself says as whom the cluster is asked: no Impersonate-*", 403)


def _check_served(requested: Requested, head: Head) -> None:
    """What is served of what a cluster has. Raises BadRequest."""
    if requested.verb == "proxy" or requested.subresource == "proxy":
        raise BadRequest(
            "a proxy to pods, services and nodes is not served: what it does there cannot be seen "
            "(use port-forward)",
            403,
        )
    if requested.is_stream != head.wants_upgrade:
        what = "exec, attach and port-forward need" if requested.is_stream else "only they have"
        raise BadRequest(f"{what} a connection that is upgraded", 400)
