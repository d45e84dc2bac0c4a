"""Approvals: what waits for a reviewer, and what became of it."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.access import obstacle, obstacle_to_revoking
from api.auth import SignIn
from api.deciding import LONGEST_COMMENT, Desk, Review
from api.inbox import SHORTEST_PREFIX, Approval
from api.paging import link_to_next
from api.past import Past
from api.plain_words import of_request, undoing_of
from api.problems import Problem, documented
from api.visible import is_odd
from infra.clock import Clock
from schemas.vocabulary import (
    Access,
    Answer,
    ApprovalState,
    Fallback,
    GrantKind,
    GrantLimits,
    GrantTerms,
    Intent,
    Principal,
    PrincipalKind,
)

_OVERDUE = timedelta(days=1)
_EXAMPLE: dict[str, JsonValue] = {
    "id": "3f9a01bc-5c1e-8a77-9d20-4f6f0e6a7f11",
    "state": "pending",
    "principal": "agent-7",
    "principal_kind": "agent",
    "acts_for": "dana",
    "groups": ["agents"],
    "resource": "orders",
    "protocol": "postgres",
    "command": "delete from orders where id = 7",
    "parameters": [],
    "reason": "the customer ordered twice",
    "ticket": "OPS-12",
    "unmask": [],
    "rule": "changes need a DBA",
    "policy_version": "9b1c…",
    "requested_at": "2026-03-02T09:30:00.125Z",
    "expires_at": "2026-03-02T09:40:00.125Z",
    "on_timeout": "deny",
    "hold": True,
    "does": ["deletes from public.orders"],
    "undoing": "Only row by row, by who knows the old values.",
    "intents": ["write"],
    "statements": ["delete"],
    "tables": ["public.orders"],
    "columns": ["public.orders.id"],
    "functions": [],
    "programs": [],
    "methods": [],
    "paths": [],
    "verbs": [],
    "kinds_of_object": [],
    "namespaces": [],
    "probed": [],
    "unproven": [],
    "reviewers": ["dba"],
    "all_of": [],
    "approvals_needed": 1,
    "afterwards": False,
    "is_overdue": False,
    "then": [],
    "stage": 1,
    "deciders": ["dba"],
    "escalates_at": None,
    "escalates_to": [],
    "decisions": [],
    "decided_by": [],
    "comment": "",
    "settled_at": None,
    "digest": "5d41…",
    "session": "0198f3c2-7a10-7cc1-b3a1-2f0f35a0e7d1",
    "command_id": "0198f3c2-7a44-7d02-8d7a-9a1e4b6f2c33",
    "client_address": "127.0.0.1:53122",
    "context": {"role": "app", "search_path": "public"},
    "pattern": "delete from orders where id = ‹value›",
    "access": None,
    "grants": {"kinds": ["pattern"], "seconds": 3600, "uses": 20},
    "granted": None,
    "can_decide": True,
    "cannot_decide_because": None,
    "can_revoke": False,
}


class DecisionView(BaseModel):
    """One reviewer's answer."""

    reviewer: str
    answer: Answer
    comment: str
    time: datetime


class AccessView(BaseModel):
    """A window of time in which the requester's commands of the `intents` need no review."""

    seconds: float
    starts_at: datetime | None = Field(description="null: from the approval on")


class GrantLimitsView(BaseModel):
    """What the rules permit reviewers to grant."""

    kinds: list[GrantKind]
    seconds: float = Field(description="at most this long")
    uses: int | None = Field(description="at most this many; null: as many as come")


