"""Every error of the SCIM endpoint, as RFC 7644, section 3.12, has it."""

from http import HTTPStatus

from pydantic import ValidationError
from scim2_models import Error, SCIMException
from starlette.responses import JSONResponse

from api.problems import Problem

MEDIA_TYPE = "application/scim+json"  # RFC 7644, section 8.1


def refused(why: ValidationError | SCIMException | str, status: int = HTTPStatus.BAD_REQUEST) -> Problem:
    """A request that cannot be done; `why` in words is that a value is not usable."""
    match why:
        case ValidationError():
            error = Error.from_validation_errors(why)[0]
        case SCIMException():
            error = why.to_error()
        case _:
            error = Error(status=status, scim_type="invalidValue", detail=why)
    return _problem(HTTPStatus(error.status or status), str(error.scim_type or ""), str(error.detail))


def taken(what: str) -> Problem:
    """Somebody else has what must be one's own."""
    return _problem(HTTPStatus.CONFLICT, "uniqueness", what)


def unknown(id: str) -> Problem:
    return _problem(HTTPStatus.NOT_FOUND, "", f"there is no entry {id[:64]!r}")


def response(problem: Problem) -> JSONResponse:
    """Any problem, told as SCIM tells it."""
    error = Error(
        status=int(problem.status),
        scim_type=problem.extra.get("scimType") or None,
        detail=f"{problem.detail} {problem.action}".strip(),
    )
    return JSONResponse(
        error.model_dump(), problem.status, headers=dict(problem.headers), media_type=MEDIA_TYPE
    )


def _problem(status: HTTPStatus, kind: str, detail: str) -> Problem:
    return Problem(status, "not-provisioned", detail, "", extra={"scimType": kind})
