"""Ending a session that is open: who may, and the order to every ingress.

The order is a revocation of the session itself: what a client's sign-in permits ends for this connection, as
it does when its token is revoked, and each ingress hears it within moments. The audit log has the reason.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, ConfigDict

from api.access import Access
from api.audit import AuditLog, Row
from api.auth import SignIn
from api.deciding import clean_comment
from api.issuing import Issuing
from api.problems import Problem, documented
from api.sessions import Identifier, SessionView, session_view
from schemas.vocabulary import Principal


class EndSession(BaseModel):
    """Why a session is ended: its client is told."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "it scans"}]})

    reason: Annotated[str, AfterValidator(clean_comment)]


class Ending:
    """Ends sessions. Its methods raise Problem."""

    def __init__(self, audit_log: AuditLog, access: Access, issuing: Issuing) -> None:
        self._audit_log = audit_log
        self._access = access
        self._issuing = issuing

    def may_end(self, who: Principal, row: Row) -> bool:
        """Its own principal, and those who review commands on its resource."""
        return who.name == row["principal"] or row["resource"] in self._access.resources_reviewed(who)

    async def end(self, who: Principal, given: str, reason: str) -> Row:
        """Orders the session's end; the row is as it was before."""
        row = await self._audit_log.session(who, given)
        if not self.may_end(who, row):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "not-yours-to-end",
                f"Session {row['session']} is ended by its own principal, or by who reviews commands on "
                f"{row['resource']}.",
                "Ask one of them.",
            )
        if row["state"] != "open":
            raise Problem(
                HTTPStatus.CONFLICT,
                "session-over",
                f"Session {row['session']} is {row['state']}.",
                "Nothing is left to end.",
            )
        try:
            reason = clean_comment(reason)
        except ValueError as error:
            raise _reason_needed(f"The reason cannot be used: {error}.") from error
        if not reason:
            raise _reason_needed("To end a session needs a reason.")
        await self._issuing.revoke(row["principal"], who.name, reason, token=row["session"])
        return row

    def router(self, sign_in: SignIn) -> APIRouter:
        router = APIRouter(prefix="/sessions", tags=["sessions"])
        problems = documented(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.CONFLICT,
            HTTPStatus.SERVICE_UNAVAILABLE,
        )

        @router.post("/{session}/end", status_code=HTTPStatus.ACCEPTED, responses=problems)
        async def end_session(
            session: Identifier, who: Annotated[Principal, Depends(sign_in)], order: EndSession
        ) -> SessionView:
            """Ends an open session: what runs in it is stopped, and its client is told the reason."""
            return session_view(await self.end(who, session, order.reason))

        return router


def _reason_needed(detail: str) -> Problem:
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "reason-missing", detail, "Say in `reason` why; its client is told."
    )
