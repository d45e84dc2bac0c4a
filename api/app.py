"""The HTTP application: routes, sign-in, errors and headers put together. What it needs is given to it."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import approvals, auth, commands, files, health, originals, problems, recordings, sessions, stream
from api.asking import Asking
from api.asking import routes as asking_routes
from api.audit import AuditLog
from api.auth import SignIn
from api.deciding import Desk
from api.ending import Ending
from api.feed import Feed
from api.grants import Grants
from api.grants import routes as grants_routes
from api.issuing import Issuing
from api.notifications import dead
from api.notifications.outbox import Outbox
from api.notifications.slack.actions import Actions
from api.originals import Originals
from api.past import Past
from api.pauses import Pauses
from api.pauses import routes as pauses_routes
from api.policies import Policies
from api.publishing import Publishing
from api.resources import Resources
from api.saml_sign_on import SamlSignOn
from api.single_sign_on import SingleSignOn
from api.ssh_certificates import SshCertificates
from api.terminal_codes import TerminalCodes
from api.tokens import Tokens
from api.web.about import AboutPages
from api.web.grants import GrantPages
from api.web.live import Live
from api.web.pages import Pages
from api.web.pauses import PausePages
from api.web.policies import PolicyPages
from api.web.sessions import SessionPages
from api.web.sign_on import OidcSignOn, SamlPages
from api.web.site import NotSignedIn, Site, static_files, to_sign_in
from api.web.terminals import TerminalPages
from infra.clock import Clock, now
from infra.keys import Sealer

if TYPE_CHECKING:
    from api.scim.routes import ScimEndpoint

_HEADERS = {
    # CSP level 3: nothing from elsewhere, no inline script or style, not in anybody's frame.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # with no-referrer a form's Origin would be null
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_OVER_TLS = {"Strict-Transport-Security": "max-age=31536000"}  # RFC 6797, section 6.1
_LARGEST_BODY = 64 * 1024  # bytes; a comment has at most 2,000 characters
_FOR_PROGRAMS = ("/api", "/healthz", "/readyz", "/scim")
_DESCRIPTION = """
Countersign holds risky commands until a person countersigns them. This is where they do.

Sign in with `Authorization: Bearer TOKEN`: a token of the gateway (`POST /api/token`), that of a user of the
configuration, or a JWT of an issuer that it trusts. Every error is a
problem document (RFC 9457) whose `action` says what to do.
"""


def create_app(
    *,
    feed: Feed,
    desk: Desk,
    sign_in: SignIn,
    audit_log: AuditLog,
    grants: Grants,
    asking: Asking,
    pauses: Pauses,
    issuing: Issuing,
    resources: Resources,
    publishing: Publishing,
    sso: SingleSignOn | None,
    saml: SamlSignOn | None,
    codes: TerminalCodes,
    ssh_authority: Ed25519PrivateKey,
    administrators: tuple[str, ...],
    sealer: Sealer,
    outbox: Outbox,
    wake: Callable[[], None],
    slack: Actions | None,
    scim: "ScimEndpoint | None",
    clock: Clock = now,
) -> FastAPI:
    """The application. Whoever serves it also runs `feed` and `publishing`."""
    past = Past(audit_log, desk.access)
    opened = Originals(sealer, desk.access)
    ending = Ending(audit_log, desk.access, issuing)
    readiness = health.readiness(desk, sign_in.revocations, audit_log.obstacle)
    headers = _HEADERS | _OVER_TLS if sign_in.tls else _HEADERS
    app = FastAPI(
        title="Countersign",
        summary="Approvals, sessions and recordings of the access gateway.",
        description=_DESCRIPTION,
        version="1",
        openapi_url="/api/openapi.json",
        max_body_size=_LARGEST_BODY,
        docs_url=None,  # both load scripts from elsewhere
        redoc_url=None,
    )
    for router in (
        auth.routes(sign_in),
        Tokens(sign_in, issuing, sso, codes, administrators, clock, by_page=saml is not None).router(),
        SshCertificates(sign_in, issuing, ssh_authority, clock).router(),
        resources.router(sign_in),
        approvals.routes(desk, past, sign_in, clock),
        originals.routes(opened, desk, past, sign_in),
        stream.routes(feed, desk.access, sign_in, clock),
        grants_routes(grants, sign_in),
        asking_routes(asking, sign_in),
        pauses_routes(pauses, sign_in),
        Policies(publishing, audit_log, sign_in).router(),
        sessions.routes(audit_log, sign_in),
        ending.router(sign_in),
        recordings.routes(audit_log, sign_in),
        files.routes(audit_log, sign_in),
        commands.routes(audit_log, sign_in, clock),
        dead.routes(outbox, desk.access, administrators, sign_in, clock, wake),
    ):
        app.include_router(router, prefix="/api")
    if slack is not None:
        app.include_router(slack.router(), prefix="/api")
    if scim is not None:
        app.include_router(scim.router())
    app.include_router(health.routes(readiness))
    site = Site(sign_in, desk.access, clock, ways=_ways(sso, saml))
    web = Pages(site, feed, desk, past, opened, pauses, issuing)
    app.include_router(web.router())
    app.include_router(Live(site, feed).router())
    app.include_router(SessionPages(site, audit_log, ending).router())
    app.include_router(PolicyPages(site, publishing, audit_log).router())
    app.include_router(GrantPages(site, grants).router())
    app.include_router(PausePages(site, pauses).router())
    app.include_router(AboutPages(site, audit_log, resources, readiness).router())
    if sso is not None:
        app.include_router(OidcSignOn(sso, site, web, issuing).router())
    if saml is not None:
        app.include_router(SamlPages(saml, site, web).router())
    app.include_router(TerminalPages(site, codes).router())
    app.mount("/static", static_files())
    app.add_middleware(_WithHeaders, headers=headers)
    _answer_errors(app, site, scim, headers)
    return app


def _ways(sso: SingleSignOn | None, saml: SamlSignOn | None) -> Mapping[str, str]:
    oidc = {"Single sign-on": "/sign-in/begin"} if sso is not None else {}
    return oidc | ({"SAML sign-on": "/sign-in/saml/begin"} if saml is not None else {})


def _answer_errors(app: FastAPI, site: Site, scim: "ScimEndpoint | None", headers: Mapping[str, str]) -> None:
    def answer(request: Request, problem: problems.Problem) -> Response:
        if scim is not None and request.url.path.startswith(scim.path):
            return scim.problem(problem)
        if request.url.path.startswith(_FOR_PROGRAMS):
            return problems.response(problem)
        return site.problem(request, problem)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, problems.Problem)
        return answer(request, error)

    async def not_signed_in(request: Request, error: Exception) -> Response:
        return to_sign_in(request)

    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(request, problems.malformed(error))

    async def of_framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == HTTPStatus.NOT_MODIFIED:
            return Response(status_code=error.status_code, headers=error.headers)
        return answer(request, problems.plain(error.status_code, error.detail))

    async def unexpected(request: Request, error: Exception) -> Response:
        # Sent from outside all middleware; Starlette then hands the error on to the server, which logs it.
        response = answer(request, problems.unexpected())
        response.headers.update(headers)
        return response

    app.add_exception_handler(problems.Problem, refused)
    app.add_exception_handler(NotSignedIn, not_signed_in)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, of_framework)
    app.add_exception_handler(Exception, unexpected)


class _WithHeaders:
    """Adds headers to every response that does not have them. Plain ASGI, so that streams stay streams."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        return await self._app(scope, receive, send_with_headers)
