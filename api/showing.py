"""An approval as those who may see it get to see it: what is asked, how it stands, who decided."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from api.access import obstacle, obstacle_to_revoking
from api.inbox import Approval
from api.locks import locks_of
from api.plain_words import of_request, undoing_of
from api.views import (
    AccessView,
    ApprovalView,
    ChangedRowsView,
    DecisionView,
    EstimateView,
    GrantLimitsView,
    GrantOffer,
    LockView,
    RanView,
    SampledRowView,
    StageView,
    TransactionView,
)
from schemas.vocabulary import Access, GrantKind, GrantLimits, GrantTerms, Principal, Transaction

_OVERDUE = timedelta(days=1)


def view(
    approval: Approval, who: Principal, now: datetime, identical: Sequence[Approval] = ()
) -> ApprovalView:
    """The approval as `who` gets to see it; `identical`: the same requests that wait beside it."""
    request, settlement = approval.request, approval.settlement
    facts = request.facts
    hindrance = obstacle(who, approval, now)
    return ApprovalView(
        id=approval.id,
        state=approval.state,
        principal=request.principal.name,
        principal_kind=request.principal.kind,
        acts_for=request.principal.acts_for,
        groups=list(request.principal.groups),
        resource=request.envelope.resource,
        protocol=request.protocol,
        command=request.text,
        parameters=list(request.parameters),
        reason=request.reason,
        ticket=request.ticket,
        unmask=list(request.unmask),
        rule=request.rule,
        policy_version=request.policy_version,
        requested_at=request.envelope.time,
        expires_at=request.expires_at,
        on_timeout=request.on_timeout,
        hold=request.hold,
        afterwards=request.afterwards,
        is_overdue=request.afterwards and settlement is None and now - request.envelope.time > _OVERDUE,
        does=[sentence.text for sentence in of_request(request)],
        undoing=undoing_of(request).text,
        intents=list(facts.intents),
        statements=list(facts.statements),
        tables=list(facts.tables),
        columns=list(facts.columns),
        functions=list(facts.functions),
        programs=list(facts.programs),
        methods=list(facts.methods),
        paths=list(facts.paths),
        verbs=list(facts.verbs),
        kinds_of_object=list(facts.kinds_of_object),
        namespaces=list(facts.namespaces),
        tools=list(facts.tools),
        probed=list(facts.probed),
        unproven=list(facts.unproven),
        reviewers=list(request.reviewers),
        all_of=list(request.all_of),
        approvals_needed=request.approvals,
        then=[
            StageView(
                reviewers=list(stage.reviewers),
                all_of=list(stage.all_of),
                approvals_needed=stage.approvals,
            )
            for stage in request.then
        ],
        stage=None if settlement is not None or approval.stage is None else approval.stage + 1,
        deciders=list(approval.deciders),
        escalates_at=request.escalates_at,
        escalates_to=list(request.escalates_to),
        decisions=[
            DecisionView(reviewer=d.reviewer, answer=d.answer, comment=d.comment, time=d.time)
            for d in approval.decisions
        ],
        decided_by=list(settlement.decided_by) if settlement else [],
        comment=settlement.comment if settlement else "",
        settled_at=settlement.time if settlement else None,
        digest=request.digest,
        session=request.envelope.session,
        command_id=request.envelope.command,
        client_address=request.client_address,
        context={item.name: item.value for item in request.context},
        pattern=request.pattern,
        access=_access(request.access),
        grants=_limits(request.grants),
        granted=_offer(settlement.grant if settlement else None),
        estimate=EstimateView(rows=approval.estimate.rows, cost=approval.estimate.cost)
        if approval.estimate is not None
        else None,
        locks=[sentence.text for sentence in locks_of(request)],
        transaction=_transaction(request.transaction),
        can_decide=hindrance is None,
        cannot_decide_because=hindrance.reason if hindrance else None,
        can_revoke=obstacle_to_revoking(who, approval, now) is None,
        identical=[other.id for other in identical],
    )


def _transaction(transaction: Transaction | None) -> TransactionView | None:
    if transaction is None:
        return None
    return TransactionView(
        began_at=transaction.began_at,
        statements=[
            RanView(
                command=one.text,
                parameters=list(one.parameters),
                command_id=one.command,
                rows=one.rows,
                outcome=one.outcome,
                at_commit=one.at_commit,
            )
            for one in transaction.statements
        ],
        changed=[
            ChangedRowsView(
                relation=one.relation,
                inserted=one.inserted,
                updated=one.updated,
                deleted=one.deleted,
                columns=list(one.columns),
                sample=[
                    SampledRowView(before=_values(row.before), after=_values(row.after)) for row in one.sample
                ],
                not_sampled=one.not_sampled,
            )
            for one in transaction.changed
        ],
        locks=[LockView(relation=lock.relation, mode=lock.mode) for lock in transaction.locks],
    )


def _values(row: tuple[str | None, ...]) -> list[str | None] | None:
    return list(row) or None


def _access(access: Access | None) -> AccessView | None:
    return None if access is None else AccessView(seconds=access.seconds, starts_at=access.starts_at)


def _limits(limits: GrantLimits | None) -> GrantLimitsView | None:
    if limits is None:
        return None
    return GrantLimitsView(kinds=list(limits.kinds), seconds=limits.seconds, uses=limits.uses)


def _offer(terms: GrantTerms | None) -> GrantOffer | None:
    if terms is None or terms.kind is GrantKind.WINDOW:
        return None
    return GrantOffer(kind=terms.kind, seconds=terms.seconds, uses=terms.uses)
