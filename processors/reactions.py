"""One event -> what follows from it: the pure decisions with the clock, the bundle and the desk at hand."""

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from datetime import datetime
from traceback import format_tb

import structlog

from processors.approvals.approval import Input, Step
from processors.desk import Desk
from processors.policy.bundle import Bundle
from processors.policy.verdict import answer, refusal
from schemas.events import CommandRequested, Event

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reaction:
    """What follows from an event: events in the order in which they must become durable, where their
    verdicts go, and what must be written before the event is acknowledged."""

    events: tuple[Event, ...] = ()
    reply_to: int | None = None
    written: Awaitable[object] | None = None


class Reactions:
    """What this process does about each event. A fault of ours refuses one command, and stops nothing."""

    def __init__(self, bundle: Bundle, desk: Desk, node: str) -> None:
        self._bundle = bundle
        self._desk = desk
        self._node = node

    def judge(self, request: CommandRequested, size: int, now: datetime) -> Reaction:
        """A command waits for its verdict."""
        try:
            found = answer(request, size, self._bundle, now, self._node)
        except Exception as error:
            _log_fault("command_not_judged", error, command=request.envelope.command)
            return Reaction((refusal(request, self._bundle, now, self._node),), request.reply_to)
        for failed in found.failed:
            _log.warning("expression_failed", rule=failed, command=request.envelope.command)
        return Reaction(found.events, request.reply_to)

    def review(self, event: Input, size: int, now: datetime) -> Reaction:
        """Something happened to an approval. A fault leaves it as it was: its deadline ends it."""
        try:
            return self._follow(event.approval, self._desk.apply(event, now))
        except Exception as error:
            _log_fault("approval_not_changed", error, approval=event.approval)
            return Reaction()

    def expire_due(self, now: datetime) -> Iterator[Reaction]:
        """The deadlines that have come."""
        for approval in self._desk.due(now):
            try:
                yield self._follow(approval, self._desk.expire(approval, now))
            except Exception as error:
                _log_fault("approval_not_ended", error, approval=approval)

    def _follow(self, approval: str, step: Step) -> Reaction:
        if step.ignored:
            _log.info("approval_event_ignored", approval=approval, reason=step.ignored)
        reply_to = None if step.approval is None else step.approval.request.reply_to
        return Reaction(step.events, reply_to, self._desk.save(approval, step.approval))


def _log_fault(name: str, error: Exception, **values: str) -> None:
    """A fault of our own code, without the error's message: that may quote a command."""
    _log.error(name, error=type(error).__name__, where="".join(format_tb(error.__traceback__)), **values)
