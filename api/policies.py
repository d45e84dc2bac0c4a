"""Rules over HTTP: those in force, proposals of others, and what these would change."""

import asyncio
import hashlib
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import AfterValidator, BaseModel, Field
from starlette.exceptions import HTTPException

from api.audit import AuditLog
from api.auth import SignIn
from api.deciding import clean_comment
from api.paging import link_to_next
from api.plain_words import sentences
from api.problems import Problem, documented
from api.publishing import LONGEST, Answered, Publishing, not_theirs, unusable
from api.simulation import Change, Simulation, compare
from infra.config import ConfigError
from processors.policy.publishing import Proposal
from schemas.events import CommandRequested
from schemas.vocabulary import Answer, Principal, ProposalState, Verdict

MOST = 10_000  # commands that a simulation looks at
USUAL = 1_000
_SHORTEST_PREFIX = 6
_SHOWN = 200  # changed commands that a simulation lists

Rules = Annotated[
    str, Field(max_length=LONGEST, description="YAML: `policies:` and the rules, as in the configuration")
]
Comment = Annotated[str, AfterValidator(clean_comment)]
Repeatable = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="with it, sending the same again answers what became of the first",
    ),
]


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


class Check(BaseModel):
    """Rules to be checked."""

    text: Rules


class Checked(BaseModel):
    """What keeps rules from being decided by."""

    problems: list[str] = Field(description="a line each, with its place; none: they can be used")


class Propose(BaseModel):
    """Rules for another person to approve."""

    text: Rules
    comment: Comment = ""


class Decide(BaseModel):
    """An answer to a proposal."""

    digest: str = Field(description="of the rules that you looked at")
    comment: Comment = ""


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


