"""All grants of one principal: given, used, revoked, and at their end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from processors.grants.grant import Grant
from schemas.events import CommandRequested, CommandRevoked, GrantIssued, GrantRevoked

_REVOCATIONS_KEPT_FOR = timedelta(days=1)
_OVER = "its time is over"

Orders = tuple[tuple[CommandRevoked, int], ...]
"""What stops commands, each with the partition that its ingress reads."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What one principal was granted. `revoked`: ids of grants that were revoked, and when: a revocation
    counts also where it is read first."""

    principal: str
    grants: tuple[Grant, ...] = ()
    revoked: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def due_at(self) -> datetime | None:
        """When something must happen by itself."""
        times = [
            *(grant.due_at for grant in self.grants),
            *(at + _REVOCATIONS_KEPT_FOR for at in self.revoked.values()),
        ]
        return min(times, default=None)

    @property
    def is_empty(self) -> bool:
        return not self.grants and not self.revoked


def issue(granted: Granted, event: GrantIssued, now: datetime) -> Granted:
    """The grants after one was given; a repeat changes nothing."""
    if event.grant in granted.revoked or any(grant.id == event.grant for grant in granted.grants):
        return granted
    return replace(granted, grants=(*granted.grants, Grant(event, max(event.envelope.time, now))))


def find(granted: Granted, request: CommandRequested, rules: Sequence[str], now: datetime) -> Grant | None:
    """The grant that this command used already, or of those that cover it the one that ends first."""
    command = request.envelope.command
    for grant in granted.grants:
        use = grant.use_of(command)
        if use is not None:
            return grant if use.digest == request.digest else None
    covering = [grant for grant in granted.grants if grant.covers(request, rules, now)]
    return min(covering, key=lambda grant: (grant.issued.expires_at, grant.id), default=None)


def use(granted: Granted, grant: Grant, request: CommandRequested, now: datetime) -> tuple[Granted, datetime]:
    """The grants after this one of them let a command through, and when it did; asked again, the same."""
    known = grant.use_of(request.envelope.command)
    if known is not None:
        return granted, known.at
    return _with(granted, grant.id, lambda found: found.use(request, now)), now


def finish(granted: Granted, command: str) -> Granted:
    """The grants after a command ended, whoever let it through."""
    using = next((grant for grant in granted.grants if grant.use_of(command) is not None), None)
    return granted if using is None else _with(granted, using.id, lambda found: found.finish(command))


def revoke(granted: Granted, event: GrantRevoked) -> tuple[Granted, Orders]:
    """The grants after one was revoked, and what stops the commands that run under it. Told again, it is said
    again."""
    revoked = granted.revoked
    if event.grant not in revoked:
        revoked = {**revoked, event.grant: event.envelope.time}
    grant = next((grant for grant in granted.grants if grant.id == event.grant), None)
    after = replace(granted, revoked=revoked)
    if grant is None:
        return after, ()
    orders = grant.orders(event.revoked_by, event.reason, event.envelope.time)
    return _with(after, grant.id, lambda found: replace(found, is_revoked=True)), orders


def expire(granted: Granted, now: datetime) -> tuple[Granted, Orders]:
    """The grants after those whose time is over have ended, and what stops the commands under them."""
    kept: list[Grant] = []
    orders: Orders = ()
    for grant in granted.grants:
        if now < grant.due_at:
            kept.append(grant)
        elif not grant.is_cut:
            orders += grant.orders("", _OVER, grant.issued.expires_at)
            kept.append(replace(grant, is_cut=True))
    revoked = {id: at for id, at in granted.revoked.items() if now < at + _REVOCATIONS_KEPT_FOR}
    return replace(granted, grants=tuple(kept), revoked=revoked), orders


def _with(granted: Granted, id: str, change: Callable[[Grant], Grant]) -> Granted:
    return replace(
        granted, grants=tuple(change(grant) if grant.id == id else grant for grant in granted.grants)
    )
