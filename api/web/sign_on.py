"""Single sign-on of the web page: to the identity provider and back."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Protocol
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Form, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.auth import address_of, refusal
from api.issuing import Issuing
from api.saml_sign_on import CONSUMER, ENTITY, LOGOUT, SamlSignOn
from api.single_sign_on import ATTEMPT_LASTS, CALLBACK, SingleSignOn
from api.web import forms
from api.web.pages import Pages
from api.web.site import Site
from infra.identity.signed_in import IdentityUnavailable, SignedIn, TokenRefused

_log = structlog.get_logger()
_SAML_CALLBACK = f"{CONSUMER}/callback"
ENDED = "/sign-in/backchannel-logout"
LARGEST_ANSWER = 512 * 1024  # bytes, in base64
_METADATA = "application/samlmetadata+xml"  # SAML 2.0 Metadata, appendix A


class Provider(Protocol):
    """An identity provider, for a browser."""

    async def begin(self, next: str) -> tuple[str, str]:
        """Where to send it, and what it must bring back. Raises TokenRefused."""

    async def finish(self, attempt: str, answer: Mapping[str, str]) -> tuple[SignedIn, str]:
        """Who came back, and where they wanted to go. Raises TokenRefused."""


class RoundTrip:
    """To a provider and back. `begin`, `callback`: the paths."""

    def __init__(self, provider: Provider, site: Site, pages: Pages, begin: str, callback: str) -> None:
        self._provider = provider
        self._site = site
        self._sign_in = sign_in = site.sign_in
        self._pages = pages
        self._paths = begin, callback
        # RFC 6265bis, section 4.1.3.2: a browser takes a __Host- cookie from its own host over TLS alone.
        self._cookie = "__Host-countersign-sign-in" if sign_in.tls else "countersign-sign-in"

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        begin, callback = self._paths
        router.get(begin)(self.begin)
        router.get(callback)(self.callback)
        return router

    async def begin(self, request: Request, next: str = "/") -> Response:
        try:
            url, attempt = await self._provider.begin(forms.local_path(next))
        except TokenRefused as refused:
            raise refusal(refused, address_of(request)) from refused
        response = RedirectResponse(url, HTTPStatus.SEE_OTHER)
        # Lax: the provider sends the browser back, and the cookie must come along.
        response.set_cookie(
            self._cookie,
            attempt,
            max_age=int(ATTEMPT_LASTS.total_seconds()),
            path="/",
            secure=self._sign_in.tls,
            httponly=True,
            samesite="lax",
        )
        return response

    async def callback(self, request: Request) -> Response:
        attempt = request.cookies.get(self._cookie, "")
        try:
            if not attempt:
                raise TokenRefused("this browser did not ask to sign in, or took longer than 10 minutes")
            signed_in, path = await self._provider.finish(attempt, request.query_params)
            self._sign_in.revocations.check(signed_in)
        except TokenRefused as refused:
            response = self._site.problem(request, refusal(refused, address_of(request)))
        else:
            response = self._pages.moved(request, path)
            self._sign_in.open_session(response, signed_in)
        # An attempt counts once, however it ended.
        response.delete_cookie(self._cookie, path="/", secure=self._sign_in.tls, httponly=True)
        return response


class OidcSignOn:
    """With an OpenID provider: there, back, and out of it, from either side."""

    def __init__(self, sso: SingleSignOn, site: Site, pages: Pages, issuing: Issuing) -> None:
        self._sso = sso
        self._issuing = issuing
        self._trip = RoundTrip(sso, site, pages, "/sign-in/begin", CALLBACK)

    def router(self) -> APIRouter:
        router = self._trip.router()
        router.get("/sign-in/leave")(self.leave)
        router.post(ENDED)(self.ended)
        return router

    async def ended(self, logout_token: Annotated[str, Form()]) -> Response:
        """The provider says that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0,
        section 2.8)."""
        try:
            await self._issuing.end_by_provider(self._sso.issuer, (await self._sso.ended(logout_token),))
        except IdentityUnavailable as refused:
            raise refusal(refused, "the identity provider") from refused
        except TokenRefused as refused:
            _log.warning("logout.refused", reason=str(refused))
            said = {"error": "invalid_request", "error_description": str(refused)}
            return JSONResponse(said, HTTPStatus.BAD_REQUEST)
        return Response()

    async def leave(self, request: Request) -> Response:
        """Ends the browser's session at the provider; the one here was ended by signing out."""
        try:
            return RedirectResponse(await self._sso.leave(), HTTPStatus.SEE_OTHER)
        except TokenRefused as refused:
            raise refusal(refused, address_of(request)) from refused


class SamlPages:
    """With a SAML provider: there, its answer, and back."""

    def __init__(self, sso: SamlSignOn, site: Site, pages: Pages) -> None:
        self._sso = sso
        self._site = site
        self._trip = RoundTrip(sso, site, pages, f"{CONSUMER}/begin", _SAML_CALLBACK)

    def router(self) -> APIRouter:
        router = self._trip.router()
        router.get(ENTITY)(self.metadata)
        router.post(CONSUMER, max_body_size=LARGEST_ANSWER)(self.consume)
        router.get(LOGOUT)(self.logout)
        return router

    async def logout(self, request: Request) -> Response:
        """The provider's request to sign out, brought by a browser on its round of those it signed in to."""
        try:
            answer = await self._sso.end(request.url.query)
        except TokenRefused as refused:
            _log.warning("logout.refused", reason=str(refused))
            return self._site.problem(request, refusal(refused, address_of(request)))
        return RedirectResponse(answer or "/sign-in", HTTPStatus.SEE_OTHER)

    async def metadata(self) -> Response:
        return Response(self._sso.metadata, media_type=_METADATA)

    async def consume(
        self, request: Request, answer: Annotated[str, Form(alias="SAMLResponse")] = ""
    ) -> Response:
        """The provider's answer, posted from its site: without the browser's cookie, which comes along to
        where it is sent on."""
        try:
            sealed = await self._sso.take(answer)
        except TokenRefused as refused:
            return self._site.problem(request, refusal(refused, address_of(request)))
        return RedirectResponse(f"{_SAML_CALLBACK}?answer={quote(sealed)}", HTTPStatus.SEE_OTHER)
