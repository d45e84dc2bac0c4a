"""What protects and checks a posted form."""

import hmac
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Request

from api.auth import WebSession
from api.deciding import clean_comment
from api.problems import Problem


def from_own_page(request: Request) -> None:
    """Raises Problem 403 when another site made the browser post this.

    A browser says so in Sec-Fetch-Site (W3C Fetch Metadata), over plain HTTP to elsewhere than loopback, or
    when it is an old one, in Origin (Fetch standard) alone.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        own = site in ("same-origin", "none")
    else:
        origin = request.headers.get("origin")
        own = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not own:
        raise _foreign()


def of_session(request: Request, session: WebSession, form_token: str) -> None:
    """Raises Problem 403 unless the form was made for this session, and posted by its page."""
    from_own_page(request)
    if not hmac.compare_digest(form_token.encode(), session.form_token.encode()):
        raise _foreign()


def reason(given: str, what: str) -> str:
    """The reason that the form asks for. `what`: as in "expected why it ends". Raises Problem 422."""
    try:
        if cleaned := clean_comment(given):
            return cleaned
        why = f"expected why {what}"
    except ValueError as error:
        why = str(error)
    raise Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "reason-missing",
        f"The reason cannot be used: {why}.",
        "Go back and say why; it is on record.",
    )


def local_path(path: str) -> str:
    """Where to go after the sign-in: `path` if it is one of this site, else the queue."""
    own = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if own else "/"


def _foreign() -> Problem:
    return Problem(
        HTTPStatus.FORBIDDEN,
        "form-of-another-session",
        "The form does not belong to your session, so nothing was done.",
        "Open the page again and repeat what you did.",
    )
