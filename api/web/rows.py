"""A request as one row of a list: only what the row shows, so that thousands are made in moments. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
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
    afterwards: bool  # it ran at once, by break-glass
    times: int = 1  # how often the very same waits


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
        afterwards=request.afterwards,
    )


def rows_of(approvals: Iterable[Approval], who: Principal, now: datetime) -> list[Row]:
    """What waits, as rows: identical requests that are equally far are one, in the place of the first."""
    found: dict[object, Row] = {}
    for approval in approvals:
        row = row_of(approval, who, now)
        is_command = approval.request.access is None
        key = (approval.sameness, row.is_mine, row.approved) if is_command else row.id
        first = found.get(key)
        found[key] = row if first is None else replace(first, times=first.times + 1)
    return list(found.values())
