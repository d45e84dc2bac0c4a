"""The messages that nobody took: listed, and sent again. For administrators and auditors."""

from collections.abc import Callable, Collection
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.access import Access
from api.auth import SignIn
from api.notifications.outbox import Message, Outbox
from api.problems import Problem, documented
from infra.clock import Clock
from schemas.vocabulary import Principal, PrincipalKind


class DeadMessage(BaseModel):
    """A message that was not taken, however often it was sent; its content stays with the gateway."""

    endpoint: str = Field(examples=["chatops"])
    id: str = Field(examples=["msg_3f9a01bc-5c1e-8a77-9d20-4f6f0e6a7f11.requested"])
    made_at: datetime
    attempts: int
    said: str = Field(description="why, the last time", examples=["it answered 503"])


class SentAgain(BaseModel):
    """How many are due again."""

    messages: int


def routes(
    outbox: Outbox,
    access: Access,
    administrators: Collection[str],
    sign_in: SignIn,
    clock: Clock,
    wake: Callable[[], None],
) -> APIRouter:
    router = APIRouter(prefix="/notifications", tags=["notifications"])
    problems = documented(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

    def may(who: Principal) -> bool:
        is_administrator = not set(administrators).isdisjoint(who.groups)
        return who.kind is PrincipalKind.PERSON and (is_administrator or access.is_auditor(who))

    @router.get("/dead", responses=problems)
    async def dead(who: Annotated[Principal, Depends(sign_in)]) -> list[DeadMessage]:
        """What nobody took, oldest first, at most 1,000."""
        if not may(who):
            raise _not_yours()
        return [_view(message) for message in outbox.dead()]

    @router.post("/dead/retry", responses=problems)
    async def retry(who: Annotated[Principal, Depends(sign_in)]) -> SentAgain:
        """Sends all of them again, from the first attempt on."""
        if not may(who):
            raise _not_yours()
        found = outbox.send_again(clock())
        wake()
        return SentAgain(messages=found)

    return router


def _view(message: Message) -> DeadMessage:
    return DeadMessage(
        endpoint=message.endpoint,
        id=message.id,
        made_at=message.made_at,
        attempts=message.attempts,
        said=message.said,
    )


def _not_yours() -> Problem:
    return Problem(
        HTTPStatus.FORBIDDEN,
        "for-administrators",
        "Only administrators and auditors see what was not delivered.",
        "Ask a member of identity.administrators or of gateway.auditors.",
    )
