"""An approval that was settled -> the grant that came with it, or its end."""

from datetime import timedelta

from processors.approvals.stages import everyone
from schemas.envelope import Envelope, envelope_about
from schemas.events import ApprovalRequested, ApprovalSettled, GrantIssued, GrantRevoked
from schemas.ids import derived_id
from schemas.vocabulary import ApprovalState, GrantKind


def grant_id(approval: str) -> str:
    """The grant of an approval: one approval gives at most one."""
    return derived_id("grant", approval)


def issued(request: ApprovalRequested, settled: ApprovalSettled, node: str) -> GrantIssued | None:
    """The grant that was approved; None where none was. All of it follows from the two events, so that it is
    the same where it is said again."""
    if settled.state is not ApprovalState.APPROVED:
        return None
    at, access, terms = settled.envelope.time, request.access, settled.grant
    if access is not None:
        kind, uses = GrantKind.WINDOW, None
        starts_at = access.starts_at or at
        expires_at = starts_at + timedelta(seconds=access.seconds)
    elif terms is not None:
        kind, uses = terms.kind, terms.uses
        starts_at, expires_at = at, at + timedelta(seconds=terms.seconds)
    else:
        return None
    is_pattern = kind is GrantKind.PATTERN
    grant = grant_id(request.approval)
    return GrantIssued(
        envelope=_envelope(request, settled, "grant issued", node),
        grant=grant,
        fingerprint=request.fingerprint if is_pattern else "",
        pattern=request.pattern if is_pattern else "",
        issued_by=", ".join(settled.decided_by),
        expires_at=expires_at,
        uses=uses,
        kind=kind,
        approval=request.approval,
        rule=request.rule,
        rules=request.rules,
        starts_at=starts_at,
        intents=request.facts.intents if kind is GrantKind.WINDOW else (),
        acts_for=request.principal.acts_for,
        reviewers=everyone(request),
        reason=request.reason,
        ticket=request.ticket,
        comment=settled.comment,
        decided_by=settled.decided_by,
    )


def revoked(request: ApprovalRequested, settled: ApprovalSettled, node: str) -> GrantRevoked | None:
    """The end of the grant whose approval was taken back; None where there may be none."""
    if settled.state is not ApprovalState.REVOKED or (request.grants is None and request.access is None):
        return None
    return GrantRevoked(
        envelope=_envelope(request, settled, "grant revoked", node),
        grant=grant_id(request.approval),
        revoked_by=", ".join(settled.decided_by),
        reason=settled.comment,
    )


def _envelope(request: ApprovalRequested, settled: ApprovalSettled, what: str, node: str) -> Envelope:
    id = derived_id(what, request.approval)
    return envelope_about(request.envelope, settled.envelope.time, node, id=id)
