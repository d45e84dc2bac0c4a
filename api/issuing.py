"""Gives out tokens of the gateway and takes them back; each is an event before it counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from api.problems import unavailable
from infra.clock import Clock
from infra.identity.revocations import PROVIDER
from infra.identity.signed_in import SignedIn, TokenRefused
from infra.identity.tokens import TokenSigner
from infra.kafka.bus import Bus, BusUnavailable
from schemas.envelope import envelope
from schemas.events import Event, TokenIssued, TokensRevoked
from schemas.vocabulary import Principal, PrincipalKind

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Issued:
    """A token and what it says."""

    text: str
    signed_in: SignedIn


class Issuing:
    """The one place that signs tokens."""

    def __init__(self, signer: TokenSigner, bus: Bus, node: str, clock: Clock) -> None:
        self._signer = signer
        self._bus = bus
        self._node = node
        self._clock = clock

    async def issue(self, proof: SignedIn, address: str) -> Issued:
        """A token for who has just shown this. Raises Problem 503 when Kafka is away."""
        text, signed_in = self._signer.issue(proof)
        assert signed_in.until is not None
        await self._publish(
            TokenIssued(
                envelope=envelope(self._clock(), self._node, principal=signed_in.principal.name),
                principal=signed_in.principal,
                token=signed_in.token,
                method=signed_in.method.value,
                authenticated_at=signed_in.since,
                expires_at=signed_in.until,
                sign_ins=signed_in.sign_ins,
                client_address=address,
            )
        )
        return Issued(text, signed_in)

    async def revoke(
        self, principal: str, by: str, reason: str, *, token: str = "", ahead: timedelta = timedelta()
    ) -> datetime:
        """Ends a token or a sign-in, by its id; without one, all that the principal has shown until now, and
        shows within `ahead` of it. Returns until when.

        Raises Problem 503 when Kafka is away.
        """
        moment = self._clock()
        before = moment + ahead
        await self._publish(
            TokensRevoked(
                envelope=envelope(moment, self._node, principal=principal),
                token=token,
                before=before,
                revoked_by=by,
                reason=reason,
            )
        )
        return before

    async def end_by_provider(self, issuer: str, ends: Iterable[str]) -> None:
        """Ends what goes back to these sign-ins (`of_provider`), as their provider says. Raises Problem
        503."""
        whose = f"{PROVIDER}{issuer}"
        for sign_in in ends:
            _log.info("logout.by_provider", issuer=issuer, sign_in=sign_in)
            await self.revoke(whose, whose, "signed out at the identity provider", token=sign_in)

    async def _publish(self, event: Event) -> None:
        try:
            await self._bus.publish_durably(event)
        except BusUnavailable as error:
            raise unavailable(str(error)) from error


def delegated(person: SignedIn, agent: SignedIn) -> SignedIn:
    """The agent, acting for the person (RFC 8693, section 1.1): it ends with what either has shown.

    Raises TokenRefused unless an agent acts for a person, each for themselves.
    """
    if person.principal.acts_for or agent.principal.acts_for:
        raise TokenRefused("what was delegated cannot be delegated further")
    if person.principal.kind is not PrincipalKind.PERSON:
        raise TokenRefused("an agent acts for a person: subject_token is not a person's")
    if agent.principal.kind is not PrincipalKind.AGENT:
        raise TokenRefused("only an agent acts for somebody: actor_token is not an agent's")
    actor, subject = agent.principal, person.principal
    ends = [signed_in.until for signed_in in (person, agent) if signed_in.until is not None]
    return SignedIn(
        Principal(actor.name, actor.kind, actor.groups, subject.name, subject.groups),
        agent.method,
        agent.since,
        min(ends, default=None),
        "",
        (*agent.sign_ins, *person.sign_ins),
        person.since,
    )
