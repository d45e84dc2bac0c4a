"""Every agent and timer of the processors: the wiring. What they decide is in `policy` and `approvals`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from infra.clock import Clock
from processors.emission import Emission
from processors.intake import Intake, NotBelieved
from processors.reactions import Reaction, Reactions
from schemas.envelope import envelope
from schemas.events import (
    ApprovalRequested,
    ApprovalSettled,
    ApprovalWithdrawn,
    CommandRequested,
    NodeHeartbeat,
    ReviewDecided,
)
from schemas.signature import Keyring
from schemas.topics import APPROVALS, COMMANDS
from schemas.vocabulary import Role

_log = structlog.get_logger()

_REVIEWS = (ApprovalRequested, ReviewDecided, ApprovalWithdrawn, ApprovalSettled)


def add_agents(
    app: Any, reactions: Reactions, emission: Emission, keyring: Keyring, clock: Clock, node: str
) -> None:
    """Gives the Faust app its agents and timers.

    The streams do not acknowledge by themselves: a message is acknowledged when what follows from it is
    durable, so that a commit never leaves an answer behind.
    """
    requests = Intake(COMMANDS, [CommandRequested], keyring, node)
    reviews = Intake(APPROVALS, _REVIEWS, keyring, node)
    started_at = clock()

    async def policy(stream: Any) -> None:
        async for message in stream.noack().events():
            await take(message, requests, reactions.judge, emission, clock())

    async def approvals(stream: Any) -> None:
        async for message in stream.noack().events():
            await take(message, reviews, reactions.review, emission, clock())

    async def deadlines() -> None:
        for reaction in reactions.expire_due(clock()):
            await emission.emit(reaction.events, reply_to=reaction.reply_to, after=reaction.written)

    async def heartbeat() -> None:
        now = clock()
        alive = NodeHeartbeat(
            envelope=envelope(now, node), role=Role.PROCESSORS, started_at=started_at, status="ready"
        )
        await emission.emit([alive])

    app.agent(_topic(app, COMMANDS.name), name="policy", concurrency=1)(policy)
    app.agent(_topic(app, APPROVALS.name), name="approvals", concurrency=1)(approvals)
    app.timer(interval=1.0)(deadlines)
    app.timer(interval=5.0)(heartbeat)


async def take(
    message: Any,
    intake: Intake,
    react: Callable[[Any, int, datetime], Reaction],
    emission: Emission,
    now: datetime,
) -> None:
    """One message of Kafka, as Faust gives it: emits what follows from it, and then acknowledges it."""
    place = message.message
    try:
        event = intake.open(message.value, place.partition)
        reaction = Reaction() if event is None else react(event, len(message.value), now)
    except NotBelieved as error:
        reason = str(error)
        _log.warning(
            "event_rejected", topic=place.topic, partition=place.partition, offset=place.offset, reason=reason
        )
        reaction = Reaction((intake.rejected(message.value, place.partition, place.offset, reason, now),))
    await emission.emit(reaction.events, message.ack, reply_to=reaction.reply_to, after=reaction.written)


def _topic(app: Any, name: str) -> Any:
    return app.topic(name, key_type=bytes, value_type=bytes)
