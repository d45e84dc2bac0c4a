"""Signs a terminal in as who is signed in here, by a code that they type in there."""

import re
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from api.terminal_codes import TerminalCodes
from api.web.site import Site

PATH = "/sign-in/terminal"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7636, section 4.2: a SHA-256 in base64url


class TerminalPages:
    """The page that a terminal's link leads to."""

    def __init__(self, site: Site, codes: TerminalCodes) -> None:
        self._site = site
        self._codes = codes

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.get(PATH)(self.ask)
        router.post(PATH)(self.give)
        return router

    async def ask(self, request: Request, challenge: str = "") -> Response:
        session = self._site.signed_in(request)
        is_usable = _CHALLENGE.fullmatch(challenge) is not None
        return self._site.page(
            request, "terminal.html", session=session, challenge=challenge if is_usable else "", code=""
        )

    async def give(
        self,
        request: Request,
        challenge: Annotated[str, Form(pattern=_CHALLENGE.pattern)],
        form_token: Annotated[str, Form()] = "",
    ) -> Response:
        session = self._site.posted_by(request, form_token)
        code = self._codes.give(session.signed_in, challenge)
        return self._site.page(request, "terminal.html", session=session, challenge=challenge, code=code)
