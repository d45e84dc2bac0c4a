"""Rules over HTTP: those in force, proposals of others, and what these would change."""

import asyncio
import hashlib
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import AfterValidator, BaseModel, Field
from starlette.exceptions import HTTPException

from api.audit import AuditLog
from api.auth import SignIn
from api.deciding import clean_comment
from api.paging import link_to_next
from api.problems import Problem, documented
from api.publishing import LONGEST, Answered, Publishing, not_theirs, unusable
from api.repeating import Repeatable
from api.showing_rules import (
    ProposalView,
    RulesView,
    SimulationView,
    proposal_view,
    rules_view,
    simulation_view,
)
from api.simulation import Simulation, compare
from infra.config import ConfigError
from processors.policy.publishing import Proposal
from schemas.events import CommandRequested
from schemas.vocabulary import Answer, Principal, ProposalState

MOST = 10_000  # commands that a simulation looks at
USUAL = 1_000
_SHORTEST_PREFIX = 6

Rules = Annotated[
    str, Field(max_length=LONGEST, description="YAML: `policies:` and the rules, as in the configuration")
]
Comment = Annotated[str, AfterValidator(clean_comment)]


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
