"""What every page has: the templates, who is signed in, and how a page is answered."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from api.access import Access
from api.auth import SignIn, WebSession
from api.problems import Problem
from api.visible import on_one_line, pieces
from api.web import forms, words
from api.web.highlight import after_comments, spans
from infra.clock import Clock

_FOLDER = Path(__file__).parent
_PREVIEW = 160  # characters of a command in a list; the page of the request has all of them
_BRIEF = 200  # likewise, of a reason or comment


class NotSignedIn(Exception):
    """A page needs who it is for; answered by `to_sign_in`."""


def static_files() -> StaticFiles:
    return StaticFiles(directory=_FOLDER / "static")


def player_is_there() -> bool:
    """Whether asciinema's player was brought at set-up (infra/setup.sh browser)."""
    return (_FOLDER / "static" / "vendor" / "asciinema-player.min.js").exists()


class Site:
    """Makes pages for who is signed in."""

    def __init__(self, sign_in: SignIn, access: Access, clock: Clock, *, ways: Mapping[str, str]) -> None:
        """`ways`: to sign in elsewhere, by what a button says, with where it leads."""
        self.sign_in = sign_in
        self.access = access
        self.clock = clock
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "pieces": pieces,
            "spans": spans,
            "preview": lambda text: on_one_line(text, _PREVIEW),
            "brief": lambda text: on_one_line(text, _BRIEF),
            "gist": lambda text, protocol: on_one_line(after_comments(text, protocol), _PREVIEW),
            "moment": words.moment,
            "duration": words.duration,
            "left": lambda until: words.time_left(until, self.clock()),
        }
        self._templates.globals |= {
            "INTENTS": words.INTENTS,
            "STATES": words.STATES,
            "ways": ways,
        }

    def session(self, request: Request) -> WebSession | None:
        """The session of the browser that asks."""
        return self.sign_in.web_session(request)

    def signed_in(self, request: Request) -> WebSession:
        """The same; raises NotSignedIn."""
        session = self.session(request)
        if session is None:
            raise NotSignedIn
        return session

    def posted_by(self, request: Request, form_token: str) -> WebSession:
        """The session whose page posted this form. Raises NotSignedIn, or Problem 403 for any other's."""
        session = self.signed_in(request)
        forms.of_session(request, session, form_token)
        return session

    def page(
        self,
        request: Request,
        template: str,
        status: int = HTTPStatus.OK,
        *,
        session: WebSession | None = None,
        **values: Any,
    ) -> Response:
        """A page of this template."""
        is_auditor = session is not None and self.access.is_auditor(session.principal)
        html = self.render(template, session=session, path=request.url.path, is_auditor=is_auditor, **values)
        return HTMLResponse(html, status)

    def render(self, template: str, **values: Any) -> str:
        """A template with these values, as text."""
        return self._templates.get_template(template).render(**values)

    def problem(self, request: Request, problem: Problem) -> Response:
        """The page for an error anywhere on the site."""
        try:
            session = self.session(request)
        except Problem:
            session = None
        return self.page(request, "problem.html", problem.status, session=session, problem=problem)


def to_sign_in(request: Request) -> Response:
    """Where who is not signed in goes first; from a page they come back to it."""
    path = "/"
    if request.method == "GET":
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?next={quote(path)}", HTTPStatus.SEE_OTHER)
