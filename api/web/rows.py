"""A request as one row of a list: only what the row shows, so that thousands are made in moments. Pure."""

from dataclasses import dataclass
from datetime import datetime

from api.access import obstacle
from api.inbox import Approval
from api.plain_words import Sentence, of_request
from schemas.vocabulary import ApprovalState, Principal


@dataclass(frozen=True, slots=True)
class Row:
    """What a list shows of a request."""

    id: str
    state: ApprovalState
    principal: str
    acts_for: str
    resource: str
    protocol: str
    command: str
    says: tuple[Sentence, ...]  # what it does, the heaviest first
    reason: str
    ticket: str
    rule: str
    requested_at: datetime
    expires_at: datetime
    approvals_needed: int
    approved: int
    is_mine: bool  # whether who looks at it may decide it now
    hindrance: str  # why not
    settled_at: datetime | None
    decided_by: tuple[str, ...]
    comment: str


def row_of(approval: Approval, who: Principal, now: datetime) -> Row:
    """The row as `who` gets to see it."""
    request, settlement = approval.request, approval.settlement
    hindrance = obstacle(who, approval, now)
    return Row(
        id=approval.id,
        state=approval.state,
        principal=request.principal.name,
        acts_for=request.principal.acts_for,
        resource=request.envelope.resource,
        protocol=request.protocol,
        command=request.text,
        says=of_request(request),
        reason=request.reason,
        ticket=request.ticket,
        rule=request.rule,
        requested_at=request.envelope.time,
        expires_at=request.expires_at,
        approvals_needed=request.approvals,
        approved=len(approval.decisions),
        is_mine=hindrance is None,
        hindrance=hindrance.reason if hindrance else "",
        settled_at=settlement.time if settlement else None,
        decided_by=settlement.decided_by if settlement else (),
        comment=settlement.comment if settlement else "",
    )
