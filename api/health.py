"""Whether the API lives, and whether it can serve reviewers."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api.deciding import Desk
from infra.identity import Revocations

Probe = Callable[[], Awaitable[str | None]]
"""Says what is wrong with a part, None when nothing is."""


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """What the API needs, part by part: "ok", or what is wrong."""

    ready: bool
    approvals: str = Field(examples=["ok"], description="Kafka, and the queue read from it")
    sign_in: str = Field(examples=["ok"], description="revocations, without which no token is accepted")
    audit_log: str = Field(
        examples=["ok"], description="ClickHouse; approvals do not need it, so it does not count for `ready`"
    )


def readiness(desk: Desk, revocations: Revocations, audit_log: Probe) -> Callable[[], Awaitable[Readiness]]:
    """What tells how ready the API is."""

    async def tell() -> Readiness:
        approvals, sign_in = desk.obstacle, revocations.obstacle
        return Readiness(
            ready=approvals is None and sign_in is None,
            approvals=approvals or "ok",
            sign_in=sign_in or "ok",
            audit_log=await audit_log() or "ok",
        )

    return tell


def routes(tell: Callable[[], Awaitable[Readiness]]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> Health:
        """The process answers."""
        return Health()

    @router.get("/readyz", responses={503: {"model": Readiness}})
    async def readyz(response: Response) -> Readiness:
        """Approvals can be shown and decided."""
        found = await tell()
        if not found.ready:
            response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return found

    return router
