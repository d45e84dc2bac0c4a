"""Tokens of the gateway: given for what somebody shows, renewed, taken back.

The answers are those of OAuth: RFC 6749 section 5, RFC 8628 (device flow), RFC 8693 (token exchange),
RFC 7009 (revocation). An error is a problem document like all others, with `error` and `error_description`
beside, so that any OAuth client understands it.
"""

from dataclasses import asdict
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field

from api.auth import SignIn, address_of
from api.issuing import Issued, Issuing, delegated
from api.problems import Problem, documented
from api.single_sign_on import Arrival, Pending, SingleSignOn
from api.terminal_codes import TerminalCodes
from infra.clock import Clock
from infra.identity.signed_in import IdentityUnavailable, SignedIn, TokenRefused
from schemas.vocabulary import Principal, PrincipalKind

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH = "refresh_token"
CODE = "authorization_code"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
_LONGEST_REASON = 500  # characters


class TokenView(BaseModel):
    """A token of the gateway (RFC 8693, section 2.2.1)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105
    issued_token_type: str = _ACCESS_TOKEN
    expires_in: int = Field(description="seconds")
    refresh_token: str | None = Field(
        default=None, description="gets the next one, by grant_type refresh_token"
    )
    token_id: str = Field(description="what the audit log knows it by, and what revokes it")
    principal: str
    kind: PrincipalKind
    groups: list[str]
    acts_for: str = ""
    expires_at: datetime


class DeviceView(BaseModel):
    """A sign-in to be confirmed on another device (RFC 8628, section 3.2)."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class Revoke(BaseModel):
    """What to revoke: a token or a sign-in by its id, or all of a principal's."""

    model_config = ConfigDict(extra="forbid")

    principal: str = Field(min_length=1, max_length=128, description="whose; an id of another's ends nothing")
    token: str = Field(default="", max_length=512, description="the id of one; without it, all until now")
    reason: str = Field(default="", max_length=_LONGEST_REASON)


class RevokedView(BaseModel):
    """What was revoked."""

    principal: str
    token: str
    before: datetime