class GrantOffer(BaseModel):
    """What is granted along with an approval: commands of this pattern, or reading in this session. Of
    several reviewers all must grant the same kind; the shortest time and the fewest uses count."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal[GrantKind.PATTERN, GrantKind.SESSION]
    seconds: float = Field(gt=0)
    uses: int | None = Field(default=None, ge=1, description="null: as many as come")

    def terms(self) -> GrantTerms:
        return GrantTerms(self.kind, self.seconds, self.uses)


class StageView(BaseModel):
    """A further stage of a review."""

    reviewers: list[str]
    all_of: list[str]
    approvals_needed: int


class ApprovalView(BaseModel):
    """One request for review. Names and meanings stay; more may be added."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    state: ApprovalState
    principal: str = Field(description="who asks")
    principal_kind: PrincipalKind
    acts_for: str = Field(description="the person for whom an agent asks, who cannot decide it either")
    groups: list[str]
    resource: str
    protocol: str
    command: str = Field(description="the whole text; sensitive literals are placeholders")
    parameters: list[str | None]
    reason: str = Field(
        description="why the requester wants it, in their words; empty where they did not say"
    )
    ticket: str = Field(description="the ticket they named with it")
    unmask: list[str] = Field(description="columns that an approval shows unmasked in this command's answer")
    rule: str = Field(description="the rule that asks for the review")
    policy_version: str
    requested_at: datetime
    expires_at: datetime
    on_timeout: Fallback = Field(description="what happens when nobody decides in time")
    hold: bool = Field(description="whether its client waits; false: it runs once it is asked for again")
    afterwards: bool = Field(description="it ran at once, by break-glass, and is reviewed after the fact")
    is_overdue: bool = Field(description="whether it waits for a day to be reviewed afterwards")
    does: list[str] = Field(description="what it does in plain words, the heaviest first")
    undoing: str = Field(description="whether what it does can be undone")
    intents: list[Intent]
    statements: list[str]
    tables: list[str]
    columns: list[str]
    functions: list[str]
    programs: list[str]
    methods: list[str]
    paths: list[str]
    verbs: list[str]
    kinds_of_object: list[str]
    namespaces: list[str] = Field(description="of a cluster; *: all of them")
    probed: list[str]
    unproven: list[str] = Field(description="why the gateway cannot prove all that the command does")
    reviewers: list[str] = Field(description="groups, any of which may decide")
    all_of: list[str] = Field(description="groups, of each of which a person of its own must approve")
    approvals_needed: int
    then: list[StageView] = Field(description="further stages, each after the one before")
    stage: int | None = Field(description="the stage that waits, from 1; null where all have approved")
    deciders: list[str] = Field(description="groups, any of which may decide now")
    escalates_at: datetime | None = Field(description="when members of `escalates_to` may decide, too")
    escalates_to: list[str]
    decisions: list[DecisionView]
    decided_by: list[str] = Field(description="whose decisions settled it")
    comment: str = Field(description="of the decision that settled it")
    settled_at: datetime | None
    digest: str = Field(description="SHA-256 of the command's canonical form: what a decision is for")
    session: str
    command_id: str
    client_address: str
    context: dict[str, str] = Field(description="what the meaning of the text depends on")
    pattern: str = Field(description="what a grant of kind pattern is for; empty where there can be none")
    access: AccessView | None = Field(description="no command waits: this window of time is asked for")
    grants: GrantLimitsView | None = Field(description="what may be granted along with an approval")
    granted: GrantOffer | None = Field(description="what was granted along with it")
    can_decide: bool = Field(description="whether the one who asks may decide it now")
    cannot_decide_because: str | None
    can_revoke: bool = Field(description="whether the one who asks may take back that it was approved")


Repeatable = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        description="with it a decision may be sent again: the repeat answers what became of the first",
    ),
]

State = Literal["pending", "approved", "rejected", "timed_out", "withdrawn", "revoked", "all"]


def clean_comment(comment: str) -> str:
    """The comment, which ends up in the requester's terminal. Raises ValueError for control characters."""
    comment = comment.replace("\r\n", "\n").strip()
    if any(is_odd(character) for character in comment if character not in "\n\t"):
        raise ValueError("expected text without control or invisible characters")
    if len(comment) > LONGEST_COMMENT:
        raise ValueError(f"expected at most {LONGEST_COMMENT} characters")
    return comment


