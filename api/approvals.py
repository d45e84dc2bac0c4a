"""Approvals: what waits for a reviewer, and what became of it."""

import hashlib
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.auth import SignIn
from api.deciding import Desk, Review, clean_comment
from api.inbox import MOST_IDENTICAL, SHORTEST_PREFIX, Approval
from api.paging import link_to_next
from api.past import Past
from api.problems import Problem, documented
from api.repeating import Repeatable
from api.showing import view
from api.views import ApprovalView, GrantOffer
from infra.clock import Clock
from schemas.vocabulary import (
    Answer,
    ApprovalState,
    Principal,
)

State = Literal["pending", "approved", "rejected", "timed_out", "withdrawn", "revoked", "all"]


class Decide(BaseModel):
    """A decision. Give the digest of what was shown, and nothing else can be decided by it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"comment": "OPS-12, fine", "digest": "5d41…"}]}
    )

    comment: Annotated[str, AfterValidator(clean_comment)] = ""
    digest: str | None = None


_Identical = Annotated[
    list[str],
    Field(max_length=MOST_IDENTICAL, description="some of the approval's `identical`, answered likewise"),
]


class Approve(Decide):
    """An approval, and what is granted along with it."""

    grant: GrantOffer | None = None
    identical: _Identical = []


class Reject(Decide):
    """A rejection, and of what else."""

    identical: _Identical = []


def routes(desk: Desk, past: Past, sign_in: SignIn, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/approvals", tags=["approvals"])
    identifier = Path(
        description=f"the id, or at least its first {SHORTEST_PREFIX} characters",
        min_length=SHORTEST_PREFIX,
        max_length=36,
    )
    reading = documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)
    deciding = reading | documented(HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.GATEWAY_TIMEOUT)

    def shown(approval: Approval, who: Principal) -> ApprovalView:
        return view(approval, who, clock(), desk.identical(approval))

    async def answer(given: str, who: Principal, review: Review, key: str | None) -> ApprovalView:
        if key is not None:
            before = await past.find(desk, given, who)
            if is_repeat(before, who, review):
                await desk.decide_identical(before, who, review)
                return shown(before, who)
        return shown(await desk.decide(given, who, review), who)

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
        return [shown(a, who) for a in found]

    @router.get("/{approval}", responses=reading | {304: {"description": "as it was"}})
    async def show_approval(
        approval: Annotated[str, identifier],
        who: Annotated[Principal, Depends(sign_in)],
        response: Response,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> ApprovalView:
        """One approval, however long ago it was. Its ETag changes when it does."""
        found = shown(await past.find(desk, approval, who), who)
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
        review = Review(Answer.APPROVE, decide.comment, decide.digest, grant, tuple(decide.identical))
        return await answer(approval, who, review, idempotency_key)

    @router.post("/{approval}/reject", responses=deciding)
    async def reject(
        approval: Annotated[str, identifier],
        who: Annotated[Principal, Depends(sign_in)],
        decide: Reject,
        idempotency_key: Repeatable = None,
    ) -> ApprovalView:
        """Refuses the command; the comment, which is required, tells the requester why."""
        if not decide.comment:
            raise comment_missing(Answer.REJECT)
        review = Review(Answer.REJECT, decide.comment, decide.digest, identical=tuple(decide.identical))
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
