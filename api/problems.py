"""Every error of the API: problem details (RFC 9457), each with what happened and what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """Ends a request with this answer.

    `kind` names it for programs and never changes; `detail` says what happened, `action` what to do;
    `extra` are further members of the document.
    """

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        action: str,
        *,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.action = action
        self.extra = extra or {}
        self.headers = headers or {}

    @property
    def title(self) -> str:
        return self.kind.replace("-", " ").capitalize()


class ProblemView(BaseModel):
    """An error (RFC 9457, section 3.1); `action` says what to do about it."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:countersign:problem:already-settled"])
    title: str = Field(examples=["Already settled"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["Approval 3f9a01bc is approved, by dana."])
    action: str = Field(examples=["Nothing is left to decide."])


def document(problem: Problem) -> dict[str, Any]:
    """The problem as RFC 9457 wants it."""
    return {
        "type": f"urn:countersign:problem:{problem.kind}",
        "title": problem.title,
        "status": int(problem.status),
        "detail": problem.detail,
        "action": problem.action,
        **problem.extra,
    }


def response(problem: Problem) -> JSONResponse:
    return JSONResponse(
        document(problem), problem.status, headers=dict(problem.headers), media_type=MEDIA_TYPE
    )


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may answer with problems of these statuses."""
    return {
        int(status): {
            "model": ProblemView,
            "description": status.phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemView"}}},
        }
        for status in statuses
    }


def malformed(error: RequestValidationError) -> Problem:
    """A request that does not have the form the API documents. Names places, repeats no value."""
    places = [
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    ]
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "malformed-request",
        "; ".join(places) + ".",
        "Send what /api/openapi.json describes.",
    )


def plain(status: int, detail: str) -> Problem:
    """An error of the framework's own, such as an unknown path or a method that is not there."""
    status = HTTPStatus(status)
    kind = status.phrase.lower().replace(" ", "-")
    return Problem(status, kind, f"{detail}.", "See /api/openapi.json for what is there.")


def unavailable(reason: str) -> Problem:
    """Kafka is away, or the queue is not read up yet: what is shown could be wrong, so nothing is shown."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "queue-unavailable",
        reason,
        "Nothing was decided. Try again in a few seconds; /readyz says what is missing. "
        "If it stays so, see to Kafka (gateway.kafka in the configuration).",
        headers={"Retry-After": "3"},
    )


def key_used() -> Problem:
    """Something else was asked for with this Idempotency-Key."""
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "key-used",
        "Something else was asked for with this Idempotency-Key.",
        "Nothing was changed. Take another key for another request.",
    )


def unknown_approval(given: str) -> Problem:
    return Problem(
        HTTPStatus.NOT_FOUND,
        "unknown-approval",
        f"No approval {given} that you may see is pending or was settled lately.",
        "Check the id, at least its first 6 characters. The audit log has the older ones.",
    )


def ambiguous_approval(given: str, count: int) -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        "ambiguous-approval",
        f"{count} approvals begin with {given}.",
        "Give more characters of the id.",
    )


def unexpected() -> Problem:
    """A fault of ours. The cause is in the log, not in the answer."""
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal-error",
        "The gateway's API failed.",
        "The API's log says why. Whatever you asked for, look whether it happened before you repeat it.",
    )
