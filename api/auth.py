"""Who asks: a bearer token, or the cookie of the web sign-in -> Principal.

A token is sent in a header or a form, never in a URL, and is kept nowhere. The cookie counts for reading
alone; what changes something needs a bearer token, or a form that carries the session's own form token, so
that no other site can make a browser decide.
"""

import hashlib
import hmac
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import BaseModel, Field

from api.problems import Problem, documented
from api.throttle import Throttle
from infra.clock import Clock, now
from infra.config import User
from infra.identity import Identities
from schemas.vocabulary import Principal, PrincipalKind

SESSION_LASTS = timedelta(hours=8)
_GUESSES_OF_A_NAME = 5  # from one address, before it has to wait
_GUESSES_OF_AN_ADDRESS = 30
_MOST_PROVEN = 10_000


@dataclass(frozen=True, slots=True)
class WebSession:
    """A browser that signed in."""

    principal: Principal
    form_token: str  # what its forms must carry
    until: datetime


class Cookies:
    """The cookie of the web sign-in: a name and an end, signed; it ends when the user's token is replaced."""

    def __init__(self, key: bytes, users: Iterable[User], clock: Clock = now) -> None:
        self._key = key
        self._serializer = URLSafeSerializer(key, salt="countersign web session")
        self._users = {user.name: user for user in users}
        self._clock = clock

    def issue(self, name: str) -> tuple[str, datetime]:
        """The cookie's value for a user who has just shown their token, and when it ends."""
        user = self._users[name]
        until = self._clock() + SESSION_LASTS
        if user.expires is not None:
            until = min(until, datetime.fromisoformat(user.expires))
        value = {
            "name": name,
            "token": _fingerprint(user),
            "until": until.isoformat(),
            "nonce": os.urandom(16).hex(),
        }
        return str(self._serializer.dumps(value)), until

    def open(self, value: str) -> WebSession | None:
        """The session of a cookie; None when it is not ours, is over, or its user's token is another now."""
        try:
            content = self._serializer.loads(value)
        except BadSignature:
            return None
        user = self._users.get(content["name"])
        until = datetime.fromisoformat(content["until"])
        if user is None or _fingerprint(user) != content["token"] or self._clock() >= until:
            return None
        form_token = hmac.digest(self._key, f"form {content['nonce']}".encode(), "sha256").hex()
        return WebSession(user.principal, form_token, until)


class SignIn:
    """Finds out who asks, and slows those who guess, by name and address. A dependency of the routes."""

    def __init__(self, identities: Identities, cookies: Cookies, *, tls: bool, clock: Clock = now) -> None:
        self.cookies = cookies
        # RFC 6265bis, section 4.1.3.2: a browser takes a __Host- cookie from its own host over TLS alone.
        self.cookie = "__Host-countersign" if tls else "countersign"
        self.tls = tls
        self._identities = identities
        self._clock = clock
        self._by_name = Throttle(_GUESSES_OF_A_NAME)
        self._by_address = Throttle(_GUESSES_OF_AN_ADDRESS)
        self._secret = os.urandom(32)
        self._proven: set[bytes] = set()  # keyed digests of bearer tokens that were right once

    async def __call__(self, request: Request) -> Principal:
        """Who sends this request. Raises Problem 401, or 429 for a guesser."""
        authorization = request.headers.get("authorization")
        if authorization is not None:
            return await self._bearer(authorization, _address(request))
        session = self.web_session(request)
        if session is not None and request.method in ("GET", "HEAD"):
            return session.principal
        raise _unauthenticated("The request carries no token.")

    def web_session(self, request: Request) -> WebSession | None:
        """The session of the browser that sends this request."""
        value = request.cookies.get(self.cookie)
        return self.cookies.open(value) if value is not None else None

    async def by_form(self, request: Request, name: str, token: str) -> Principal | None:
        """The principal of a name and a token, or None. Raises Problem 429 for a guesser."""
        address = _address(request)
        self._hold_back(name, address)
        principal = await self._identities.authenticate(name, token)
        self._count(name, address, principal)
        return principal

    async def _bearer(self, authorization: str, address: str) -> Principal:
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise _unauthenticated("The Authorization header is not of the form `Bearer TOKEN`.")
        digest = hmac.digest(self._secret, token.encode(), "sha256")
        name = token.partition(":")[0] if ":" in token else ""
        # Somebody else's guessing from the same address must not lock out who has shown a right token.
        if digest not in self._proven:
            self._hold_back(name, address)
        principal = await self._identities.authenticate_token(token)
        self._count(name, address, principal)
        if principal is None:
            raise _unauthenticated("The token was not accepted: it is wrong, or it has expired.")
        if len(self._proven) < _MOST_PROVEN:
            self._proven.add(digest)
        return principal

    def _hold_back(self, name: str, address: str) -> None:
        moment = self._clock()
        pair = _pair(name, address)
        wait = max(self._by_name.wait(pair, moment), self._by_address.wait(address, moment))
        if wait > timedelta():
            seconds = math.ceil(wait.total_seconds())
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-attempts",
                f"Too many tokens from {address} were wrong.",
                f"Wait {seconds} s, then use the right token.",
                headers={"Retry-After": str(seconds)},
            )

    def _count(self, name: str, address: str, principal: Principal | None) -> None:
        pair = _pair(name, address)
        if principal is None:
            self._by_name.failed(pair, self._clock())
            self._by_address.failed(address, self._clock())
        else:
            self._by_name.succeeded(pair)


class Me(BaseModel):
    """Who you are to the gateway."""

    name: str = Field(examples=["dana"])
    kind: PrincipalKind = Field(examples=["person"])
    groups: list[str] = Field(examples=[["dba", "reviewers"]])


def routes(sign_in: SignIn) -> APIRouter:
    router = APIRouter(tags=["identity"])

    @router.get("/me", responses=documented(HTTPStatus.UNAUTHORIZED))
    async def me(who: Annotated[Principal, Depends(sign_in)]) -> Me:
        """Who the token belongs to."""
        return Me(name=who.name, kind=who.kind, groups=list(who.groups))

    return router


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else "unknown"


def _pair(name: str, address: str) -> str:
    return f"{name}\0{address}"


def _fingerprint(user: User) -> str:
    return hashlib.sha256(user.token_hash.encode()).hexdigest()[:16]


def _unauthenticated(detail: str) -> Problem:
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "not-signed-in",
        detail,
        "Send `Authorization: Bearer TOKEN` (or NAME:TOKEN) with the token of a user of the configuration.",
        headers={"WWW-Authenticate": 'Bearer realm="countersign"'},  # RFC 6750, section 3
    )
