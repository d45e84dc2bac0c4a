"""One grant: what it covers, and how it is used."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from processors.grants.terms import READS
from schemas.envelope import Envelope
from schemas.events import CommandRequested, CommandRevoked, GrantIssued
from schemas.ids import derived_id
from schemas.vocabulary import GrantKind, Intent, Stage

REMEMBERED = 256
"""Uses that have ended and are remembered, so that a request that is read twice is one use."""

_KEPT_FOR = timedelta(hours=1)  # after its end: requests that came before it may be read again
_AFTER_THE_DEADLINE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Use:
    """A command that the grant let through, and where its ingress listens."""

    envelope: Envelope
    digest: str
    reply_to: int
    at: datetime
    forget_at: datetime
    is_over: bool = False

    @property
    def command(self) -> str:
        return self.envelope.command


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant, and what was made of it. `since`: when it came into force here. `is_cut`: its time is over,
    and what ran under it was told."""

    issued: GrantIssued
    since: datetime
    used: int = 0
    uses: tuple[Use, ...] = ()  # those that are remembered
    is_revoked: bool = False
    is_cut: bool = False

    @property
    def id(self) -> str:
        return self.issued.grant

    @property
    def starts_at(self) -> datetime:
        return self.issued.starts_at or self.issued.envelope.time

    @property
    def due_at(self) -> datetime:
        """When something must happen by itself: its end, later the end of our memory of it."""
        return self.issued.expires_at + (_KEPT_FOR if self.is_cut else timedelta())

    def use_of(self, command: str) -> Use | None:
        return next((use for use in self.uses if use.command == command), None)

    def covers(self, request: CommandRequested, rules: Sequence[str], now: datetime) -> bool:
        """Whether this command needs no review under the grant. `rules`: digests of those that ask for it.

        Only what was asked since it came into force: what was reviewed before is not let through when it is
        read again after a crash.
        """
        issued, about = self.issued, self.issued.envelope
        return (
            request.stage is Stage.EXECUTE
            and not request.unmask
            and self._is_in_force(now)
            and self.since <= request.envelope.time
            and (about.principal, issued.acts_for) == (request.principal.name, request.principal.acts_for)
            and about.resource == request.envelope.resource
            and bool(rules)
            and set(rules) <= set(issued.rules)
            and self._is_of_its_kind(request)
        )

    def use(self, request: CommandRequested, now: datetime) -> "Grant":
        """The grant after it let this command through."""
        use = Use(
            request.envelope,
            request.digest,
            request.reply_to,
            now,
            request.deadline + _AFTER_THE_DEADLINE,
        )
        return replace(self, used=self.used + 1, uses=(*self._remembered(now), use))

    def finish(self, command: str) -> "Grant":
        """The grant after a command that it let through ended."""
        return replace(
            self,
            uses=tuple(replace(use, is_over=use.is_over or use.command == command) for use in self.uses),
        )

    def orders(self, revoked_by: str, comment: str, at: datetime) -> tuple[tuple[CommandRevoked, int], ...]:
        """What stops the commands that run under it, and the partitions that their ingresses read."""
        return tuple(
            (
                CommandRevoked(
                    envelope=replace(
                        use.envelope, id=derived_id("grant ended", self.id, use.command), time=at
                    ),
                    digest=use.digest,
                    approval="",
                    revoked_by=revoked_by,
                    comment=comment,
                    grant=self.id,
                ),
                use.reply_to,
            )
            for use in self.uses
            if not use.is_over
        )

    def _is_in_force(self, now: datetime) -> bool:
        has_uses = self.issued.uses is None or self.used < self.issued.uses
        return not self.is_revoked and has_uses and self.starts_at <= now < self.issued.expires_at

    def _is_of_its_kind(self, request: CommandRequested) -> bool:
        intents = set(request.facts.intents or (Intent.UNKNOWN,))
        match self.issued.kind:
            case GrantKind.PATTERN:
                return bool(request.fingerprint) and request.fingerprint == self.issued.fingerprint
            case GrantKind.SESSION:
                return request.envelope.session == self.issued.envelope.session and intents <= READS
            case GrantKind.WINDOW:
                return intents <= {*self.issued.intents, Intent.SESSION}

    def _remembered(self, now: datetime) -> tuple[Use, ...]:
        over = [use for use in self.uses if use.is_over and use.forget_at > now][-REMEMBERED:]
        return (*over, *(use for use in self.uses if not use.is_over))
