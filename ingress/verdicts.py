"""This node's partition of `verdicts`: each verdict goes to the session whose command it is for."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import structlog

from infra.kafka.bus import Bus, Received, Rejected, Subscription, partition_of
from schemas.events import ApprovalPending, Event, SessionTerminated
from schemas.topics import VERDICTS

_log = structlog.get_logger()
_REMEMBERED = 10_000  # commands abandoned lately


class Verdicts:
    """Who waits for which command's verdict. `on_orphan`: an approval was requested for a command that
    is not waited for any more."""

    def __init__(self, node: str, on_orphan: Callable[[ApprovalPending], None]) -> None:
        self.partition = partition_of(node, VERDICTS.partitions)
        self._on_orphan = on_orphan
        self._waiting: dict[str, Callable[[Event], None]] = {}
        self._sessions: dict[str, Callable[[str], None]] = {}
        self._abandoned: OrderedDict[str, None] = OrderedDict()
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, bus: Bus) -> None:
        """Once this returns no verdict on a later request can be missed. Raises BusUnavailable."""
        self._subscription = await bus.consume(VERDICTS, partitions=[self.partition])
        self._task = asyncio.create_task(self._run(self._subscription))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._subscription is not None:
            await self._subscription.close()

    def expect(self, command: str, hear: Callable[[Event], None]) -> None:
        """Every verdict on this command goes to `hear`, until `forget` or `abandon`."""
        self._waiting[command] = hear

    def forget(self, command: str) -> None:
        """The command ran or was refused."""
        self._waiting.pop(command, None)

    def abandon(self, command: str) -> None:
        """Nobody waits for the command any more; an approval requested for it later is an orphan."""
        self._waiting.pop(command, None)
        self._abandoned[command] = None
        if len(self._abandoned) > _REMEMBERED:
            self._abandoned.popitem(last=False)

    def session_opened(self, session: str, terminate: Callable[[str], None]) -> None:
        """`terminate` is called with the reason when the session must end."""
        self._sessions[session] = terminate

    def session_closed(self, session: str) -> None:
        self._sessions.pop(session, None)

    async def _run(self, subscription: Subscription) -> None:
        async for batch in subscription.batches():
            for item in batch:
                self._hear(item)

    def _hear(self, item: Received | Rejected) -> None:
        if isinstance(item, Rejected):
            # Somebody can write to Kafka and is not one of us; the projector records it.
            _log.error("verdict.rejected", reason=item.reason, offset=item.offset)
            return
        event = item.event
        if isinstance(event, SessionTerminated):
            terminate = self._sessions.get(event.envelope.session)
            if terminate is not None:
                terminate(event.reason)
            return
        command = event.envelope.command
        hear = self._waiting.get(command)
        if hear is not None:
            hear(event)
        elif isinstance(event, ApprovalPending) and command in self._abandoned:
            self._on_orphan(event)
