"""Sessions: who was connected to what, and the commands that were asked for."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field

from api.audit import AuditLog, Row
from api.auth import SignIn
from api.paging import link_to_next
from api.problems import documented
from schemas.vocabulary import Principal

MOST_COMMANDS = 1000

_ID = "0198f3c2-7a10-7cc1-b3a1-2f0f35a0e7d1"

Identifier = Annotated[
    str,
    Path(
        description="the id, or how it begins where that is enough",
        min_length=8,
        max_length=36,
        pattern="^[0-9A-Fa-f-]+$",
        examples=[_ID],
    ),
]


class SessionView(BaseModel):
    """One client connection by one principal to one resource."""

    id: str = Field(examples=[_ID])
    principal: str = Field(examples=["agent-7"])
    principal_kind: str = Field(examples=["agent"])
    groups: list[str] = Field(examples=[["agents"]])
    resource: str = Field(examples=["orders"])
    protocol: str = Field(examples=["postgres"])
    database: str = Field(examples=["orders"])
    client_address: str = Field(examples=["127.0.0.1:53122"])
    client_name: str = Field(examples=["psql"])
    state: Literal["open", "closed", "lost"] = Field(description="lost: its ingress is gone")
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str = Field(examples=["the client left"])


class CommandView(BaseModel):
    """One command, what was decided on it, and what came of it."""

    id: str
    text: str = Field(description="sensitive literals are placeholders")
    parameters: list[str | None]
    intents: list[str]
    statements: list[str]
    tables: list[str]
    verdict: str = Field(description="allow, review (not decided yet) or deny; empty before the verdict")
    rule: str
    approval: str
    decided_by: list[str]
    comment: str
    outcome: str = Field(
        description="succeeded, failed, unknown, refused, abandoned, held or running", examples=["succeeded"]
    )
    message: str = Field(description="of the rule that denied")
    rows: int
    bytes: int
    masked: int = Field(description="how many values were masked in the answer")
    milliseconds: float
    error_code: str
    error: str
    requested_at: datetime
    decided_at: datetime | None
    finished_at: datetime | None


def session_view(row: Row) -> SessionView:
    """A row of the view `sessions`."""
    return SessionView.model_validate({**row, "id": row["session"]})


def command_view(row: Row) -> CommandView:
    """A row of the view `commands`."""
    return CommandView.model_validate({**row, "id": row["command"]})


def routes(audit_log: AuditLog, sign_in: SignIn) -> APIRouter:
    router = APIRouter(prefix="/sessions", tags=["sessions"])
    problems = documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE)
    of_one = problems | documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)

    @router.get("", responses=problems)
    async def list_sessions(
        response: Response,
        who: Annotated[Principal, Depends(sign_in)],
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
        cursor: Annotated[str, Query(description="from the Link of the page before")] = "",
    ) -> list[SessionView]:
        """The newest sessions you may see: your own, those on resources you review, for auditors all.
        `Link: <…>; rel="next"` leads to older ones."""
        rows = await audit_log.sessions(who, limit, before=cursor)
        if len(rows) == limit:
            response.headers["Link"] = link_to_next(
                "/api/sessions", {"limit": str(limit)}, rows[-1]["session"]
            )
        return [session_view(row) for row in rows]

    @router.get("/{session}", responses=of_one)
    async def show_session(session: Identifier, who: Annotated[Principal, Depends(sign_in)]) -> SessionView:
        """One session."""
        return session_view(await audit_log.session(who, session))

    @router.get("/{session}/commands", responses=of_one)
    async def list_commands(
        session: Identifier,
        who: Annotated[Principal, Depends(sign_in)],
        after: Annotated[str, Query(description="the id of the last command you have")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST_COMMANDS)] = MOST_COMMANDS,
    ) -> list[CommandView]:
        """A session's commands in the order they came; an empty list after the last."""
        row = await audit_log.session(who, session)
        return [command_view(found) for found in await audit_log.commands(row["session"], after, limit)]

    return router