class Decide(BaseModel):
    """A decision. Give the digest of what was shown, and nothing else can be decided by it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"comment": "OPS-12, fine", "digest": "5d41…"}]}
    )

    comment: Annotated[str, AfterValidator(clean_comment)] = ""
    digest: str | None = None


class Approve(Decide):
    """An approval, and what is granted along with it."""

    grant: GrantOffer | None = None


def view(approval: Approval, who: Principal, now: datetime) -> ApprovalView:
    """The approval as `who` gets to see it."""
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
        can_decide=hindrance is None,
        cannot_decide_because=hindrance.reason if hindrance else None,
        can_revoke=obstacle_to_revoking(who, approval, now) is None,
    )


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


def routes(desk: Desk, past: Past, sign_in: SignIn, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/approvals", tags=["approvals"])
    identifier = Path(
        description=f"the id, or at least its first {SHORTEST_PREFIX} characters",
        min_length=SHORTEST_PREFIX,
        max_length=36,
    )
    reading = documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)
    deciding = reading | documented(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.GATEWAY_TIMEOUT)

    async def answer(given: str, who: Principal, review: Review, key: str | None) -> ApprovalView:
        if key is not None:
            before = await past.find(desk, given, who)
            if is_repeat(before, who, review):
                return view(before, who, clock())
        return view(await desk.decide(given, who, review), who, clock())

    @router.get("", responses=reading)
    async def list_approvals(
        response: Response,
        who: Annotated[Principal, Depends(sign_in)],
        state: Annotated[State, Query()] = "pending",
        limit: Annotated[int | None, Query(ge=1, le=1000, description="without it: all")] = None,
        cursor: Annotated[str, Query(description="from the Link of the page before")] = "",
    ) -> list[ApprovalView]:
        """What you may see: pending, longest waiting first; the newest 1,000 settled, newest first.

        With a limit, `Link: <…>; rel="next"` leads to those that follow.
        """
        found = [a for a in desk.visible_to(who) if state in ("all", a.state.value)]
        if cursor:
            found = after(found, cursor)
        if limit is not None and len(found) > limit:
            found = found[:limit]
            query = {"state": state, "limit": str(limit)}
            response.headers["Link"] = link_to_next("/api/approvals", query, cursor_at(found[-1]))
        return [view(a, who, clock()) for a in found]

    @router.get("/{approval}", responses=reading | {304: {"description": "as it was"}})
    async def show_approval(
        approval: Annotated[str, identifier],
        who: Annotated[Principal, Depends(sign_in)],
        response: Response,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> ApprovalView:
        """One approval, however long ago it was. Its ETag changes when it does."""
        found = view(await past.find(desk, approval, who), who, clock())
        tag = etag(found)
        if if_none_match is not None and tag in {given.strip() for given in if_none_match.split(",")}:
            # RFC 9110, section 15.4.5
            raise HTTPException(HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
        response.headers["ETag"] = tag
        return found

    @router.post("/{approval}/approve", responses=deciding)
    async def approve(
        approval: Annotated[str, identifier],
        who: Annotated[Principal, Depends(sign_in)],
        decide: Approve | None = None,
        idempotency_key: Repeatable = None,
    ) -> ApprovalView:
        """Lets the command run, once enough reviewers say so. Answers when that is settled, or recorded."""
        decide = decide or Approve()
        grant = decide.grant.terms() if decide.grant is not None else None
        review = Review(Answer.APPROVE, decide.comment, decide.digest, grant)
        return await answer(approval, who, review, idempotency_key)

    @router.post("/{approval}/reject", responses=deciding)
    async def reject(
        approval: Annotated[str, identifier],
        who: Annotated[Principal, Depends(sign_in)],
        decide: Decide,
        idempotency_key: Repeatable = None,
    ) -> ApprovalView:
        """Refuses the command; the comment, which is required, tells the requester why."""
        if not decide.comment:
            raise comment_missing(Answer.REJECT)
        review = Review(Answer.REJECT, decide.comment, decide.digest)
        return await answer(approval, who, review, idempotency_key)

    @router.post("/{approval}/revoke", responses=deciding)
    async def revoke(
        approval: Annotated[str, identifier],
        who: Annotated[Principal, Depends(sign_in)],
        decide: Decide,
        idempotency_key: Repeatable = None,
    ) -> ApprovalView:
        """Takes back an approval: a command not sent yet is refused, one that runs is cancelled; what has
        ended stays as it was. The comment is required."""
        if not decide.comment:
            raise comment_missing(Answer.REVOKE)
        review = Review(Answer.REVOKE, decide.comment, decide.digest)
        return await answer(approval, who, review, idempotency_key)

    return router


def etag(shown: ApprovalView) -> str:
    """The entity tag of what somebody was shown (RFC 9110, section 8.8.3)."""
    return f'"{hashlib.sha256(shown.model_dump_json().encode()).hexdigest()[:32]}"'


def is_repeat(approval: Approval, who: Principal, review: Review) -> bool:
    """Whether this very decision is recorded already, so that sending it again changes nothing."""
    if review.digest not in (None, approval.request.digest):
        return False
    if review.answer is Answer.REVOKE:
        end = approval.settlement
        return (
            end is not None
            and end.state is ApprovalState.REVOKED
            and (end.decided_by, end.comment) == ((who.name,), review.comment)
        )
    granted = approval.settlement.grant if approval.settlement is not None else None
    if review.grant is not None and review.grant != granted:
        return False
    said = approval.decision_of(who.name)
    return said is not None and (said.answer, said.comment) == (review.answer, review.comment)


def cursor_at(approval: Approval) -> str:
    """Where a list goes on after this one: whether it waited, since when in microseconds, and its id."""
    waits = "w" if approval.settlement is None else "s"
    return f"{waits}.{int(approval.request.envelope.time.timestamp() * 1_000_000)}.{approval.id}"


def after(found: Sequence[Approval], cursor: str) -> list[Approval]:
    """Those that follow a cursor in a list: what waits, longest first, then what is settled, newest first.

    One that has been settled meanwhile is where it was. Raises Problem for a cursor of somebody else's.
    """
    waited, since, id = [*cursor.split("."), "", ""][:3]
    if waited not in ("w", "s") or not since.isdecimal():
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "unknown-cursor",
            "The cursor is not one that this list gave.",
            "Follow the Link of the page before, or begin without a cursor.",
        )
    settled = [approval for approval in found if approval.settlement is not None]
    if waited == "s":
        place = next((number for number, approval in enumerate(settled) if approval.id == id), len(settled))
        return settled[place + 1 :]
    waiting = [approval for approval in found if approval.settlement is None]
    place = next((number + 1 for number, approval in enumerate(waiting) if approval.id == id), 0)
    later = [a for a in waiting[place:] if place or cursor_at(a).split(".")[1] > since]
    return [*later, *settled]


def comment_missing(answer: Answer) -> Problem:
    what = "revocation" if answer is Answer.REVOKE else "rejection"
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "comment-missing",
        f"A {what} needs a comment.",
        "Say in `comment` why, and what the requester should do instead.",
    )
