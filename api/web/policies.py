"""The pages of rules: those in force, a draft and what it would change, and proposals for another person."""

import asyncio
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.audit import AuditLog
from api.auth import WebSession
from api.deciding import clean_comment
from api.policies import USUAL, required, simulate
from api.problems import Problem
from api.publishing import LONGEST, Answered, Publishing
from api.showing_rules import simulation_view
from api.web.rules import rule_view
from api.web.site import Site
from infra.config import ConfigError
from processors.policy.publishing import Proposal
from schemas.vocabulary import Answer, ProposalState

_SHOWN = 20  # proposals on the page of rules


class PolicyPages:
    """The pages over the rules in force and the proposals."""

    def __init__(self, site: Site, publishing: Publishing, audit_log: AuditLog) -> None:
        self._site = site
        self._publishing = publishing
        self._audit_log = audit_log

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.get("/rules")(self.rules)
        router.post("/rules")(self.draft)
        router.get("/rules/{proposal}")(self.proposal)
        router.post("/rules/{proposal}")(self.decide)
        return router

    async def rules(self, request: Request) -> Response:
        session = self._site.signed_in(request)
        return self._rules_page(request, session)

    async def draft(
        self,
        request: Request,
        draft: Annotated[str, Form(max_length=LONGEST)] = "",
        comment: Annotated[str, Form()] = "",
        do: Annotated[Literal["check", "simulate", "propose"], Form()] = "check",
        form_token: Annotated[str, Form()] = "",
    ) -> Response:
        """Checks a draft, tries it on the newest commands, or proposes it."""
        session = self._site.posted_by(request, form_token)
        text, who, publishing = draft.replace("\r\n", "\n"), session.principal, self._publishing
        publishing.current(who)
        shown: dict[str, Any] = {"draft": text, "comment": comment}
        try:
            shown["drafted"] = await asyncio.to_thread(self._views, text)
            if do == "simulate":
                found = await simulate(publishing, self._audit_log, text, who, USUAL)
                shown["simulation"] = simulation_view(found, self._audit_log, who)
            elif do == "propose":
                proposed = await publishing.propose(who, text, _clean(comment))
                return RedirectResponse(f"/rules/{proposed.id}", HTTPStatus.SEE_OTHER)
        except ConfigError as error:
            shown["problems"] = error.problems
        except Problem as problem:
            shown["problem"] = problem
        return self._rules_page(request, session, **shown)

    async def proposal(self, request: Request, proposal: str) -> Response:
        session = self._site.signed_in(request)
        return await self._proposal_page(request, session, self._publishing.find(proposal, session.principal))

    async def decide(
        self,
        request: Request,
        proposal: str,
        answer: Annotated[Literal["approve", "reject", "simulate"], Form()],
        digest: Annotated[str, Form()] = "",
        comment: Annotated[str, Form()] = "",
        form_token: Annotated[str, Form()] = "",
    ) -> Response:
        """Approves or rejects a proposal, or tries it on the newest commands."""
        session = self._site.posted_by(request, form_token)
        who, publishing = session.principal, self._publishing
        found = publishing.find(proposal, who)
        shown: dict[str, Any] = {"comment": comment}
        try:
            if answer == "simulate":
                tried = await simulate(publishing, self._audit_log, found.proposed.text, who, USUAL)
                shown["simulation"] = simulation_view(tried, self._audit_log, who)
                return await self._proposal_page(request, session, found, **shown)
            said = _clean(comment) if answer == "approve" else required(_clean(comment))
            await publishing.decide(found.id, who, Answered(Answer(answer), digest, said))
        except Problem as problem:
            return await self._proposal_page(request, session, found, problem=problem, **shown)
        return RedirectResponse(f"/rules/{found.id}", HTTPStatus.SEE_OTHER)

    def _rules_page(self, request: Request, session: WebSession, **given: Any) -> Response:
        who, publishing = session.principal, self._publishing
        in_force = publishing.current(who)
        shown = {
            "draft": in_force.text,
            "comment": "",
            "problems": [],
            "problem": None,
            "drafted": (),
        } | given
        return self._site.page(
            request,
            "rules.html",
            _status(shown),
            session=session,
            in_force=in_force,
            rules=[rule_view(policy) for policy in in_force.policies],
            proposals=publishing.proposals(who)[:_SHOWN],
            publishers=publishing.publishers,
            cannot_propose=publishing.obstacle_to_proposing(who),
            longest=LONGEST,
            **{"simulation": None} | shown,
        )

    async def _proposal_page(
        self, request: Request, session: WebSession, found: Proposal, **given: Any
    ) -> Response:
        who, publishing, text = session.principal, self._publishing, found.proposed.text
        is_pending = found.state is ProposalState.PENDING
        shown = {"comment": "", "problem": None, "simulation": None} | given
        try:
            rules = await asyncio.to_thread(self._views, text)
        except ConfigError:
            rules = ()  # what was proposed once need not be good today; its text is shown
        return self._site.page(
            request,
            "proposal.html",
            _status(shown),
            session=session,
            proposal=found,
            # What it would change today, which need not be what it changed when it was proposed.
            diff=list(_diff_lines(publishing.diff(text) if is_pending else found.proposed.diff)),
            rules=rules,
            cannot_approve=publishing.obstacle(who, found, Answer.APPROVE),
            cannot_reject=publishing.obstacle(who, found, Answer.REJECT),
            can_simulate=not publishing.obstacle_to_proposing(who),
            **shown,
        )

    def _views(self, text: str) -> tuple[Any, ...]:
        """The rules of a text in words. Raises ConfigError."""
        return tuple(rule_view(policy) for policy in self._publishing.read(text).policies)


def _diff_lines(diff: str) -> Iterator[tuple[str, str]]:
    """Each line of a unified diff below its heading: "added", "removed" or nothing, and its text."""
    kinds = {"+": "added", "-": "removed"}
    for line in diff.split("\n")[2:]:
        yield kinds.get(line[:1], ""), line


def _status(shown: dict[str, Any]) -> HTTPStatus:
    if shown["problem"] is not None:
        problem: Problem = shown["problem"]
        return problem.status
    return HTTPStatus.UNPROCESSABLE_ENTITY if shown.get("problems") else HTTPStatus.OK


def _clean(comment: str) -> str:
    try:
        return clean_comment(comment)
    except ValueError as error:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "comment-unusable",
            f"The comment cannot be used: {error}.",
            "Nothing was changed. Write it anew.",
        ) from error
