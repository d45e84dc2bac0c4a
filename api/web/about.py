"""The pages about the gateway itself: what an auditor looks for, the rules, the resources, and its health."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api.audit import AuditLog, Row
from api.auth import WebSession
from api.commands import MOST, Asked, search_of
from api.health import Readiness
from api.problems import Problem
from api.resources import Resources
from api.sessions import command_view
from api.web import forms
from api.web.drafts import check_draft
from api.web.rules import rule_view
from api.web.site import Site, to_sign_in
from infra.config import Policy
from schemas.vocabulary import PrincipalKind


class AboutPages:
    """The pages over the configuration and the audit log. `readiness`: what the API needs, part by part."""

    def __init__(
        self,
        site: Site,
        audit_log: AuditLog,
        policies: Sequence[Policy],
        resources: Resources,
        readiness: Callable[[], Awaitable[Readiness]],
    ) -> None:
        self._site = site
        self._audit_log = audit_log
        self._rules = tuple(rule_view(policy) for policy in policies)
        self._resources = resources
        self._readiness = readiness

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.get("/audit")(self.audit)
        router.get("/rules")(self.rules)
        router.post("/rules")(self.check_rules)
        router.get("/gateway")(self.gateway)
        return router

    async def audit(
        self,
        request: Request,
        principal: str = "",
        resource: str = "",
        verdict: str = "",
        outcome: str = "",
        text: str = "",
        days: str = "",
        before: str = "",
    ) -> Response:
        session = self._site.session(request)
        if session is None:
            return to_sign_in(request)
        asked = Asked(principal, resource, verdict, outcome, text)
        found, problem = [], None
        try:
            search = search_of(asked, _since(days, self._site.clock()), self._site.clock())
            found = await self._audit_log.find_commands(session.principal, search, before, MOST)
        except Problem as refused:
            if refused.status is HTTPStatus.FORBIDDEN:
                raise
            problem = refused
        return self._site.page(
            request,
            "audit.html",
            problem.status if problem is not None else HTTPStatus.OK,
            session=session,
            asked=asked,
            days=days or "7",
            commands=[(row, command_view(row)) for row in found],
            has_more=len(found) == MOST,
            problem=problem,
        )

    async def rules(self, request: Request) -> Response:
        session = self._site.session(request)
        if session is None:
            return to_sign_in(request)
        _for_persons(session)
        return self._rules_page(request, session)

    async def check_rules(
        self,
        request: Request,
        draft: Annotated[str, Form()] = "",
        form_token: Annotated[str, Form()] = "",
    ) -> Response:
        """Says whether a draft of rules is good; nothing else becomes of it."""
        session = self._site.session(request)
        if session is None:
            return to_sign_in(request)
        forms.of_session(request, session, form_token)
        _for_persons(session)
        problems, rules = await asyncio.to_thread(check_draft, draft.replace("\r\n", "\n"))
        return self._rules_page(request, session, draft=draft, problems=problems, drafted=rules)

    def _rules_page(self, request: Request, session: WebSession, **draft: Any) -> Response:
        shown = {"draft": "", "problems": [], "drafted": (), **draft}
        status = HTTPStatus.UNPROCESSABLE_ENTITY if shown["problems"] else HTTPStatus.OK
        return self._site.page(request, "rules.html", status, session=session, rules=self._rules, **shown)

    async def gateway(self, request: Request) -> Response:
        session = self._site.session(request)
        if session is None:
            return to_sign_in(request)
        nodes: list[Row] = []
        readiness = await self._readiness()
        if readiness.audit_log == "ok":
            nodes = await self._audit_log.nodes()
        return self._site.page(
            request,
            "gateway.html",
            session=session,
            readiness=readiness,
            nodes=nodes,
            resources=self._resources.served,
        )


def _for_persons(session: WebSession) -> None:
    if session.principal.kind is not PrincipalKind.PERSON:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "for-persons",
            "The rules are shown to persons.",
            "A refusal names the rule, and what to do.",
        )


def _since(days: str, now: datetime) -> datetime:
    number = int(days) if days.isdecimal() and len(days) < 5 else 7
    return now - timedelta(days=number)