class Policies:
    """The routes over what `publishing` knows."""

    def __init__(self, publishing: Publishing, audit_log: AuditLog, sign_in: SignIn) -> None:
        self._publishing = publishing
        self._audit_log = audit_log
        self._sign_in = sign_in

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/policies", tags=["policies"])
        identifier = Path(
            description=f"the id, or at least its first {_SHORTEST_PREFIX} characters",
            min_length=_SHORTEST_PREFIX,
            max_length=36,
        )
        sign_in, publishing, audit_log = self._sign_in, self._publishing, self._audit_log
        reading = documented(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.SERVICE_UNAVAILABLE,
        )
        saying = reading | documented(HTTPStatus.CONFLICT, HTTPStatus.GATEWAY_TIMEOUT)

        async def decide(given: str, who: Principal, answered: Answered, key: str | None) -> ProposalView:
            found = publishing.find(given, who)
            if key is None or not is_repeat(found, who, answered):
                found = await publishing.decide(found.id, who, answered)
            return proposal_view(publishing, found, who)

        @router.get("", responses=reading)
        async def show_rules(who: Annotated[Principal, Depends(sign_in)]) -> RulesView:
            """The rules in force. For persons."""
            return rules_view(publishing, who)

        @router.post("/check", responses=reading)
        async def check(wanted: Check, who: Annotated[Principal, Depends(sign_in)]) -> Checked:
            """Whether these rules could be decided by, as `countersign check` says it."""
            publishing.current(who)
            return Checked(problems=await asyncio.to_thread(publishing.problems, wanted.text))

        @router.post("/simulate", responses=reading)
        async def try_out(
            wanted: Check,
            who: Annotated[Principal, Depends(sign_in)],
            commands: Annotated[int, Query(ge=1, le=MOST, description="how many of the newest")] = USUAL,
        ) -> SimulationView:
            """What these rules would change for the newest commands of the audit log. For those who may
            propose rules."""
            found = await simulate(publishing, audit_log, wanted.text, who, commands)
            return simulation_view(found, audit_log, who)

        @router.get("/proposals", responses=reading)
        async def list_proposals(
            response: Response,
            who: Annotated[Principal, Depends(sign_in)],
            state: Annotated[ProposalState | None, Query()] = None,
            limit: Annotated[int, Query(ge=1, le=1000)] = 100,
            cursor: Annotated[str, Query(description="from the Link of the page before")] = "",
        ) -> list[ProposalView]:
            """Proposed rules, the newest first. `Link: <…>; rel="next"` leads to those that follow."""
            found = [p for p in publishing.proposals(who) if state in (None, p.state)]
            if cursor:
                place = next((number for number, p in enumerate(found) if p.id == cursor), len(found))
                found = found[place + 1 :]
            if len(found) > limit:
                found = found[:limit]
                query = {"state": state or "", "limit": str(limit)}
                response.headers["Link"] = link_to_next("/api/policies/proposals", query, found[-1].id)
            return [proposal_view(publishing, p, who) for p in found]

        @router.get("/proposals/{proposal}", responses=reading | {304: {"description": "as it was"}})
        async def show_proposal(
            proposal: Annotated[str, identifier],
            who: Annotated[Principal, Depends(sign_in)],
            response: Response,
            if_none_match: Annotated[str | None, Header()] = None,
        ) -> ProposalView:
            """One proposal. Its ETag changes when it does."""
            found = proposal_view(publishing, publishing.find(proposal, who), who)
            tag = f'"{hashlib.sha256(found.model_dump_json().encode()).hexdigest()[:32]}"'
            if if_none_match is not None and tag in {given.strip() for given in if_none_match.split(",")}:
                raise HTTPException(HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
            response.headers["ETag"] = tag
            return found

        @router.post("/proposals", status_code=HTTPStatus.CREATED, responses=saying)
        async def propose(
            wanted: Propose,
            who: Annotated[Principal, Depends(sign_in)],
            idempotency_key: Repeatable = None,
        ) -> ProposalView:
            """Proposes rules in the place of all those in force. Another person approves them."""
            found = await publishing.propose(who, wanted.text, wanted.comment, idempotency_key)
            return proposal_view(publishing, found, who)

        @router.post("/proposals/{proposal}/approve", responses=saying)
        async def approve(
            proposal: Annotated[str, identifier],
            wanted: Decide,
            who: Annotated[Principal, Depends(sign_in)],
            idempotency_key: Repeatable = None,
        ) -> ProposalView:
            """Puts the proposed rules in force. Never by their author."""
            answered = Answered(Answer.APPROVE, wanted.digest, wanted.comment)
            return await decide(proposal, who, answered, idempotency_key)

        @router.post("/proposals/{proposal}/reject", responses=saying)
        async def reject(
            proposal: Annotated[str, identifier],
            wanted: Decide,
            who: Annotated[Principal, Depends(sign_in)],
            idempotency_key: Repeatable = None,
        ) -> ProposalView:
            """Ends the proposal; its author withdraws it so. The comment is required."""
            answered = Answered(Answer.REJECT, wanted.digest, required(wanted.comment))
            return await decide(proposal, who, answered, idempotency_key)

        return router


async def simulate(
    publishing: Publishing, audit_log: AuditLog, text: str, who: Principal, commands: int
) -> Simulation:
    """These rules tried on the newest commands, for who may propose some. Raises Problem, 422 where they
    cannot be used."""
    publishing.current(who)
    if reason := publishing.obstacle_to_proposing(who):
        raise not_theirs("not-yours-to-simulate", reason)
    requests = await audit_log.newest_requests(commands)
    return await asyncio.to_thread(_simulated, publishing, text, requests)


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


def is_repeat(proposal: Proposal, who: Principal, answered: Answered) -> bool:
    """Whether this very answer ended the proposal already, so that sending it again changes nothing."""
    settled = proposal.settled
    if settled is None or settled.digest != answered.digest:
        return False
    is_approval = settled.state is ProposalState.PUBLISHED
    return (settled.decided_by, settled.comment, is_approval) == (
        (who.name,),
        answered.comment,
        answered.answer is Answer.APPROVE,
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


def _simulated(publishing: Publishing, text: str, requests: list[CommandRequested]) -> Simulation:
    """Raises Problem where the rules cannot be used."""
    # Here, not above: what evaluates an expression takes time and memory, and few processes need it.
    from processors.configured import bundle_of

    try:
        after = bundle_of(publishing.read(text))
    except ConfigError as error:
        raise unusable(error.problems) from error
    before = bundle_of(publishing.config.model_copy(update={"policies": publishing.in_force.policies}))
    return compare(requests, before, after)


def required(comment: str) -> str:
    if comment:
        return comment
    raise Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "comment-missing",
        "A rejection needs a comment.",
        "Say in `comment` why; whoever proposed the rules reads it.",
    )
