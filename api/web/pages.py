"""The pages. Each works without a script; a posted form answers with a redirect or with the page again."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from api.approvals import ApprovalView, Decide, comment_missing, view
from api.audit import AuditLog
from api.auth import SignIn, WebSession
from api.deciding import Desk, Review
from api.issuing import Issuing
from api.problems import Problem
from api.sessions import MOST_COMMANDS, command_view, session_view
from api.visible import on_one_line, pieces
from api.web import forms, words
from infra.clock import Clock
from schemas.vocabulary import Answer, ApprovalState, Principal

_FOLDER = Path(__file__).parent
_ROWS = 100  # in a list of requests
_SESSIONS = 200  # the newest in the list
_PREVIEW = 160  # characters of a command in a list; the page of the request has all of them


def static_files() -> StaticFiles:
    return StaticFiles(directory=_FOLDER / "static")


class Pages:
    """The pages over one desk."""

    def __init__(
        self,
        desk: Desk,
        sign_in: SignIn,
        issuing: Issuing,
        audit_log: AuditLog,
        clock: Clock,
        *,
        single_sign_on: bool,
    ) -> None:
        self._desk = desk
        self._sign_in = sign_in
        self._issuing = issuing
        self._audit_log = audit_log
        self._clock = clock
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "pieces": pieces,
            "preview": lambda text: on_one_line(text, _PREVIEW),
            "moment": words.moment,
            "duration": words.duration,
            "left": lambda until: words.time_left(until, self._clock()),
        }
        self._templates.globals |= {
            "INTENTS": words.INTENTS,
            "STATES": words.STATES,
            "single_sign_on": single_sign_on,
        }

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.get("/sign-in")(self.sign_in_page)
        router.post("/sign-in")(self.sign_in)
        router.post("/sign-out")(self.sign_out)
        router.get("/")(self.queue)
        router.get("/history")(self.history)
        router.get("/approvals/{approval}")(self.approval)
        router.post("/approvals/{approval}")(self.decide)
        router.get("/sessions")(self.sessions)
        router.get("/sessions/{recorded}")(self.recorded_session)
        return router

    async def sign_in_page(self, request: Request, next: str = "/") -> Response:
        return self._page(request, "sign_in.html", next=forms.local_path(next), name="", problem=None)

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
            signed_in = await self._sign_in.by_form(request, name, token.strip())
        except Problem as problem:
            return self._page(request, "sign_in.html", problem.status, next=path, name=name, problem=problem)
        response = RedirectResponse(path, HTTPStatus.SEE_OTHER)
        self._sign_in.open_session(response, signed_in)
        return response

    async def sign_out(self, request: Request, form_token: Annotated[str, Form()] = "") -> Response:
        session = self._sign_in.web_session(request)
        response: Response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
        if session is not None:
            forms.of_session(request, session, form_token)
            name = session.principal.name
            try:
                # A copy of the cookie is worth nothing, either.
                await self._issuing.revoke(name, name, "signed out", token=session.signed_in.token)
            except Problem as problem:
                response = self._page(request, "problem.html", problem.status, problem=problem)
        response.delete_cookie(self._sign_in.cookie, path="/", secure=self._sign_in.tls, httponly=True)
        return response

    async def queue(self, request: Request) -> Response:
        session = self._sign_in.web_session(request)
        if session is None:
            return _to_sign_in(request)
        approvals = self._approvals(session.principal, settled=False)
        mine = [approval for approval in approvals if approval.can_decide]
        others = [approval for approval in approvals if not approval.can_decide]
        # A page of thousands would be of no use to anybody, and costs each reviewer's browser at each change.
        return self._page(request, "queue.html", session=session, mine=mine, others=others, most=_ROWS)

    async def history(self, request: Request) -> Response:
        session = self._sign_in.web_session(request)
        if session is None:
            return _to_sign_in(request)
        approvals = self._approvals(session.principal, settled=True)
        return self._page(request, "history.html", session=session, approvals=approvals[:_ROWS])

    async def approval(self, request: Request, approval: str) -> Response:
        session = self._sign_in.web_session(request)
        if session is None:
            return _to_sign_in(request)
        return self._approval_page(request, session, approval)

    async def decide(
        self,
        request: Request,
        approval: str,
        answer: Annotated[Answer, Form()],
        digest: Annotated[str, Form()],
        comment: Annotated[str, Form()] = "",
        form_token: Annotated[str, Form()] = "",
    ) -> Response:
        session = self._sign_in.web_session(request)
        if session is None:
            return _to_sign_in(request)
        forms.of_session(request, session, form_token)
        try:
            decide = _checked(comment, digest)
            if answer is not Answer.APPROVE and not decide.comment:
                raise comment_missing(answer)
            review = Review(answer, decide.comment, decide.digest)
            decided = await self._desk.decide(approval, session.principal, review)
        except Problem as problem:
            return self._approval_page(request, session, approval, problem, comment)
        return RedirectResponse(f"/approvals/{decided.id}", HTTPStatus.SEE_OTHER)

    async def sessions(self, request: Request) -> Response:
        session = self._sign_in.web_session(request)
        if session is None:
            return _to_sign_in(request)
        rows, problem = [], None
        try:
            rows = await self._audit_log.sessions(session.principal, _SESSIONS)
        except Problem as away:
            problem = away
        status = problem.status if problem is not None else HTTPStatus.OK
        found = [session_view(row) for row in rows]
        return self._page(request, "sessions.html", status, session=session, found=found, problem=problem)

    async def recorded_session(self, request: Request, recorded: str, after: str = "") -> Response:
        session = self._sign_in.web_session(request)
        if session is None:
            return _to_sign_in(request)
        row = await self._audit_log.session(session.principal, recorded)
        rows = await self._audit_log.commands(row["session"], after, MOST_COMMANDS)
        return self._page(
            request,
            "session.html",
            session=session,
            recorded=session_view(row),
            commands=[command_view(found) for found in rows],
            has_more=len(rows) == MOST_COMMANDS,
        )

    def moved(self, request: Request, path: str) -> Response:
        """Goes on to `path` by itself, as a page of this site: a redirect after another site's would come
        without the session's cookie, which is for this site's own requests alone."""
        return self._page(request, "moved.html", to=path)

    def problem(self, request: Request, problem: Problem) -> Response:
        """The page for an error anywhere on the site."""
        try:
            session = self._sign_in.web_session(request)
        except Problem:
            session = None
        return self._page(request, "problem.html", problem.status, session=session, problem=problem)

    def _approvals(self, who: Principal, *, settled: bool) -> list[ApprovalView]:
        now = self._clock()
        return [
            view(a, who, now) for a in self._desk.visible_to(who) if (a.settlement is not None) == settled
        ]

    def _approval_page(
        self,
        request: Request,
        session: WebSession,
        given: str,
        problem: Problem | None = None,
        comment: str = "",
    ) -> Response:
        approval = view(self._desk.find(given, session.principal), session.principal, self._clock())
        status = problem.status if problem is not None else HTTPStatus.OK
        return self._page(
            request,
            "approval.html",
            status,
            session=session,
            approval=approval,
            pending=approval.state is ApprovalState.PENDING,
            problem=problem,
            comment=comment,
        )

    def _page(
        self,
        request: Request,
        template: str,
        status: int = HTTPStatus.OK,
        *,
        session: WebSession | None = None,
        **values: Any,
    ) -> Response:
        html = self._templates.get_template(template).render(session=session, path=request.url.path, **values)
        return HTMLResponse(html, status)


def _to_sign_in(request: Request) -> Response:
    path = request.url.path if request.method == "GET" else "/"
    return RedirectResponse(f"/sign-in?next={quote(path)}", HTTPStatus.SEE_OTHER)


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
