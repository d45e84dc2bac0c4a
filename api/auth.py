"""Who asks: a bearer token, or the cookie of the web sign-in -> who signed in.

A token is sent in a header or a form, never in a URL, and is kept nowhere. The cookie counts for reading
alone; what changes something needs a bearer token, or a form that carries the session's own form token, so
that no other site can make a browser decide.
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request
from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.problems import Problem, documented
from infra.clock import Clock, now
from infra.config import User
from infra.identity import (
    Identities,
    IdentityUnavailable,
    Method,
    Revocations,
    SignedIn,
    TokenRefused,
    TooManyGuesses,
)
from infra.identity.identities import WEB_SESSION
from schemas.ids import uuid7
from schemas.vocabulary import Principal, PrincipalKind

_LARGEST_COOKIE = 3800  # characters: browsers drop larger ones silently (RFC 6265, section 6.1)


@dataclass(frozen=True, slots=True)
class WebSession:
    """A browser that signed in."""

    signed_in: SignedIn
    form_token: str  # what its forms must carry

    @property
    def principal(self) -> Principal:
        return self.signed_in.principal


class Cookies:
    """The cookie of the web sign-in: who signed in, and until when, signed by the gateway.

    That of a user of the configuration ends when the configuration says something else about them.
    """

    def __init__(self, key: bytes, users: Iterable[User], clock: Clock = now) -> None:
        self._key = key
        self._serializer = URLSafeSerializer(key, salt="countersign web session")
        self._users = {user.name: _fingerprint(user) for user in users}
        self._clock = clock

    def issue(self, signed_in: SignedIn) -> tuple[str, datetime]:
        """The cookie's value for who has just signed in, and when it ends."""
        until = self._clock() + WEB_SESSION
        if signed_in.until is not None:
            until = min(until, signed_in.until)
        session = uuid7(self._clock())
        kept = replace(signed_in, until=until, token=session, sign_ins=(session, *signed_in.sign_ins))
        content = {"session": msgspec.to_builtins(kept), "user": self._user(kept)}
        return str(self._serializer.dumps(content)), until

    def open(self, value: str) -> WebSession | None:
        """The session of a cookie; None when it is not ours, is over, or its user is another now."""
        try:
            content = self._serializer.loads(value)
            signed_in = msgspec.convert(content["session"], SignedIn)
        except (BadSignature, KeyError, TypeError, msgspec.ValidationError):  # or an earlier version's
            return None
        if signed_in.until is None or self._clock() >= signed_in.until:
            return None
        if self._user(signed_in) != content["user"]:
            return None
        return WebSession(
            signed_in, hmac.digest(self._key, f"form {signed_in.token}".encode(), "sha256").hex()
        )

    def _user(self, signed_in: SignedIn) -> str:
        return self._users.get(signed_in.principal.name, "") if signed_in.method is Method.TOKEN else ""


class SignIn:
    """Finds out who asks. A dependency of the routes."""

    def __init__(
        self, identities: Identities, cookies: Cookies, revocations: Revocations, *, tls: bool
    ) -> None:
        self.cookies = cookies
        # RFC 6265bis, section 4.1.3.2: a browser takes a __Host- cookie from its own host over TLS alone.
        self.cookie = "__Host-countersign" if tls else "countersign"
        self.tls = tls
        self._identities = identities
        self.revocations = revocations

    async def __call__(self, request: Request) -> Principal:
        """Who sends this request. Raises Problem 401, 503, or 429 for a guesser."""
        return (await self.signed_in(request)).principal

    async def signed_in(self, request: Request) -> SignedIn:
        """The same, and how they showed it."""
        authorization = request.headers.get("authorization")
        if authorization is not None:
            scheme, _, token = authorization.partition(" ")
            if scheme.lower() != "bearer" or not token.strip():
                raise unauthenticated("The Authorization header is not of the form `Bearer TOKEN`.")
            return await self.by_token(request, token.strip())
        session = self.web_session(request)
        if session is not None and request.method in ("GET", "HEAD"):
            return session.signed_in
        raise unauthenticated("The request carries no token.")

    def web_session(self, request: Request) -> WebSession | None:
        """The session of the browser that sends this request."""
        value = request.cookies.get(self.cookie)
        session = self.cookies.open(value) if value is not None else None
        if session is None:
            return None
        try:
            self.revocations.check(session.signed_in)
        except IdentityUnavailable as refused:
            raise refusal(refused, address_of(request)) from refused
        except TokenRefused:
            return None
        return session

    def open_session(self, response: Response, signed_in: SignedIn) -> None:
        """Gives the browser the cookie of its session."""
        value, until = self.cookies.issue(signed_in)
        if len(value) > _LARGEST_COOKIE:
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "too-many-groups",
                f"{signed_in.principal.name} is in too many groups for a browser to keep.",
                "Name those that count here in identity.oidc.groups; others are then left out.",
            )
        response.set_cookie(
            self.cookie, value, expires=until, path="/", secure=self.tls, httponly=True, samesite="strict"
        )

    async def by_form(self, request: Request, name: str, token: str) -> SignedIn:
        """Who has this name and token. Raises Problem."""
        try:
            return await self._identities.authenticate(name, token, address_of(request))
        except TokenRefused as refused:
            raise refusal(refused, address_of(request)) from refused

    async def by_token(self, request: Request, token: str) -> SignedIn:
        """Whose token this is. Raises Problem."""
        try:
            return await self._identities.authenticate_token(token, address_of(request))
        except TokenRefused as refused:
            raise refusal(refused, address_of(request)) from refused


class Me(BaseModel):
    """Who you are to the gateway."""

    name: str = Field(examples=["dana"])
    kind: PrincipalKind = Field(examples=["person"])
    groups: list[str] = Field(examples=[["dba", "reviewers"]])
    acts_for: str = Field(default="", description="the person for whom an agent acts")


def routes(sign_in: SignIn) -> APIRouter:
    router = APIRouter(tags=["identity"])

    @router.get("/me", responses=documented(HTTPStatus.UNAUTHORIZED))
    async def me(who: Annotated[Principal, Depends(sign_in)]) -> Me:
        """Who the token belongs to."""
        return Me(name=who.name, kind=who.kind, groups=list(who.groups), acts_for=who.acts_for)

    return router


def address_of(request: Request) -> str:
    """The address that the request comes from, without its port."""
    return request.client.host if request.client is not None else "unknown"


def refusal(refused: TokenRefused, address: str) -> Problem:
    """Why somebody is not signed in."""
    match refused:
        case TooManyGuesses():
            return Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-attempts",
                f"Too many tokens from {address} were wrong.",
                f"Wait {refused.seconds} s, then use the right token.",
                headers={"Retry-After": str(refused.seconds)},
            )
        case IdentityUnavailable():
            return Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "sign-in-unavailable",
                f"Nobody can be signed in now: {refused}.",
                "Try again in a few seconds; /readyz says what is missing.",
                headers={"Retry-After": "3"},
            )
        case _:
            return unauthenticated(f"The token was not accepted: {refused}.")


def unauthenticated(detail: str) -> Problem:
    """Nobody is signed in; what to do about it."""
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "not-signed-in",
        detail,
        "Send `Authorization: Bearer TOKEN` (or NAME:TOKEN) with a token that the gateway knows; "
        "`countersign login` gets one where there is single sign-on.",
        headers={"WWW-Authenticate": 'Bearer realm="countersign"'},  # RFC 6750, section 3
    )


def _fingerprint(user: User) -> str:
    return hashlib.sha256(user.model_dump_json().encode()).hexdigest()[:16]
