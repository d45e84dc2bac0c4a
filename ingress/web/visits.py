"""Sessions over HTTP: one principal's use of one resource over one connection, and what outlives it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from infra.config import HttpResource, KubernetesResource
from infra.identity import SignedIn
from ingress.inquiry import Inquiry, hands_off
from ingress.interface import Frame
from ingress.session import Services, Session, SessionInfo
from ingress.web.strict import Head
from schemas.ids import uuid7

Written = Callable[[float, bytes], bytes]
"""A piece of an answer as the recording has it, seconds after its session began."""


class Visit:
    """One session. It closes once its connection has left and nothing of it is under way."""

    def __init__(
        self,
        signed_in: SignedIn,
        resource: HttpResource | KubernetesResource,
        address: str,
        client: str,
        services: Services,
        written: Written,
    ) -> None:
        self.principal = signed_in.principal
        self.address = address  # of the client, "host:port"
        self.inquiry = Inquiry(self._end)
        self.ended = ""  # why it was ended from outside
        self._tasks: set[asyncio.Task[Any]] = set()
        self._left = ""
        self._written = written
        self._began = asyncio.get_running_loop().time()
        self._room = asyncio.Event()
        info = SessionInfo(
            id=uuid7(services.clock()),
            signed_in=signed_in,
            resource=resource.name,
            protocol=resource.protocol,
            database="",
            client_address=address,
            client_name=client,
            recording=resource.recording,
        )
        self._session = Session(info, services, hands_off(self._pressure))
        self.inquiry.begin(self._session)

    def start(self, work: Coroutine[Any, Any, bool]) -> "asyncio.Task[bool]":
        """A request of this session; it is cancelled when the session is ended."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    @property
    def seconds(self) -> float:
        """Since the session began."""
        return asyncio.get_running_loop().time() - self._began

    def record(self, piece: bytes) -> None:
        """A piece of an answer, masked, for the recording."""
        self.inquiry.record(Frame.ANSWER, self._written(self.seconds, piece))

    async def room(self) -> None:
        """Returns once the recording has room for more."""
        while self._session.recorder.is_behind:
            self._room.clear()
            await self._room.wait()

    def leave(self, reason: str) -> None:
        """The connection is gone."""
        self._left = self._left or reason
        self._close_if_over()

    def _pressure(self) -> None:
        self._room.set()

    def _done(self, task: "asyncio.Task[bool]") -> None:
        self._tasks.discard(task)
        self._close_if_over()

    def _close_if_over(self) -> None:
        if self._left and not self._tasks:
            self.inquiry.close(self._left)

    def _end(self, message: str) -> None:
        """Whoever may ends the session."""
        self.ended = message
        self._left = self._left or message
        for task in self._tasks:
            task.cancel()
        self._close_if_over()


class Visits:
    """The sessions of one client's connection. `written`: as `Visit` has it, for each."""

    def __init__(self, address: str, services: Services, written: Callable[[], Written]) -> None:
        self._address = address
        self._services = services
        self._written = written
        self._visits: dict[tuple[str, str, str], Visit] = {}

    def of(self, signed_in: SignedIn, resource: HttpResource | KubernetesResource, head: Head) -> Visit:
        """That of this sign-in at this resource: another token's may end sooner."""
        key = (signed_in.principal.name, signed_in.token, resource.name)
        visit = self._visits.get(key)
        if visit is None or visit.ended:
            client = (head.field(b"user-agent") or b"").decode("latin-1")[:200]
            visit = Visit(signed_in, resource, self._address, client, self._services, self._written())
            self._visits[key] = visit
        return visit

    async def while_served(self, serving: Awaitable[None]) -> None:
        """Until the connection is over, and with it they."""
        reason = "the client left"
        try:
            await serving
        except asyncio.CancelledError:
            reason = "the gateway is stopping"
            raise
        finally:
            for visit in self._visits.values():
                visit.leave(reason)


def as_it_is(_seconds: float, piece: bytes) -> bytes:
    """A recording of an answer's own bytes."""
    return piece
