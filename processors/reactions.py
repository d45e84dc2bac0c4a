"""One event -> what follows from it: the pure decisions with the clock, the bundle and the desk at hand."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from traceback import format_tb

import structlog

from processors.accounts import Accounts
from processors.approvals.approval import Input, Step
from processors.approvals.standing import ask, revoke
from processors.approvals.standing import settle as settle_standing
from processors.desk import Desk
from processors.policy.budgets import Account, settle
from processors.policy.bundle import Bundle
from processors.policy.verdict import answer, refusal
from processors.standings import Standings
from schemas.events import (
    ApprovalRequested,
    ApprovalSettled,
    CommandAbandoned,
    CommandFinished,
    CommandRequested,
    Event,
)

_log = structlog.get_logger()


Metered = CommandRequested | CommandFinished | CommandAbandoned
"""What draws on budgets, or gives back."""

Forward = Callable[[str, bytes], Awaitable[object]]
"""Hands a message on to the account of this principal; done when that is durable."""

HandOn = Callable[[ApprovalRequested | ApprovalSettled], Awaitable[object]]
"""Hands an event on to whoever keeps the standing approval of its digest; done when that is durable."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """What follows from an event: what must be durable before anything is said, events in the order in which
    they must become durable, where their verdicts go, and what must be written before the event is
    acknowledged."""

    events: tuple[Event, ...] = ()
    reply_to: int | None = None
    written: Awaitable[object] | None = None
    before: Awaitable[object] | None = None


class Reactions:
    """What this process does about each event. A fault of ours refuses one command, and stops nothing."""

    def __init__(
        self,
        bundle: Bundle,
        desk: Desk,
        accounts: Accounts | None,
        forward: Forward,
        standings: Standings | None,
        hand_on: HandOn,
        node: str,
    ) -> None:
        self._bundle = bundle
        self._desk = desk
        self._accounts = accounts
        self._forward = forward
        self._standings = standings
        self._hand_on = hand_on
        self._node = node

    @property
    def has_budgets(self) -> bool:
        """Whether what commands used must be known."""
        return self._bundle.has_budgets

    @property
    def has_standing(self) -> bool:
        """Whether approvals stand that are used by asking again."""
        return self._standings is not None

    def judge(self, event: Metered, raw: bytes, now: datetime) -> Reaction:
        """A command waits for its verdict, or ended. What draws on a budget is handed on to its account."""
        if not isinstance(event, CommandRequested):
            return Reaction(written=self._forward(event.envelope.principal, raw))
        return self._answer(event, raw, now, None)

    def charge(self, event: Metered, raw: bytes, now: datetime) -> Reaction:
        """What draws on a budget, where the account is."""
        assert self._accounts is not None, "there are accounts where there are budgets"
        try:
            account = self._accounts.find(event.envelope.principal)
            match event:
                case CommandRequested():
                    return self._answer(event, raw, now, account)
                case CommandFinished():
                    settled = settle(
                        account, event.envelope.command, event.rows, event.bytes, ran=True, now=now
                    )
                case CommandAbandoned():
                    settled = settle(account, event.envelope.command, 0, 0, ran=False, now=now)
        except Exception as error:
            _log_fault("budget_not_kept", error, principal=event.envelope.principal)
            if isinstance(event, CommandRequested):
                return Reaction((refusal(event, self._bundle, now, self._node),), event.reply_to)
            return Reaction()
        return Reaction() if settled is account else Reaction(written=self._accounts.save(settled))

    def _answer(
        self, request: CommandRequested, raw: bytes, now: datetime, account: Account | None
    ) -> Reaction:
        try:
            found = answer(request, len(raw), self._bundle, now, self._node, account)
        except Exception as error:
            _log_fault("command_not_judged", error, command=request.envelope.command)
            return Reaction((refusal(request, self._bundle, now, self._node),), request.reply_to)
        for failed in found.failed:
            _log.warning("expression_failed", rule=failed, command=request.envelope.command)
        if found.is_budgeted:
            return Reaction(written=self._forward(request.envelope.principal, raw))
        saved = None
        if found.account is not None and self._accounts is not None:
            saved = self._accounts.save(found.account)
        if found.asks is not None:
            return Reaction(before=saved, written=self._hand_on(found.asks))
        return Reaction(found.events, request.reply_to, before=saved)

    def stand(self, event: ApprovalRequested | ApprovalSettled, raw: bytes, now: datetime) -> Reaction:
        """A command is asked for that is not held, or what was asked is settled. A fault leaves what stands
        as it was: who asked gets no verdict, and is refused at its deadline."""
        assert self._standings is not None, "they are kept where a rule does not hold"
        try:
            standing = self._standings.find(event.digest)
            if isinstance(event, ApprovalSettled):
                after = settle_standing(standing, event)
                saved = None if after in (None, standing) else self._standings.save(after)
                revoked = revoke(standing, event)
                if revoked is None:
                    return Reaction(written=saved)
                order, reply_to = revoked
                return Reaction((order,), reply_to, before=saved)
            turn = ask(standing, event, now)
        except Exception as error:
            _log_fault("standing_not_told", error, approval=event.approval)
            return Reaction()
        saved = None if turn.standing == standing else self._standings.save(turn.standing)
        return Reaction(turn.events, event.reply_to, before=saved)

    def forget_standing(self, now: datetime) -> list[Awaitable[object]]:
        """What stood, and whose time is over."""
        return [] if self._standings is None else self._standings.forget_due(now)

    def review(self, event: Input, raw: bytes, now: datetime) -> Reaction:
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
        saved = self._desk.save(approval, step.approval)
        if step.told is not None:
            return Reaction(before=saved, written=self._hand_on(step.told))
        return Reaction(step.events, reply_to, saved)


def _log_fault(name: str, error: Exception, **values: str) -> None:
    """A fault of our own code, without the error's message: that may quote a command."""
    _log.error(name, error=type(error).__name__, where="".join(format_tb(error.__traceback__)), **values)
