"""The users of the configuration: a name and a token whose hash is there -> who signed in."""

import asyncio
import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from datetime import datetime

from infra.clock import Clock, now
from infra.config import ConfigError, User
from infra.identity.signed_in import Method, SignedIn, WrongToken
from infra.identity.throttle import Guesses

# RFC 7914: cost, block size, parallelisation. About 50 ms and 16 MiB a guess.
_N, _R, _P = 1 << 14, 8, 1


def new_token() -> str:
    """A token nobody guesses: 256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def hash_token(token: str, salt: bytes | None = None) -> str:
    """What the configuration holds of a token: "scrypt:N:r:p:SALT:HASH", the last two in base64."""
    salt = salt if salt is not None else os.urandom(16)
    key = hashlib.scrypt(token.encode(), salt=salt, n=_N, r=_R, p=_P)
    return f"scrypt:{_N}:{_R}:{_P}:{base64.b64encode(salt).decode()}:{base64.b64encode(key).decode()}"


def token_matches(token: str, token_hash: str) -> bool:
    """Whether the token is the one that was hashed. Raises ValueError when it is not a hash of ours."""
    n, r, p, salt, expected = _parse(token_hash)
    return hmac.compare_digest(hashlib.scrypt(token.encode(), salt=salt, n=n, r=r, p=p), expected)


def _parse(token_hash: str) -> tuple[int, int, int, bytes, bytes]:
    kind, n, r, p, salt, expected = token_hash.split(":")
    if kind != "scrypt":
        raise ValueError(f"unknown kind of token hash {kind!r}")
    return int(n), int(r), int(p), base64.b64decode(salt), base64.b64decode(expected)


class Users:
    """The users that a configuration lists. Who guesses is held back.

    A token is hashed slowly once; after that this process knows it by a keyed digest, so that a thousand
    connections of one agent cost one slow hash, and somebody else's guessing from the same address does not
    lock out who has shown a right token. Nothing of a token is kept otherwise.
    """

    def __init__(self, users: Sequence[User], clock: Clock = now) -> None:
        self._users = {user.name: user for user in users}
        self._clock = clock
        self._guesses = Guesses(clock)
        self._secret = os.urandom(32)
        self._known: dict[str, bytes] = {}  # name -> keyed digest of the token that matched
        self._nobody = hash_token(new_token())
        for user in users:
            _check(user)

    async def authenticate(self, name: str, token: str, address: str) -> SignedIn:
        """Who has this name and token. Raises WrongToken, TooManyGuesses."""
        if self._knows(name, token):
            return self._signed_in(name)
        self._guesses.hold_back(name, address)
        if not await self._matches(name, token):
            self._guesses.wrong(name, address)
            raise WrongToken
        self._guesses.right(name, address)
        return self._signed_in(name)

    async def authenticate_token(self, token: str, address: str) -> SignedIn:
        """Whose token this is. Raises WrongToken, TooManyGuesses."""
        for name in self._known:
            if self._knows(name, token):
                return self._signed_in(name)
        self._guesses.hold_back("", address)
        for name in self._users:
            if await self._matches(name, token):
                self._guesses.right("", address)
                return self._signed_in(name)
        self._guesses.wrong("", address)
        raise WrongToken

    def _knows(self, name: str, token: str) -> bool:
        return hmac.compare_digest(self._known.get(name, b""), self._digest(name, token))

    async def _matches(self, name: str, token: str) -> bool:
        user = self._users.get(name)
        # An unknown name costs as much time as a wrong token.
        token_hash = user.token_hash if user is not None else self._nobody
        if not await asyncio.to_thread(token_matches, token, token_hash) or user is None:
            return False
        self._known[name] = self._digest(name, token)
        return True

    def _digest(self, name: str, token: str) -> bytes:
        return hmac.digest(self._secret, f"{name}\0{token}".encode(), "sha256")

    def _signed_in(self, name: str) -> SignedIn:
        user = self._users[name]
        moment = self._clock()
        until = datetime.fromisoformat(user.expires) if user.expires is not None else None
        if until is not None and moment >= until:
            raise WrongToken
        return SignedIn(user.principal, Method.TOKEN, moment, until)


def _check(user: User) -> None:
    try:
        _parse(user.token_hash)
    except ValueError as error:
        raise ConfigError(
            [f"identity.users: {user.name}: token_hash is not what `countersign hash-token` prints"]
        ) from error
    if user.expires is not None:
        try:
            moment = datetime.fromisoformat(user.expires)
        except ValueError as error:
            raise ConfigError([f"identity.users: {user.name}: expires: expected a date and time"]) from error
        if moment.tzinfo is None:
            raise ConfigError([f"identity.users: {user.name}: expires: expected a time zone, such as Z"])
