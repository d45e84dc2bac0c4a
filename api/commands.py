"""Commands of all sessions, for auditors: search, page by page."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.responses import Response

from api.audit import AuditLog
from api.auth import SignIn
from api.paging import link_to_next
from api.problems import documented
from api.sessions import CommandView, command_view
from infra.clock import Clock
from projections.queries import Search
from schemas.vocabulary import Principal

MOST = 100  # on a page
_USUAL = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for; an empty string stands for all."""

    principal: str = ""
    resource: str = ""
    verdict: str = ""
    outcome: str = ""
    text: str = ""


class FoundCommand(CommandView):
    """A command, and whose it is."""

    session: str
    principal: str = Field(examples=["agent-7"])
    resource: str = Field(examples=["orders"])


def search_of(asked: Asked, since: datetime, until: datetime) -> Search:
    """The search in the audit log."""
    return Search(
        since=since,
        until=until,
        principal=asked.principal.strip(),
        resource=asked.resource.strip(),
        verdict=asked.verdict,
        outcome=asked.outcome,
        text=asked.text.strip(),
    )


def routes(audit_log: AuditLog, sign_in: SignIn, clock: Clock) -> APIRouter:
    router = APIRouter(tags=["audit"])

    @router.get(
        "/commands",
        responses=documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE),
    )
    async def find_commands(
        response: Response,
        who: Annotated[Principal, Depends(sign_in)],
        principal: str = "",
        resource: str = "",
        verdict: Annotated[str, Query(pattern="^(allow|review|deny)?$")] = "",
        outcome: str = "",
        text: Annotated[str, Query(description="a part of the command, in any case")] = "",
        since: Annotated[datetime | None, Query(description="without it: of the last 7 days")] = None,
        until: datetime | None = None,
        cursor: Annotated[str, Query(description="from the Link of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = MOST,
    ) -> list[FoundCommand]:
        """The commands that fit, newest first, for auditors. `Link: <…>; rel="next"` leads to older ones."""
        now = clock()
        asked = Asked(principal, resource, verdict, outcome, text)
        search = search_of(asked, since or (until or now) - _USUAL, until or now)
        rows = await audit_log.find_commands(who, search, cursor, limit)
        if len(rows) == limit:
            given = {
                "principal": principal,
                "resource": resource,
                "verdict": verdict,
                "outcome": outcome,
                "text": text,
                "since": search.since.isoformat(),
                "until": search.until.isoformat(),
                "limit": str(limit),
            }
            response.headers["Link"] = link_to_next("/api/commands", given, rows[-1]["command"])
        return [
            FoundCommand(
                **command_view(row).model_dump(),
                session=row["session"],
                principal=row["principal"],
                resource=row["resource"],
            )
            for row in rows
        ]

    return router
