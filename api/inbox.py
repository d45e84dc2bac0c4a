"""The read model of the approvals topic: what waits for a reviewer, and what was settled lately. Pure.

It never decides: a decision is shown as soon as it is stored, the state changes only by `ApprovalSettled`.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from heapq import heappop, heappush
from itertools import islice

from processors.approvals.stages import deciders, stage_after
from schemas.events import (
    ApprovalEscalated,
    ApprovalRequested,
    ApprovalSettled,
    CommandEstimated,
    Event,
    ReviewDecided,
)
from schemas.vocabulary import Answer, ApprovalState, GrantTerms

SETTLED_KEPT = 1000  # the newest settled approvals; older ones are in the audit log
SHORTEST_PREFIX = 6  # characters of an approval's id that may stand for the whole


@dataclass(frozen=True, slots=True)
class Position:
    """Where an event stands in the approvals topic."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One reviewer's answer."""

    reviewer: str
    answer: Answer
    comment: str
    time: datetime
    groups: tuple[str, ...] = ()  # the reviewer's


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an approval ended."""

    state: ApprovalState
    decided_by: tuple[str, ...]
    comment: str
    time: datetime
    position: Position
    grant: GrantTerms | None = None  # what was granted along with it


MOST_IDENTICAL = 50  # that are named beside a request: an agent may ask for the same a thousand times

Sameness = tuple[str, str, str, str, bool]
"""Digest, for whom, rule, policy version, and whether it ran already."""


@dataclass(frozen=True, slots=True)
class Approval:
    """One request for review, with what became of it."""

    request: ApprovalRequested
    requested: Position
    decisions: tuple[Decision, ...] = ()  # the first of each reviewer, oldest first
    settlement: Settlement | None = None
    is_escalated: bool = False
    estimate: CommandEstimated | None = None

    @property
    def stage(self) -> int | None:
        """The number of the stage that waits, as far as the decisions tell; None where all have approved."""
        approved = [one for one in self.decisions if one.answer is Answer.APPROVE]
        return stage_after(self.request, [(one.reviewer, one.groups) for one in approved])

    @property
    def deciders(self) -> tuple[str, ...]:
        """The groups that decide now; of what is settled, those of all stages."""
        number = self.stage if self.settlement is None else None
        return deciders(self.request, number, escalated=self.is_escalated)

    @property
    def id(self) -> str:
        return self.request.approval

    @property
    def state(self) -> ApprovalState:
        return self.settlement.state if self.settlement else ApprovalState.PENDING

    @property
    def sameness(self) -> Sameness:
        """What identical requests have in common: the digest covers who asks, and on what."""
        request = self.request
        rule = (request.rule, request.policy_version)
        return (request.digest, request.principal.acts_for, *rule, request.afterwards)

    def is_identical(self, other: "Approval") -> bool:
        """Whether both ask for the very same under the same rule. Never so for access that is asked for
        beforehand, which is no command."""
        return self.sameness == other.sameness and self.request.access is None

    def decision_of(self, reviewer: str) -> Decision | None:
        return next((decision for decision in self.decisions if decision.reviewer == reviewer), None)


class Kind(StrEnum):
    """What happened to an approval; the names of the stream's events."""

    REQUESTED = "approval.requested"
    DECIDED = "approval.decided"
    ESCALATED = "approval.escalated"
    ESTIMATED = "approval.estimated"
    SETTLED = "approval.settled"


@dataclass(frozen=True, slots=True)
class Change:
    """An approval that is new or not what it was."""

    kind: Kind
    approval: Approval
    position: Position


