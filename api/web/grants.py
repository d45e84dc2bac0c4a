"""The page of grants: what reviewers let through beforehand, and how one ends."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.auth import WebSession
from api.grants import Grants
from api.problems import Problem
from api.register import GrantState
from api.web import forms
from api.web.site import Site

_OPEN = (GrantState.ACTIVE, GrantState.UPCOMING)


class GrantPages:
    """The page over the register of grants."""

    def __init__(self, site: Site, grants: Grants) -> None:
        self._site = site
        self._grants = grants

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.get("/grants")(self.grants)
        router.post("/grants/{grant}")(self.revoke)
        return router

    async def grants(self, request: Request, state: str = "open") -> Response:
        session = self._site.signed_in(request)
        return await self._page(request, session, is_all=state == "all")

    async def revoke(
        self,
        request: Request,
        grant: str,
        reason: Annotated[str, Form()] = "",
        form_token: Annotated[str, Form()] = "",
    ) -> Response:
        session = self._site.posted_by(request, form_token)
        try:
            await self._grants.revoke(grant, session.principal, forms.reason(reason, "it ends"))
        except Problem as problem:
            return await self._page(request, session, problem=problem)
        return RedirectResponse("/grants?state=all", HTTPStatus.SEE_OTHER)

    async def _page(
        self, request: Request, session: WebSession, *, is_all: bool = False, problem: Problem | None = None
    ) -> Response:
        who, now = session.principal, self._grants.clock()
        found = [entry for entry in self._grants.visible_to(who) if is_all or entry.state(now) in _OPEN]
        return self._site.page(
            request,
            "grants.html",
            problem.status if problem is not None else HTTPStatus.OK,
            session=session,
            grants=await self._grants.views(found, who),
            is_all=is_all,
            problem=problem,
        )