class Tokens:
    """The routes, over what signs people in and what gives tokens out."""

    def __init__(
        self,
        sign_in: SignIn,
        issuing: Issuing,
        sso: SingleSignOn | None,
        codes: TerminalCodes,
        administrators: tuple[str, ...],
        clock: Clock,
        *,
        by_page: bool,
    ) -> None:
        """`by_page`: whether terminals sign in through the web page where there is no device flow."""
        self._sign_in = sign_in
        self._issuing = issuing
        self._sso = sso
        self._codes = codes
        self._by_page = by_page
        self._administrators = frozenset(administrators)
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter(tags=["tokens"])
        statuses = documented(HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE)
        router.post("/device", responses=statuses)(self.device)
        router.post("/token", responses=statuses, response_model_exclude_none=True)(self.token)
        router.post("/revoke", responses=statuses)(self.revoke)
        router.post("/revocations", responses=statuses | documented(HTTPStatus.FORBIDDEN))(self.revocations)
        return router

    async def device(self) -> DeviceView:
        """Begins a sign-in that a person confirms in a browser, on whatever device."""
        try:
            device = await self._single_sign_on().begin_device()
        except TokenRefused as refused:
            raise _refused(refused) from refused
        return DeviceView(**asdict(device))

    async def token(
        self,
        request: Request,
        grant_type: Annotated[str, Form()],
        subject_token: Annotated[str, Form()] = "",
        actor_token: Annotated[str, Form()] = "",
        device_code: Annotated[str, Form()] = "",
        refresh_token: Annotated[str, Form()] = "",
        code: Annotated[str, Form()] = "",
        code_verifier: Annotated[str, Form()] = "",
    ) -> TokenView:
        """A token of the gateway, for what `grant_type` names: another token (and, with `actor_token`, an
        agent acting for its person), a confirmed device code, a refresh token, a code from the web page."""
        try:
            match grant_type:
                case "urn:ietf:params:oauth:grant-type:token-exchange":
                    arrival = Arrival(await self._exchanged(request, subject_token, actor_token))
                case "urn:ietf:params:oauth:grant-type:device_code":
                    arrival = await self._single_sign_on().finish_device(device_code)
                case "refresh_token":
                    arrival = await self._single_sign_on().refresh(refresh_token)
                case "authorization_code":
                    arrival = Arrival(self._codes.redeem(code, code_verifier))
                case _:
                    raise _oauth_problem(
                        "unsupported_grant_type", f"grant_type {EXCHANGE}, {DEVICE}, {REFRESH} or {CODE}"
                    )
            self._sign_in.revocations.check(arrival.signed_in)
        except Pending as pending:
            raise _oauth_problem(pending.error, "The person has not confirmed the sign-in yet.") from pending
        except TokenRefused as refused:
            raise _refused(refused) from refused
        issued = await self._issuing.issue(arrival.signed_in, address_of(request))
        return _view(issued, arrival.refresh_token, self._clock())

    async def revoke(
        self,
        request: Request,
        token: Annotated[str, Form()],
        refresh_token: Annotated[str, Form()] = "",
    ) -> RevokedView:
        """Ends the token that is sent, all that goes back to the same sign-in, and the sign-in itself."""
        signed_in = await self._sign_in.by_token(request, token)
        if not signed_in.sign_ins:
            raise _oauth_problem(
                "unsupported_token_type", "The token is the configuration's: change it there."
            )
        name = signed_in.principal.name
        # What was delegated ends alone; else the last id is that of the sign-in that all goes back to.
        ended = signed_in.token if signed_in.principal.acts_for else signed_in.sign_ins[-1]
        before = await self._issuing.revoke(name, name, "signed out", token=ended)
        if refresh_token and self._sso is not None:
            try:
                await self._sso.forget(refresh_token)
            except TokenRefused as refused:
                raise _refused(refused) from refused
        return RevokedView(principal=name, token=ended, before=before)

    async def revocations(self, request: Request, what: Revoke) -> RevokedView:
        """Ends tokens now: your own, or as a member of identity.administrators anybody's. Sessions that were
        opened with them end within moments."""
        who = await self._sign_in(request)
        if who.name != what.principal and not self._administers(who):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "not-yours-to-revoke",
                f"Only {what.principal} and members of identity.administrators may revoke this.",
                "Ask one of them.",
            )
        before = await self._issuing.revoke(what.principal, who.name, what.reason, token=what.token)
        return RevokedView(principal=what.principal, token=what.token, before=before)

    async def _exchanged(self, request: Request, subject_token: str, actor_token: str) -> SignedIn:
        if not subject_token:
            raise _oauth_problem("invalid_request", "subject_token is missing.")
        subject = await self._sign_in.by_token(request, subject_token)
        if not actor_token:
            return subject
        return delegated(subject, await self._sign_in.by_token(request, actor_token))

    def _administers(self, who: Principal) -> bool:
        return who.kind is PrincipalKind.PERSON and not self._administrators.isdisjoint(who.groups)

    def _single_sign_on(self) -> SingleSignOn:
        if self._sso is None and self._by_page:
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "sign-in-by-page",
                "The identity provider has no sign-in for devices.",
                "Open /sign-in/terminal?challenge=… of the gateway, as `countersign login` does.",
                extra={"error": "unauthorized_client"},
            )
        if self._sso is None:
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "no-single-sign-on",
                "This gateway has no single sign-on (identity.oidc in its configuration).",
                "Use the token that the gateway knows you by, in COUNTERSIGN_TOKEN.",
                extra={"error": "unauthorized_client"},
            )
        return self._sso


def _view(issued: Issued, refresh_token: str, now: datetime) -> TokenView:
    signed_in = issued.signed_in
    principal, until = signed_in.principal, signed_in.until
    assert until is not None
    return TokenView(
        access_token=issued.text,
        expires_in=max(0, int((until - now).total_seconds())),
        refresh_token=refresh_token or None,
        token_id=signed_in.token,
        principal=principal.name,
        kind=principal.kind,
        groups=list(principal.groups),
        acts_for=principal.acts_for,
        expires_at=until,
    )


def _refused(refused: TokenRefused) -> Problem:
    if isinstance(refused, IdentityUnavailable):
        return Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "sign-in-unavailable",
            f"Nobody can be signed in now: {refused}.",
            "Try again in a few seconds.",
            extra={"error": "temporarily_unavailable"},
            headers={"Retry-After": "3"},
        )
    return _oauth_problem("invalid_grant", f"Not signed in: {refused}.")


def _oauth_problem(error: str, description: str) -> Problem:
    """RFC 6749, section 5.2."""
    return Problem(
        HTTPStatus.BAD_REQUEST,
        error.replace("_", "-"),
        description,
        "Sign in again with `countersign login`, or see docs/identity.md.",
        extra={"error": error, "error_description": description},
    )
