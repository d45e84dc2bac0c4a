"""What is known of somebody who has shown who they are, and why somebody else is refused."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from schemas.vocabulary import Principal


class Method(StrEnum):
    """How somebody showed who they are."""

    TOKEN = "token"  # noqa: S105  a hashed token of the configuration
    OIDC = "oidc"  # single sign-on
    SAML = "saml"  # likewise, by SAML 2.0
    FEDERATED = "federated"  # another issuer's JWT


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A principal, how and when they showed it, and how long that counts."""

    principal: Principal
    method: Method
    since: datetime  # when the principal showed it, or was given what they showed
    until: datetime | None = None  # None: as long as the configuration has the user
    token: str = ""  # the id of what was shown, where it has one
    sign_ins: tuple[
        str, ...
    ] = ()  # ids of the tokens and sign-ins that it goes back to; the first one is last
    acts_for_since: datetime | None = None  # the same of the person for whom an agent acts

    @property
    def shown(self) -> Iterator[tuple[str, datetime]]:
        """Whose proofs it stands on, and of when each is."""
        yield self.principal.name, self.since
        if self.acts_for_since is not None:
            yield self.principal.acts_for, self.acts_for_since


def of_provider(issuer: str, kind: Literal["session", "subject"], value: str) -> str:
    """The id of a sign-in by which its identity provider ends it: of its own session, or all of somebody's.

    A digest, so that tokens stay short and events do not name what is only the provider's.
    """
    return "idp-" + hashlib.sha256(f"{kind} {value} {issuer}".encode()).hexdigest()[:32]


class TokenRefused(Exception):
    """Nobody was signed in. The message is for whoever showed the token and holds nothing of it."""


class WrongToken(TokenRefused):
    """No such name, another's token or an expired one: nobody is told which."""

    def __init__(self) -> None:
        super().__init__("it is wrong, or it has expired")


class TooManyGuesses(TokenRefused):
    """Too many wrong tokens came for this name from this address."""

    def __init__(self, wait: timedelta) -> None:
        self.seconds = max(1, -(-int(wait.total_seconds() * 1000) // 1000))
        super().__init__(f"too many wrong tokens; wait {self.seconds} s")


class IdentityUnavailable(TokenRefused):
    """Whether the token is good cannot be told now: what would say so does not answer."""
