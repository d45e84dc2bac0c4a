"""One client session: carries out what its conversation asks for, and tells it what came of it.

Everything protocols share happens here once: the request is published before anything runs, a verdict is
believed only through the gate, deadlines refuse, what ran is reported, what was masked is recorded.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from infra.clock import Clock
from infra.credentials import Secrets
from infra.identity import Revocations, SignedIn
from infra.kafka.bus import Bus
from infra.keys import Sealer
from ingress.command import Command
from ingress.errors import ProtocolError
from ingress.gate import Allowed, Gate, Refusal, Revoked, Signal, State, Waiting
from ingress.interface import (
    Abandon,
    AskBeside,
    CancelTarget,
    Close,
    Conversation,
    Estimated,
    Finish,
    Narrow,
    ReadCatalogue,
    Record,
    Request,
    StopAfter,
    Submit,
)
from ingress.outbox import Outbox
from ingress.recorder import Level, Recorder
from ingress.verdicts import Verdicts
from schemas import events as e
from schemas.envelope import Envelope, envelope
from schemas.vocabulary import Principal

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """Whose session it is, and with what."""

    id: str
    signed_in: SignedIn
    resource: str
    protocol: str
    database: str
    client_address: str
    client_name: str
    recording: Level

    @property
    def principal(self) -> Principal:
        return self.signed_in.principal


@dataclass(frozen=True, slots=True)
class Services:
    """What every session of an ingress uses."""

    bus: Bus
    outbox: Outbox
    verdicts: Verdicts
    sealer: Sealer
    revocations: Revocations
    secrets: Secrets
    clock: Clock
    node: str
    verdict_timeout: timedelta
    remind_every: timedelta


@dataclass(frozen=True, slots=True)
class Hands:
    """What only the connection can do for a session."""

    write_client: Callable[[list[bytes]], None]
    write_target: Callable[[list[bytes]], None]
    close: Callable[[], None]
    cancel_target: Callable[[], None]  # and tell the session when the target was asked
    read_catalogue: Callable[[], Awaitable[None]]  # and tell the conversation
    ask_beside: Callable[[AskBeside], Awaitable[None]]  # and tell the conversation
    narrow: Callable[[Narrow], Awaitable[None]]  # and tell the conversation
    pressure: Callable[[], None]  # whether to read on may have changed


@dataclass(slots=True)
class _Held:
    gate: Gate
    timer: asyncio.TimerHandle | None = None
    reminder: asyncio.TimerHandle | None = None
    released_at: float = 0.0


class Session:
    """Between a conversation, which decides, and the world."""

    def __init__(self, info: SessionInfo, services: Services, hands: Hands) -> None:
        self.info = info
        self._services = services
        self._hands = hands
        self._loop = asyncio.get_running_loop()
        self._held: dict[str, _Held] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._conversation: Conversation | None = None
        self._ends: list[Callable[[], None]] = []  # what stops watching whether it must end
        self._closed = False
        self._working = False
        self.recorder = Recorder(info.recording, self._publish_chunk, hands.pressure)

    def open(self, conversation: Conversation) -> None:
        """The session begins."""
        self._conversation = conversation
        self._services.verdicts.session_opened(self.info.id, self.end)
        self._services.outbox.report(
            e.SessionOpened(
                envelope=self._envelope(),
                principal=self.info.principal,
                protocol=self.info.protocol,
                database=self.info.database,
                client_address=self.info.client_address,
                client_name=self.info.client_name,
                method=self.info.signed_in.method.value,
                token=self.info.signed_in.token,
            )
        )
        self.work()
        self._watch_sign_in(self.info.signed_in)

    def client_data(self, data: bytes) -> None:
        self._feed(lambda conversation: conversation.client_data(data))

    def target_data(self, data: bytes) -> None:
        self._feed(lambda conversation: conversation.target_data(data))

    def client_lost(self) -> None:
        self._feed(lambda conversation: conversation.client_left("the client left"))

    def target_lost(self) -> None:
        self.end("the target closed the connection")

    def cancel_sent(self) -> None:
        """The target was asked to stop, or could not be."""
        self._feed(lambda conversation: conversation.cancel_sent())

    def cancel(self) -> None:
        """The client asked, on whatever way its protocol has, to stop what it waits for."""
        self._feed(lambda conversation: conversation.cancel())

    def end(self, message: str) -> None:
        """Ends the session; the client is told why."""
        self._feed(lambda conversation: conversation.end(message))

    def release(self, commands: Sequence[str]) -> tuple[str, Refusal] | None:
        """The last word before commands are sent to the target together: None, or which must not be."""
        now = self._services.clock()
        for command in commands:
            refusal = self._held[command].gate.expired(now)
            if refusal is not None:
                self._settle(command)
                return command, refusal
        for command in commands:
            held = self._held[command]
            held.gate.signal(Signal.RELEASE)
            held.released_at = self._loop.time()
        return None

    def work(self) -> None:
        """Carries out what the conversation asks for, until it asks for nothing more."""
        conversation = self._conversation
        if conversation is None or self._working:
            return
        self._working = True
        try:
            while True:
                requests = conversation.requests()
                for request in requests:
                    self._carry_out(request)
                # Both sides' bytes wait until the requests before them have been seen to.
                self._hands.write_target(conversation.data_for_target())
                self._hands.write_client(conversation.data_for_client())
                if not requests:
                    break
        finally:
            self._working = False
        if self._closed:
            self._hands.close()
            return
        self._hands.pressure()

    def _feed(self, step: Callable[[Any], None]) -> None:
        if self._conversation is None or self._closed:
            return
        try:
            step(self._conversation)
        except ProtocolError as error:
            _log.warning("session.protocol_error", session=self.info.id, error=str(error))
            self._conversation.end(str(error))
        except Exception:
            # A bug ends the session, never passes a byte on.
            _log.exception("session.failed", session=self.info.id)
            self._conversation.end("internal error in the gateway; the session is over")
        self.work()

    def _carry_out(self, request: Request) -> None:
        match request:
            case Submit():
                self._submit(request.command)
            case Abandon():
                self._abandon(request)
            case Finish():
                self._finish(request)
            case Record():
                self.recorder.add(request.frame, request.data)
            case CancelTarget():
                self._hands.cancel_target()
            case ReadCatalogue():
                self._start(self._hands.read_catalogue())
            case AskBeside():
                self._start(self._hands.ask_beside(request))
            case Narrow():
                self._start(self._hands.narrow(request))
            case StopAfter():
                self._loop.call_later(
                    request.seconds,
                    lambda: self._feed(
                        lambda conversation: conversation.time_is_up(request.command, request.turn)
                    ),
                )
            case Estimated():
                self._estimated(request)
            case Close():
                self._close(request.reason)

    def _submit(self, command: Command) -> None:
        services = self._services
        now = services.clock()
        deadline = now + services.verdict_timeout
        held = self._held[command.id] = _Held(Gate(command, deadline))
        if not services.bus.is_reachable:
            self._loop.call_soon(self._undecided, command.id, "Kafka cannot be reached")
            return
        services.verdicts.expect(command.id, lambda event: self._hear(command.id, event))
        self._watch(command.id, held, now)
        info = self.info
        sealed = b""
        if command.original is not None:
            sealed = services.sealer.seal(command.id, *command.original)
        request = e.CommandRequested(
            envelope=self._envelope(command.id),
            principal=info.principal,
            stage=command.stage,
            protocol=info.protocol,
            text=command.text,
            parameters=command.parameters,
            sealed=sealed,
            digest=command.digest,
            context=command.context,
            facts=command.facts,
            client_address=info.client_address,
            reply_to=services.verdicts.partition,
            deadline=deadline,
            reason=command.reason,
            ticket=command.ticket,
            unmask=command.unmask,
            pattern=command.pattern,
            fingerprint=command.fingerprint,
            holds_commit=command.holds_commit,
            transaction=command.transaction,
        )
        services.outbox.request(
            request, lambda: self._undecided(command.id, "Kafka did not take the request")
        )

    def _watch(self, command: str, held: _Held, now: datetime) -> None:
        if held.timer is not None:
            held.timer.cancel()
        seconds = (held.gate.deadline - now).total_seconds()
        held.timer = self._loop.call_later(
            seconds, self._undecided, command, "no verdict came in time: the policy processor does not answer"
        )

    def _hear(self, command: str, event: e.Event) -> None:
        held = self._held.get(command)
        if held is None:
            return
        now = self._services.clock()
        heard = held.gate.hear(event, now)
        match heard:
            case Waiting():
                self._watch(command, held, now)
                self._feed(lambda conversation: conversation.waiting(command, heard))
                self._remind_later(command, held, heard)
            case Allowed():
                if held.timer is not None:
                    held.timer.cancel()
                if not heard.may_be_taken_back:
                    self._services.verdicts.forget(command)
                self._feed(lambda conversation: conversation.allowed(command, heard))
            case Revoked():
                self._feed(lambda conversation: conversation.revoked(command, heard))
            case Refusal():
                self._settle(command)
                self._feed(lambda conversation: conversation.refused(command, heard))

    def _remind_later(self, command: str, held: _Held, waiting: Waiting) -> None:
        """While it waits the client hears of it again, so that nothing between here and there takes the
        connection for dead."""
        held.reminder = self._loop.call_later(
            self._services.remind_every.total_seconds(), self._remind, command, held, waiting
        )

    def _remind(self, command: str, held: _Held, waiting: Waiting) -> None:
        if held.gate.state is State.WAITING and not self._closed:
            self._feed(lambda conversation: conversation.still_waits(command, waiting))
            self._remind_later(command, held, waiting)

    def _undecided(self, command: str, reason: str) -> None:
        """No verdict: the command is refused here, and on record as abandoned."""
        held = self._held.get(command)
        if held is None or not held.gate.permits(Signal.DENY) or held.gate.state is State.ALLOWED:
            return
        self._report_abandoned(command, held, reason)
        refusal = Refusal(
            message=f"refused: {reason}",
            hint="Nothing was executed. Try again; if it happens again, tell whoever runs the gateway.",
            approval=held.gate.approval,
        )
        self._feed(lambda conversation: conversation.refused(command, refusal))

    def _abandon(self, request: Abandon) -> None:
        held = self._held.get(request.command)
        if held is None:
            return
        if held.gate.permits(Signal.ABANDON):
            self._report_abandoned(request.command, held, request.reason)
        else:
            self._settle(request.command)

    def _report_abandoned(self, command: str, held: _Held, reason: str) -> None:
        waits = held.gate.state in (State.HELD, State.WAITING)
        held.gate.signal(Signal.ABANDON)
        self._settle(command)
        self._services.verdicts.abandon(command)
        outbox = self._services.outbox
        outbox.report(e.CommandAbandoned(envelope=self._envelope(command), reason=reason))
        if waits and held.gate.approval:
            outbox.report(
                e.ApprovalWithdrawn(
                    envelope=self._envelope(command), approval=held.gate.approval, reason=reason
                )
            )

    def _finish(self, finish: Finish) -> None:
        held = self._held.get(finish.command)
        if held is None:
            return
        held.gate.signal(Signal.FINISH)
        self._settle(finish.command)
        self._services.outbox.report(
            e.CommandFinished(
                envelope=self._envelope(finish.command),
                outcome=finish.outcome,
                rows=finish.rows,
                bytes=finish.bytes,
                microseconds=int((self._loop.time() - held.released_at) * 1_000_000),
                error_code=finish.error_code,
                error=finish.error,
                masked=finish.masked,
                limit=finish.limit,
                limit_rule=finish.limit_rule,
            )
        )

    def _estimated(self, found: Estimated) -> None:
        """Reviewers may know what the target thinks of it, while they have not decided."""
        held = self._held.get(found.command)
        if held is not None and held.gate.state is State.WAITING:
            self._services.outbox.report(
                e.CommandEstimated(
                    envelope=self._envelope(found.command),
                    approval=held.gate.approval,
                    rows=found.rows,
                    cost=found.cost,
                )
            )

    def _settle(self, command: str) -> None:
        held = self._held.pop(command, None)
        if held is not None:
            for timer in (held.timer, held.reminder):
                if timer is not None:
                    timer.cancel()
        self._services.verdicts.forget(command)

    def _close(self, reason: str) -> None:
        if self._closed:
            return
        self._closed = True
        for stop in self._ends:
            stop()
        self.recorder.flush()
        self._services.verdicts.session_closed(self.info.id)
        self._services.outbox.report(e.SessionClosed(envelope=self._envelope(), reason=reason))
        for task in self._tasks:
            task.cancel()

    def _publish_chunk(self, sequence: int, frames: bytes) -> asyncio.Future[None]:
        chunk = e.RecordingChunk(
            envelope=self._envelope(), sequence=sequence, format=self.info.protocol, frames=frames
        )
        return self._services.outbox.report_durably(chunk)

    def _watch_sign_in(self, signed_in: SignedIn) -> None:
        """What a token permits ends with it (docs/decisions/0016-gateway-tokens.md)."""
        if signed_in.until is not None:
            left = (signed_in.until - self._services.clock()).total_seconds()
            self._ends.append(
                self._loop.call_later(left, self.end, "the token has expired: sign in again").cancel
            )
        self._ends.append(self._services.revocations.watch(signed_in, self.end, session=self.info.id))

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _envelope(self, command: str = "") -> Envelope:
        return envelope(
            self._services.clock(),
            self._services.node,
            session=self.info.id,
            command=command,
            principal=self.info.principal.name,
            resource=self.info.resource,
        )
