"""Single sign-on of the web page: to the identity provider and back."""

from datetime import timedelta
from http import HTTPStatus

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.auth import address_of, refusal
from api.single_sign_on import CALLBACK, SingleSignOn
from api.web import forms
from api.web.pages import Pages
from api.web.site import Site
from infra.identity.signed_in import TokenRefused

_LASTS = timedelta(minutes=10)


class WebSignOn:
    """To the provider, back, and out of it."""

    def __init__(self, sso: SingleSignOn, site: Site, pages: Pages) -> None:
        self._sso = sso
        self._site = site
        self._sign_in = sign_in = site.sign_in
        self._pages = pages
        # RFC 6265bis, section 4.1.3.2: a browser takes a __Host- cookie from its own host over TLS alone.
        self._cookie = "__Host-countersign-sign-in" if sign_in.tls else "countersign-sign-in"

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.get("/sign-in/begin")(self.begin)
        router.get(CALLBACK)(self.callback)
        router.get("/sign-in/leave")(self.leave)
        return router

    async def begin(self, request: Request, next: str = "/") -> Response:
        try:
            url, attempt = await self._sso.begin(forms.local_path(next))
        except TokenRefused as refused:
            raise refusal(refused, address_of(request)) from refused
        response = RedirectResponse(url, HTTPStatus.SEE_OTHER)
        # Lax: the provider sends the browser back, and the cookie must come along.
        response.set_cookie(
            self._cookie,
            attempt,
            max_age=int(_LASTS.total_seconds()),
            path="/",
            secure=self._sign_in.tls,
            httponly=True,
            samesite="lax",
        )
        return response

    async def leave(self, request: Request) -> Response:
        """Ends the browser's session at the provider; the one here was ended by signing out."""
        try:
            return RedirectResponse(await self._sso.leave(), HTTPStatus.SEE_OTHER)
        except TokenRefused as refused:
            raise refusal(refused, address_of(request)) from refused

    async def callback(self, request: Request) -> Response:
        attempt = request.cookies.get(self._cookie, "")
        try:
            if not attempt:
                raise TokenRefused("this browser did not ask to sign in, or took longer than 10 minutes")
            signed_in, path = await self._sso.finish(attempt, request.query_params)
            self._sign_in.revocations.check(signed_in)
        except TokenRefused as refused:
            response = self._site.problem(request, refusal(refused, address_of(request)))
        else:
            response = self._pages.moved(request, path)
            self._sign_in.open_session(response, signed_in)
        # An attempt counts once, however it ended.
        response.delete_cookie(self._cookie, path="/", secure=self._sign_in.tls, httponly=True)
        return response
