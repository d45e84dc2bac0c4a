"""One event -> what follows from it: the pure decisions with the clock, the bundle and the desk at hand."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from traceback import format_tb

import structlog

from processors.accounts import Accounts
from processors.approvals.approval import Input
from processors.approvals.record import Step
from processors.approvals.standing import ask, revoke
from processors.approvals.standing import settle as settle_standing
from processors.desk import Desk
from processors.grantings import Grantings
from processors.grants.access import ask as ask_for_access
from processors.grants.granted import Granted, Orders, expire, finish, issue
from processors.grants.granted import revoke as revoke_grant
from processors.policy.budgets import Account, forgive, reject, settle
from processors.policy.bundle import Bundle
from processors.policy.verdict import Answer, answer, refusal
from processors.standings import Standings
from schemas.events import (
    AccessRequested,
    ApprovalRequested,
    ApprovalSettled,
    CommandAbandoned,
    CommandAllowed,
    CommandFinished,
    CommandRequested,
    Event,
    GrantIssued,
    GrantRevoked,
    PauseLifted,
)
from schemas.vocabulary import ApprovalState

_log = structlog.get_logger()


Metered = CommandRequested | CommandFinished | CommandAbandoned
"""What draws on budgets and grants, or gives back."""

Given = GrantIssued | GrantRevoked
"""What gives a principal a grant, or takes one back."""

Forward = Callable[[str, bytes], Awaitable[object]]
"""Hands a message on to the account of this principal; done when that is durable."""

HandOn = Callable[[ApprovalRequested | ApprovalSettled], Awaitable[object]]
"""Hands an event on to whoever keeps the standing approval of its digest; done when that is durable."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """What follows from an event: what must be durable before anything is said, events in the order in which
    they must become durable, where their verdicts go, orders to ingresses, and what must be written before
    the event is acknowledged."""

    events: tuple[Event, ...] = ()
    reply_to: int | None = None
    written: Awaitable[object] | None = None
    before: Awaitable[object] | None = None
    orders: Orders = ()  # said after the events, each to the ingress that reads its partition


class Reactions:
    """What this process does about each event. A fault of ours refuses one command, and stops nothing."""

    def __init__(
        self,
        bundle: Callable[[], Bundle],
        desk: Desk,
        accounts: Accounts | None,
        grantings: Grantings | None,
        forward: Forward,
        standings: Standings | None,
        hand_on: HandOn,
        node: str,
    ) -> None:
        self._bundle = bundle  # in force
        self._desk = desk
        self._accounts = accounts
        self._grantings = grantings
        self._forward = forward
        self._standings = standings
        self._hand_on = hand_on
        self._node = node

    @property
    def has_accounts(self) -> bool:
        """Whether what principals used, and were granted, must be known."""
        return self._accounts is not None

    @property
    def has_standing(self) -> bool:
        """Whether approvals stand that are used by asking again."""
        return self._standings is not None

    def judge(self, event: Metered, raw: bytes, now: datetime) -> Reaction:
        """A command waits for its verdict, or ended. What draws on a budget or may be granted is handed on to
        its principal's account."""
        if not isinstance(event, CommandRequested):
            return Reaction(written=self._forward(event.envelope.principal, raw))
        return self._answer(event, raw, now, None, None)

    def hand_over(self, event: Given, raw: bytes, now: datetime) -> Reaction:
        """Something was granted or revoked: it is for whoever keeps the principal's account."""
        return Reaction(written=self._forward(event.envelope.principal, raw))

    def charge(
        self, event: Metered | Given | ApprovalSettled | PauseLifted, raw: bytes, now: datetime
    ) -> Reaction:
        """What draws on a budget or a grant, where the account is."""
        assert self._accounts is not None, "there are accounts where there are budgets or grants"
        assert self._grantings is not None, "there are grants where there are accounts"
        try:
            account = self._accounts.find(event.envelope.principal)
            granted = self._grantings.find(event.envelope.principal)
            match event:
                case CommandRequested():
                    return self._answer(event, raw, now, account, granted)
                case CommandFinished():
                    settled = settle(
                        account, event.envelope.command, event.rows, event.bytes, ran=True, now=now
                    )
                case CommandAbandoned():
                    settled = settle(account, event.envelope.command, 0, 0, ran=False, now=now)
                case ApprovalSettled():
                    rejected = reject(account, event.envelope.command, event.envelope.time)
                    return Reaction(
                        written=self._accounts.save(rejected) if rejected is not account else None
                    )
                case PauseLifted():
                    forgiven = forgive(account, event.rule, event.envelope.time)
                    return Reaction(written=self._accounts.save(forgiven))
                case GrantIssued():
                    return self._regrant(granted, issue(granted, event, now))
                case GrantRevoked():
                    return self._regrant(granted, *revoke_grant(granted, event))
        except Exception as error:
            _log_fault("account_not_kept", error, principal=event.envelope.principal)
            if isinstance(event, CommandRequested):
                return Reaction((refusal(event, self._bundle(), now, self._node),), event.reply_to)
            return Reaction()
        finished = self._regrant(granted, finish(granted, event.envelope.command))
        if settled is account:
            return finished
        return replace(finished, written=self._accounts.save(settled))

    def expire_grants(self, now: datetime) -> Iterator[Reaction]:
        """Grants whose time is over: what runs under them is stopped."""
        if self._grantings is None:
            return
        for principal in self._grantings.due(now):
            try:
                after, orders = expire(self._grantings.find(principal), now)
                yield Reaction(before=self._grantings.save(after), orders=orders)
            except Exception as error:
                _log_fault("grants_not_ended", error, principal=principal)

    def _regrant(self, before: Granted, after: Granted, orders: Orders = ()) -> Reaction:
        """What was granted is kept, and then said to those whose commands it stops."""
        assert self._grantings is not None
        saved = self._grantings.save(after) if after is not before else None
        return Reaction(before=saved, orders=orders)

    def _answer(
        self,
        request: CommandRequested,
        raw: bytes,
        now: datetime,
        account: Account | None,
        granted: Granted | None,
    ) -> Reaction:
        try:
            found = answer(request, len(raw), self._bundle(), now, self._node, account, granted)
        except Exception as error:
            _log_fault("command_not_judged", error, command=request.envelope.command)
            return Reaction((refusal(request, self._bundle(), now, self._node),), request.reply_to)
        for failed in found.failed:
            _log.warning("expression_failed", rule=failed, command=request.envelope.command)
        if found.is_for_accounts:
            return Reaction(written=self._forward(request.envelope.principal, raw))
        saved = self._saved(found)
        for event in found.events:
            if isinstance(event, CommandAllowed) and event.break_glass:
                _log.warning(
                    "glass_broken",
                    principal=request.principal.name,
                    resource=request.envelope.resource,
                    approval=event.break_glass,
                )
        if found.asks is not None:
            return Reaction(before=saved, written=self._hand_on(found.asks))
        return Reaction(found.events, request.reply_to, before=saved)

    def _saved(self, found: Answer) -> Awaitable[object] | None:
        """What a command drew on is kept before its verdict is said."""
        writes = []
        if found.account is not None and self._accounts is not None:
            writes.append(self._accounts.save(found.account))
        if found.granted is not None and self._grantings is not None:
            writes.append(self._grantings.save(found.granted))
        return asyncio.gather(*writes) if len(writes) > 1 else next(iter(writes), None)

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

    def review(self, event: Input | AccessRequested | PauseLifted, raw: bytes, now: datetime) -> Reaction:
        """Something happened to an approval. A fault leaves it as it was: its deadline ends it."""
        try:
            if isinstance(event, AccessRequested):
                return Reaction(ask_for_access(event, self._bundle(), now, self._node))
            if isinstance(event, PauseLifted):
                known = self._forward(event.envelope.principal, raw) if self._bundle().has_budgets else None
                return Reaction(written=known)
            step = self._desk.apply(event, now)
            reaction = self._follow(event.approval, step)
            is_rejected = isinstance(event, ApprovalSettled) and event.state is ApprovalState.REJECTED
            if is_rejected and not step.ignored and self._bundle().has_budgets:
                counted = self._forward(event.envelope.principal, raw)
                return replace(reaction, written=_both(reaction.written, counted))
            return reaction
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

    def reconsider(self, now: datetime) -> Iterator[Reaction]:
        """What waits, when the rules have changed: what they no longer ask for is withdrawn."""
        for approval in self._desk.of_other_rules(now):
            try:
                step = self._desk.reconsider(approval, now)
                if step.events:
                    yield self._follow(approval, step)
            except Exception as error:
                _log_fault("approval_not_reconsidered", error, approval=approval)

    def give_up(self, now: datetime) -> Iterator[Reaction]:
        """No reviewer can be reached: what does not wait for that ends."""
        for approval, step in self._desk.give_up(now):
            yield self._follow(approval, step)

    def _follow(self, approval: str, step: Step) -> Reaction:
        if step.ignored:
            _log.info("approval_event_ignored", approval=approval, reason=step.ignored)
        reply_to = None if step.approval is None else step.approval.request.reply_to
        saved = self._desk.save(approval, step.approval)
        if step.told is not None:
            return Reaction(step.events, reply_to, before=saved, written=self._hand_on(step.told))
        return Reaction(step.events, reply_to, saved)


async def _both(first: Awaitable[object] | None, second: Awaitable[object]) -> None:
    if first is not None:
        await first
    await second


def _log_fault(name: str, error: Exception, **values: str) -> None:
    """A fault of our own code, without the error's message: that may quote a command."""
    _log.error(name, error=type(error).__name__, where="".join(format_tb(error.__traceback__)), **values)
