"""Rules, proposals, and what these would change, as persons get to see them over HTTP."""

from datetime import datetime

from pydantic import BaseModel, Field

from api.audit import AuditLog
from api.plain_words import sentences
from api.publishing import Publishing
from api.simulation import Change, Simulation
from processors.policy.publishing import Proposal
from schemas.vocabulary import Answer, Principal, ProposalState, Verdict

_SHOWN = 200  # changed commands that a simulation lists


class RulesView(BaseModel):
    """The rules in force."""

    text: str
    proposal: str = Field(description="whose rules these are; empty: those of the configuration file")
    published_at: datetime | None
    author: str
    approved_by: list[str]
    published_by: list[str] = Field(description="the groups whose members propose and approve others")
    can_propose: bool


class ProposalView(BaseModel):
    """Rules that somebody proposed."""

    id: str
    state: ProposalState
    author: str
    comment: str = Field(description="the author's")
    proposed_at: datetime
    open_until: datetime
    text: str
    digest: str = Field(description="SHA-256 of the text; a decision is for it")
    diff: str = Field(description="what the text changed of the rules then in force, as a unified diff")
    decided_by: list[str]
    decided_at: datetime | None
    decision: str = Field(description="what whoever decided said")
    can_approve: bool
    can_reject: bool


class ChangeView(BaseModel):
    """A command that would get another verdict, or the same by another rule."""

    command: str
    requested_at: datetime
    principal: str
    resource: str
    does: str = Field(description="in plain words")
    text: str | None = Field(description="null where you may not see its session")
    verdict: Verdict
    rule: str
    verdict_then: Verdict
    rule_then: str


class SimulationView(BaseModel):
    """What rules would change for commands that were asked for."""

    looked_at: int
    since: datetime | None
    other_verdicts: int
    other_rules: int = Field(description="commands with the same verdict by another rule")
    counts: dict[str, int] = Field(description='such as {"allow to review": 12}')
    changes: list[ChangeView] = Field(description=f"those with another verdict, the newest {_SHOWN}")


def rules_view(publishing: Publishing, who: Principal) -> RulesView:
    in_force = publishing.current(who)
    proposal = in_force.proposal
    settled = proposal.settled if proposal is not None else None
    return RulesView(
        text=in_force.text,
        proposal=proposal.id if proposal is not None else "",
        published_at=settled.envelope.time if settled is not None else None,
        author=proposal.proposed.author.name if proposal is not None else "",
        approved_by=list(settled.decided_by) if settled is not None else [],
        published_by=list(publishing.publishers),
        can_propose=not publishing.obstacle_to_proposing(who),
    )


def proposal_view(publishing: Publishing, proposal: Proposal, who: Principal) -> ProposalView:
    proposed, settled = proposal.proposed, proposal.settled
    return ProposalView(
        id=proposal.id,
        state=proposal.state,
        author=proposed.author.name,
        comment=proposed.comment,
        proposed_at=proposed.envelope.time,
        open_until=proposal.open_until,
        text=proposed.text,
        digest=proposed.digest,
        diff=proposed.diff,
        decided_by=list(settled.decided_by) if settled is not None else [],
        decided_at=settled.envelope.time if settled is not None else None,
        decision=settled.comment if settled is not None else "",
        can_approve=not publishing.obstacle(who, proposal, Answer.APPROVE),
        can_reject=not publishing.obstacle(who, proposal, Answer.REJECT),
    )


def simulation_view(found: Simulation, audit_log: AuditLog, who: Principal) -> SimulationView:
    others = found.other_verdicts
    return SimulationView(
        looked_at=found.looked_at,
        since=found.since,
        other_verdicts=len(others),
        other_rules=len(found.changes) - len(others),
        counts={f"{before.value} to {after.value}": count for before, after, count in found.counts},
        changes=[_change_view(change, audit_log, who) for change in others[:_SHOWN]],
    )


def _change_view(change: Change, audit_log: AuditLog, who: Principal) -> ChangeView:
    request = change.request
    about = request.envelope
    is_shown = audit_log.access.sees_session(who, about.principal, about.resource)
    return ChangeView(
        command=about.command,
        requested_at=about.time,
        principal=about.principal,
        resource=about.resource,
        does=", ".join(sentence.text for sentence in sentences(request.facts)) or "nothing that is known",
        text=request.text if is_shown else None,
        verdict=change.before.verdict,
        rule=change.before.rule,
        verdict_then=change.after.verdict,
        rule_then=change.after.rule,
    )
