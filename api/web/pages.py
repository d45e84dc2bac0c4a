"""The pages of requests, and of signing in. Each works without a script; a posted form answers with a
redirect or with the page again."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api.approvals import Decide, comment_missing
from api.auth import WebSession
from api.deciding import Desk, Review
from api.feed import Feed
from api.inbox import Approval
from api.issuing import Issuing
from api.originals import Original, Originals
from api.past import Background, Past
from api.pauses import Pauses
from api.plain_words import of_request, undoing_of
from api.problems import Problem
from api.showing import view
from api.stream import format_seen, reached
from api.views import ApprovalView, GrantOffer
from api.web import forms
from api.web.rows import Row, row_of, rows_of
from api.web.site import Site
from processors.grants.terms import why_not as why_not_granted
from schemas.events import ApprovalRequested
from schemas.vocabulary import Answer, ApprovalState, GrantTerms

ROWS = 100  # in a list of requests
_PATIENCE = 3.0  # seconds that the page of a request waits for the audit log
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Pages:
    """The pages over one desk."""

    def __init__(
        self,
        site: Site,
        feed: Feed,
        desk: Desk,
        past: Past,
        originals: Originals,
        pauses: Pauses,
        issuing: Issuing,
    ) -> None:
        self._site = site
        self._feed = feed
        self._desk = desk
        self._past = past
        self._originals = originals
        self._pauses = pauses
        self._issuing = issuing

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.get("/sign-in")(self.sign_in_page)
        router.post("/sign-in")(self.sign_in)
        router.post("/sign-out")(self.sign_out)
        router.get("/")(self.queue)
        router.get("/history")(self.history)
        router.get("/approvals/{approval}")(self.approval)
        router.post("/approvals/{approval}")(self.decide)
        router.post("/approvals/{approval}/original")(self.original)
        return router

    async def sign_in_page(self, request: Request, next: str = "/") -> Response:
        path = forms.local_path(next)
        return self._site.page(request, "sign_in.html", next=path, name="", problem=None)

    async def sign_in(
        self,
        request: Request,
        name: Annotated[str, Form()] = "",
        token: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "/",
    ) -> Response:
        forms.from_own_page(request)
        path = forms.local_path(next)
        name = name.strip()
        try:
            signed_in = await self._site.sign_in.by_form(request, name, token.strip())
        except Problem as problem:
            return self._site.page(
                request, "sign_in.html", problem.status, next=path, name=name, problem=problem
            )
        response = RedirectResponse(path, HTTPStatus.SEE_OTHER)
        self._site.sign_in.open_session(response, signed_in)
        return response

    async def sign_out(self, request: Request, form_token: Annotated[str, Form()] = "") -> Response:
        sign_in, session = self._site.sign_in, self._site.session(request)
        response: Response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
        if session is not None:
            forms.of_session(request, session, form_token)
            name = session.principal.name
            try:
                # A copy of the cookie is worth nothing, either.
                await self._issuing.revoke(name, name, "signed out", token=session.signed_in.token)
            except Problem as problem:
                response = self._site.page(request, "problem.html", problem.status, problem=problem)
        response.delete_cookie(sign_in.cookie, path="/", secure=sign_in.tls, httponly=True)
        return response

    async def queue(self, request: Request, after: str = "") -> Response:
        session = self._site.signed_in(request)
        seen = reached(
            self._feed.inbox, None
        )  # before the list is made: what comes meanwhile is told again, not missed
        now, who = self._site.clock(), session.principal
        rows = rows_of((a for a in self._desk.visible_to(who) if a.settlement is None), who, now)
        mine = [row for row in rows if row.is_mine]
        # A page of thousands would be of no use to anybody, and costs each reviewer's browser at each change.
        shown, rest = _page_after(mine, after)
        return self._site.page(
            request,
            "queue.html",
            session=session,
            mine=shown,
            waiting=len(mine),
            first=len(mine) - len(shown) - rest,
            rest=rest,
            others=[row for row in rows if not row.is_mine],
            most=ROWS,
            seen=format_seen(seen),
        )

    async def history(self, request: Request, before: str = "") -> Response:
        session = self._site.signed_in(request)
        who, problem = session.principal, None
        found: Sequence[Approval] = ()
        try:
            if before:
                found = await self._past.settled(who, _moment(before), ROWS)
            else:
                found = [a for a in self._desk.visible_to(who) if a.settlement is not None][:ROWS]
        except Problem as away:
            problem = away
        return self._site.page(
            request,
            "history.html",
            problem.status if problem else HTTPStatus.OK,
            session=session,
            approvals=[row_of(a, who, self._site.clock()) for a in found],
            older=_micros(min(a.request.envelope.time for a in found)) if found else None,
            is_first=not before,
            problem=problem,
        )

    async def approval(self, request: Request, approval: str) -> Response:
        session = self._site.signed_in(request)
        return await self._approval_page(request, session, approval)

    async def decide(
        self,
        request: Request,
        approval: str,
        answer: Annotated[Literal[Answer.APPROVE, Answer.REJECT, Answer.REVOKE], Form()],
        digest: Annotated[str, Form()],
        comment: Annotated[str, Form()] = "",
        grant: Annotated[str, Form()] = "",
        minutes: Annotated[str, Form()] = "",
        uses: Annotated[str, Form()] = "",
        identical: Annotated[str, Form()] = "",
        form_token: Annotated[str, Form()] = "",
    ) -> Response:
        session = self._site.posted_by(request, form_token)
        try:
            decide = _checked(comment, digest)
            if answer is not Answer.APPROVE and not decide.comment:
                raise comment_missing(answer)
            terms = _terms(grant, minutes, uses) if answer is Answer.APPROVE and grant else None
            review = Review(answer, decide.comment, decide.digest, terms, tuple(identical.split()))
            decided = await self._desk.decide(approval, session.principal, review)
        except Problem as problem:
            return await self._approval_page(request, session, approval, problem, comment)
        return RedirectResponse(f"/approvals/{decided.id}", HTTPStatus.SEE_OTHER)

    async def original(
        self, request: Request, approval: str, form_token: Annotated[str, Form()] = ""
    ) -> Response:
        """The page with the command's sensitive literals, for once."""
        session = self._site.posted_by(request, form_token)
        found = await self._past.find(self._desk, approval, session.principal)
        try:
            opened = self._originals.open(session.principal, found)
        except Problem as problem:
            return await self._approval_page(request, session, approval, problem)
        return await self._approval_page(request, session, approval, original=opened)

    def moved(self, request: Request, path: str) -> Response:
        """Goes on to `path` by itself, as a page of this site: a redirect after another site's would come
        without the session's cookie, which is for this site's own requests alone."""
        return self._site.page(request, "moved.html", to=path)

    async def _approval_page(
        self,
        request: Request,
        session: WebSession,
        given: str,
        problem: Problem | None = None,
        comment: str = "",
        original: Original | None = None,
    ) -> Response:
        found = await self._past.find(self._desk, given, session.principal)
        background = await self._background(found)
        identical = self._desk.identical(found)
        shown: ApprovalView = view(found, session.principal, self._site.clock(), identical)
        return self._site.page(
            request,
            "approval.html",
            problem.status if problem is not None else HTTPStatus.OK,
            session=session,
            approval=shown,
            says=of_request(found.request),
            undo=undoing_of(found.request),
            offers=_offers(found.request) if shown.can_decide else [],
            background=background,
            original=original,
            may_lift=self._pauses.may_lift(session.principal, found),
            may_open=self._site.access.opens(session.principal, found),
            pending=shown.state is ApprovalState.PENDING,
            seen=format_seen(reached(self._feed.inbox, None)),
            problem=problem,
            comment=comment,
        )

    async def _background(self, approval: Approval) -> Background | None:
        """What was before it; None where the audit log does not say in time: the decision needs it not."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._past.background(approval.request)
        except TimeoutError:
            return None
        except Problem as away:
            if away.status is not HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return None


def _offers(request: ApprovalRequested) -> list[str]:
    """What may be granted along with an approval."""
    limits = request.grants
    if limits is None:
        return []
    most = (GrantTerms(kind, limits.seconds, limits.uses) for kind in limits.kinds)
    return [terms.kind.value for terms in most if not why_not_granted(request, terms)]


def _terms(kind: str, minutes: str, uses: str) -> GrantTerms:
    try:
        return GrantOffer.model_validate(
            {"kind": kind, "seconds": float(minutes) * 60, "uses": int(uses) if uses.strip() else None}
        ).terms()
    except ValueError as error:  # pydantic's is one, too
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "malformed-grant",
            "What is to be granted needs minutes, and a whole number of uses or none.",
            "Change them and decide again; nothing was decided.",
        ) from error


def _page_after(rows: list[Row], after: str) -> tuple[list[Row], int]:
    """The rows of one page, those after the row with this id, and how many follow it."""
    first = next((number + 1 for number, row in enumerate(rows) if row.id == after), 0)
    shown = rows[first : first + ROWS]
    return shown, len(rows) - first - len(shown)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(given: str) -> datetime:
    """The moment of a link to older requests."""
    try:
        return _EPOCH + timedelta(microseconds=int(given))
    except (ValueError, OverflowError) as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "unknown-moment",
            "The link to older requests is not one that this page gave.",
            "Go to the history, and on from there.",
        ) from error


def _checked(comment: str, digest: str) -> Decide:
    try:
        return Decide(comment=comment, digest=digest)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "malformed-comment",
            f"The comment cannot be used: {reason}.",
            "Change the comment and decide again.",
        ) from error
