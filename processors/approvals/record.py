"""An approval as it is kept, and what one event makes of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from processors.approvals.stages import deciders, stage_after
from schemas.events import ApprovalRequested, ApprovalSettled, Event
from schemas.vocabulary import ApprovalState, GrantTerms, Principal

KEPT_FOR = timedelta(days=1)
"""How long after its deadline an approval is remembered, so that a late repeat finds it settled."""

LONGEST_COMMENT = 10_000
"""Characters kept of what reviewers say, so that no event about it grows too large for Kafka."""


@dataclass(frozen=True, slots=True)
class Vote:
    """An approval that counts, and what the reviewer said."""

    reviewer: Principal
    comment: str
    grant: GrantTerms | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval: what was asked, who approved so far, and how it stands.

    `settled_by`: whose answers ended it. Two that come at once may each propose an end of the same kind: the
    first one read is the end, and only it is told again.
    """

    request: ApprovalRequested
    state: ApprovalState = ApprovalState.PENDING
    votes: tuple[Vote, ...] = ()
    settled_by: tuple[str, ...] = ()
    is_escalated: bool = False
    is_unattended: bool = False  # it ended because no reviewer could be reached

    @property
    def stage(self) -> int | None:
        """The number of the stage that waits; None where all have approved."""
        return stage_after(self.request, [(vote.reviewer.name, vote.reviewer.groups) for vote in self.votes])

    @property
    def deciders(self) -> tuple[str, ...]:
        """The groups that decide now; once all have approved, those of all stages."""
        return deciders(self.request, self.stage, escalated=self.is_escalated)

    @property
    def escalates_at(self) -> datetime | None:
        """When others may decide as well; None where they may already, or never."""
        return self.request.escalates_at if not self.is_escalated else None

    @property
    def due_at(self) -> datetime:
        """When something must happen by itself: its escalation, its deadline, later the end of memory."""
        deadline = self.request.expires_at
        if self.state is not ApprovalState.PENDING:
            return deadline + KEPT_FOR
        return min(deadline, self.escalates_at or deadline)


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one event: the approval after it, the events that follow, and why nothing did."""

    approval: Approval | None
    events: tuple[Event, ...] = ()
    ignored: str = ""
    told: ApprovalSettled | None = None  # for whoever keeps the standing approvals
