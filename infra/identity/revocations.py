"""What was revoked, told by Kafka: tokens are refused, and sessions end, everywhere within moments.

An entry is kept for as long as anything that it ends could still be shown: `reach`, the longest life of a
token, a sign-in or a session of the web page. Before the topic is read up, and while Kafka is away, nobody
can say what was revoked meanwhile, so no token is believed.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from infra.clock import Clock, now
from infra.identity.signed_in import IdentityUnavailable, SignedIn, TokenRefused
from infra.kafka.bus import Bus, BusUnavailable, Received, Subscription
from schemas.events import Event, TokensRevoked
from schemas.topics import TOKENS

_RETRY = 1.0  # seconds between attempts to reach Kafka
_NEVER = datetime.min.replace(tzinfo=UTC)
PROVIDER = "identity provider: "
"""Whose sign-ins are revoked where an identity provider ends what it gave: this and its issuer. Nobody is
called so: a principal's name has neither colon nor space."""

_log = structlog.get_logger()


class Revoked(TokenRefused):
    """The token, the sign-in it goes back to, or all of its principal were revoked."""


class Revocations:
    """What was revoked within `reach`, and the sessions that end with it. `follow` keeps it up to date."""

    def __init__(self, reach: timedelta, clock: Clock = now) -> None:
        self._reach = reach
        self._clock = clock
        self._sign_ins: dict[tuple[str, str], datetime] = {}  # whose, and its id -> when it was revoked
        self._principals: dict[str, datetime] = {}  # name -> what was shown before counts no longer
        self._by_providers: dict[str, datetime] = {}  # an id of `of_provider` -> likewise
        self._watchers: dict[int, tuple[SignedIn, str, Callable[[str], None]]] = {}
        self._next = 0
        self._is_current: Callable[[], bool] = lambda: False
        self.read_up = asyncio.Event()
        """Set once the topic has been read up to what was there."""

    @property
    def obstacle(self) -> str | None:
        """Why no token can be believed now; None when nothing keeps from it."""
        return None if self._is_current() else "Revoked tokens cannot be read from Kafka."

    def check(self, signed_in: SignedIn) -> None:
        """Raises Revoked; IdentityUnavailable when it cannot be told."""
        if not self._is_current():
            raise IdentityUnavailable("revoked tokens cannot be read from Kafka, so no token is accepted now")
        if self._ends(signed_in):
            raise Revoked("the token was revoked")

    def watch(
        self, signed_in: SignedIn, end: Callable[[str], None], *, session: str = ""
    ) -> Callable[[], None]:
        """Calls `end`, with the reason, when what somebody showed is revoked; at once if it was already.
        So it does when their `session` is, by an order about its own principal, which ends that alone.

        Returns what stops the watch.
        """
        if self._ends(signed_in):
            end("the token was revoked")
            return lambda: None
        key = self._next
        self._next += 1
        self._watchers[key] = signed_in, session, end

        def stop() -> None:
            self._watchers.pop(key, None)

        return stop

    def apply(self, event: Event) -> None:
        """Takes in one event of the topic."""
        if not isinstance(event, TokensRevoked):
            return
        self._forget()
        if event.envelope.principal.startswith(PROVIDER):
            self._by_providers[event.token] = event.before
        elif event.token:
            self._sign_ins[event.envelope.principal, event.token] = event.envelope.time
        else:
            name = event.envelope.principal
            self._principals[name] = max(event.before, self._principals.get(name, event.before))
        for key, (signed_in, session, end) in list(self._watchers.items()):
            is_theirs = event.envelope.principal == signed_in.principal.name
            if session and event.token == session and is_theirs:
                self._watchers.pop(key, None)
                end(f"{event.revoked_by} ended the session: {event.reason}")
            elif self._ends(signed_in):
                self._watchers.pop(key, None)
                end(f"the token was revoked: {event.reason}" if event.reason else "the token was revoked")

    async def follow(self, bus: Bus) -> None:
        """Reads the topic until it is cancelled. `bus` is, or will be, connected."""
        while True:
            try:
                subscription = await bus.consume_since(TOKENS, self._clock() - self._reach)
            except BusUnavailable as error:
                _log.warning("revocations.unreachable", reason=str(error))
                await asyncio.sleep(_RETRY)
                continue
            try:
                await self._read(subscription, bus)
            except BusUnavailable as error:
                _log.warning("revocations.lost", reason=str(error))
            finally:
                self._is_current = lambda: False
                await subscription.close()

    async def _read(self, subscription: Subscription, bus: Bus) -> None:
        ends = await subscription.ends()
        is_behind = True
        async for batch in subscription.batches():
            for item in batch:
                if isinstance(item, Received):
                    self.apply(item.event)
                else:
                    _log.error("revocation.rejected", reason=item.reason, offset=item.offset)
            if is_behind:
                positions = await subscription.positions()
                is_behind = any(positions[place] < end for place, end in ends.items())
                if not is_behind:
                    self._is_current = lambda: bus.is_reachable
                    self.read_up.set()

    def _ends(self, signed_in: SignedIn) -> bool:
        # Whoever ends their own sign-ins must not end another's by its id.
        if any(
            (name, sign_in) in self._sign_ins for name, _ in signed_in.shown for sign_in in signed_in.sign_ins
        ):
            return True
        # A person's sign-in that an agent stands on is theirs.
        began = signed_in.acts_for_since or signed_in.since
        if any(began <= self._by_providers.get(sign_in, _NEVER) for sign_in in signed_in.sign_ins):
            return True
        return any(
            name in self._principals and since <= self._principals[name] for name, since in signed_in.shown
        )

    def _forget(self) -> None:
        horizon = self._clock() - self._reach
        self._sign_ins = {key: at for key, at in self._sign_ins.items() if at >= horizon}
        self._principals = {name: at for name, at in self._principals.items() if at >= horizon}
        self._by_providers = {id: at for id, at in self._by_providers.items() if at >= horizon}