class Inbox:
    """All pending approvals, and the newest settled ones."""

    def __init__(self, settled_kept: int = SETTLED_KEPT) -> None:
        self._settled_kept = settled_kept
        self._pending: dict[str, Approval] = {}
        self._settled: dict[str, Approval] = {}
        self._oldest: list[tuple[datetime, str]] = []  # a heap over _settled: partitions come in any order
        self._identical: dict[Sameness, dict[str, None]] = {}  # of those that wait, in the order they came

    def apply(self, event: Event, position: Position) -> Change | None:
        """Takes one event of the topic; None when it changes nothing, as a repeat or a late one does."""
        match event:
            case ApprovalRequested():
                return self._requested(event, position)
            case ReviewDecided():
                return self._decided(event, position)
            case ApprovalEscalated():
                return self._escalate(event, position)
            case CommandEstimated():
                return self._estimate(event, position)
            case ApprovalSettled():
                return self._settle(event, position)
            case _:
                return None

    def get(self, approval: str) -> Approval | None:
        return self._pending.get(approval) or self._settled.get(approval)

    def find(self, prefix: str) -> tuple[Approval, ...]:
        """The approvals whose id is, or begins with, `prefix` (at least SHORTEST_PREFIX characters)."""
        exact = self.get(prefix)
        if exact is not None:
            return (exact,)
        if len(prefix) < SHORTEST_PREFIX:
            return ()
        return tuple(approval for approval in self._all() if approval.id.startswith(prefix))

    def identical(self, approval: Approval) -> tuple[Approval, ...]:
        """What else waits and is identical, in the order it came: the first MOST_IDENTICAL."""
        found = (self._pending[id] for id in self._identical.get(approval.sameness, ()) if id != approval.id)
        return tuple(islice((one for one in found if one.is_identical(approval)), MOST_IDENTICAL))

    def pending(self) -> tuple[Approval, ...]:
        """What waits, longest waiting first."""
        return tuple(sorted(self._pending.values(), key=lambda approval: approval.request.envelope.time))

    def settled(self) -> tuple[Approval, ...]:
        """What is settled, newest first."""
        return tuple(self._settled[approval] for _, approval in sorted(self._oldest, reverse=True))

    def _all(self) -> tuple[Approval, ...]:
        return (*self._pending.values(), *self._settled.values())

    def _requested(self, event: ApprovalRequested, position: Position) -> Change | None:
        if self.get(event.approval) is not None:
            return None
        approval = self._pending[event.approval] = Approval(event, position)
        self._identical.setdefault(approval.sameness, {})[approval.id] = None
        return Change(Kind.REQUESTED, approval, position)

    def _decided(self, event: ReviewDecided, position: Position) -> Change | None:
        approval = self._pending.get(event.approval)
        if approval is None or approval.decision_of(event.reviewer.name) is not None:
            return None
        if event.digest != approval.request.digest or event.answer not in (Answer.APPROVE, Answer.REJECT):
            return None  # about something else than what waits; the processor does not count it either
        who = event.reviewer
        decision = Decision(who.name, event.answer, event.comment, event.envelope.time, who.groups)
        approval = replace(approval, decisions=(*approval.decisions, decision))
        self._pending[event.approval] = approval
        return Change(Kind.DECIDED, approval, position)

    def _escalate(self, event: ApprovalEscalated, position: Position) -> Change | None:
        approval = self._pending.get(event.approval)
        if approval is None or approval.is_escalated:
            return None
        approval = self._pending[event.approval] = replace(approval, is_escalated=True)
        return Change(Kind.ESCALATED, approval, position)

    def _estimate(self, event: CommandEstimated, position: Position) -> Change | None:
        approval = self._pending.get(event.approval)
        if approval is None or approval.estimate is not None:
            return None
        approval = self._pending[event.approval] = replace(approval, estimate=event)
        return Change(Kind.ESTIMATED, approval, position)

    def _settle(self, event: ApprovalSettled, position: Position) -> Change | None:
        settlement = Settlement(
            event.state, event.decided_by, event.comment, event.envelope.time, position, event.grant
        )
        approval = self._pending.pop(event.approval, None)
        if approval is None:
            return self._revoke(event.approval, settlement)
        del self._identical[approval.sameness][approval.id]
        if not self._identical[approval.sameness]:
            del self._identical[approval.sameness]
        approval = self._settled[event.approval] = replace(approval, settlement=settlement)
        heappush(self._oldest, (settlement.time, event.approval))
        while len(self._oldest) > self._settled_kept:
            del self._settled[heappop(self._oldest)[1]]
        return Change(Kind.SETTLED, approval, position)

    def _revoke(self, id: str, settlement: Settlement) -> Change | None:
        """What was approved is settled once more where it is revoked, and keeps its place."""
        approval = self._settled.get(id)
        if approval is None or approval.state is not ApprovalState.APPROVED:
            return None
        if settlement.state is not ApprovalState.REVOKED:
            return None
        approval = self._settled[id] = replace(approval, settlement=settlement)
        return Change(Kind.SETTLED, approval, settlement.position)
