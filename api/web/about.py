"""The pages about the gateway itself: what an auditor looks for, the resources, and its health."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.audit import AuditLog, Row
from api.commands import MOST, Asked, search_of
from api.health import Readiness
from api.problems import Problem
from api.resources import Resources
from api.sessions import command_view
from api.web.site import Site


class AboutPages:
    """The pages over the configuration and the audit log. `readiness`: what the API needs, part by part."""

    def __init__(
        self,
        site: Site,
        audit_log: AuditLog,
        resources: Resources,
        readiness: Callable[[], Awaitable[Readiness]],
    ) -> None:
        self._site = site
        self._audit_log = audit_log
        self._resources = resources
        self._readiness = readiness

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.get("/audit")(self.audit)
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
        session = self._site.signed_in(request)
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

    async def gateway(self, request: Request) -> Response:
        session = self._site.signed_in(request)
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


def _since(days: str, now: datetime) -> datetime:
    number = int(days) if days.isdecimal() and len(days) < 5 else 7
    return now - timedelta(days=number)
