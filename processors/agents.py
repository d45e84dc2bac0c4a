"""Every agent and timer of the processors: the wiring. What they decide is in `policy` and `approvals`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from infra.clock import Clock
from processors.app import BUDGETS, STANDING
from processors.continuity import Continuity, read_again
from processors.emission import Emission
from processors.intake import Intake, NotBelieved
from processors.ordering import InOrder
from processors.presence import Presence
from processors.reactions import Reaction, Reactions
from schemas.envelope import envelope
from schemas.events import (
    AccessRequested,
    ApprovalEscalated,
    ApprovalRequested,
    ApprovalSettled,
    ApprovalWithdrawn,
    CommandAbandoned,
    CommandFinished,
    CommandRequested,
    NodeHeartbeat,
    PauseLifted,
    ReviewDecided,
)
from schemas.signature import Keyring
from schemas.topics import APPROVALS, COMMANDS, GRANTS
from schemas.vocabulary import Role

_log = structlog.get_logger()

React = Callable[[Any, bytes, datetime], Reaction]
"""An event, the bytes it was, and now -> what follows from it."""

_METERED = (CommandRequested, CommandFinished, CommandAbandoned)
_REVIEWS = (
    ApprovalRequested,
    AccessRequested,
    ApprovalEscalated,
    ReviewDecided,
    ApprovalWithdrawn,
    ApprovalSettled,
    PauseLifted,
)


def add_agents(
    app: Any,
    reactions: Reactions,
    emission: Emission,
    continuity: Continuity,
    keyring: Keyring,
    clock: Clock,
    node: str,
    give_up: Callable[[BaseException], None],
    presence: Presence | None = None,
) -> None:
    """Gives the Faust app its agents and timers. `give_up` ends the process: an agent that failed would
    be started again by Faust, but the message it failed on would be neither answered nor read again.
    `presence`: whether reviewers can be reached, where that matters.

    The streams do not acknowledge by themselves: a message is acknowledged when what follows from it is
    durable, so that a commit never leaves an answer behind.
    """
    # What commands used is asked for only where a rule has a budget, or lets reviewers grant.
    metered = _METERED if reactions.has_accounts else [CommandRequested]
    requests = Intake(COMMANDS, metered, keyring, node)
    charges = Intake(BUDGETS, BUDGETS.events, keyring, node)
    standing = Intake(STANDING, STANDING.events, keyring, node)
    given = Intake(GRANTS, GRANTS.events, keyring, node)
    reviews = Intake(APPROVALS, _REVIEWS, keyring, node)
    order = InOrder()
    started_at = clock()

    async def each(stream: Any, intake: Intake, react: React) -> None:
        try:
            async for message in stream.noack().events():
                place = message.message
                if continuity.takes((place.topic, place.partition), place.offset):
                    await take(message, intake, react, emission, order, clock())
                else:
                    # It is never acknowledged; a rebalance would wait for it.
                    app.consumer.unacked.discard(place)
        except Exception as error:
            give_up(error)

    async def policy(stream: Any) -> None:
        await each(stream, requests, reactions.judge)

    async def approvals(stream: Any) -> None:
        await each(stream, reviews, reactions.review)

    async def budgets(stream: Any) -> None:
        await each(stream, charges, reactions.charge)

    async def grants(stream: Any) -> None:
        await each(stream, given, reactions.hand_over)

    async def asked_again(stream: Any) -> None:
        await each(stream, standing, reactions.stand)

    async def deadlines() -> None:
        for forgotten in reactions.forget_standing(clock()):
            await emission.emit((), after=forgotten)
        now = clock()
        given_up = reactions.give_up(now) if presence is not None and presence.is_gone(now) else ()
        for reaction in (
            *reactions.expire_grants(now),
            *reactions.expire_due(now),
            *given_up,
            *reactions.reconsider(now),
        ):
            await emission.emit(
                reaction.events,
                reply_to=reaction.reply_to,
                orders=reaction.orders,
                before=reaction.before,
                after=reaction.written,
            )

    async def heartbeat() -> None:
        now = clock()
        alive = NodeHeartbeat(
            envelope=envelope(now, node), role=Role.PROCESSORS, started_at=started_at, status="ready"
        )
        await emission.emit([alive])

    app.agent(_topic(app, COMMANDS.name), name="policy", concurrency=1)(policy)
    app.agent(_topic(app, APPROVALS.name), name="approvals", concurrency=1)(approvals)
    if reactions.has_accounts:  # every partition that is read costs each fetch something
        app.agent(_topic(app, BUDGETS.name), name="budgets", concurrency=1)(budgets)
        app.agent(_topic(app, GRANTS.name), name="grants", concurrency=1)(grants)
    if reactions.has_standing:
        app.agent(_topic(app, STANDING.name), name="standing", concurrency=1)(asked_again)

    async def gaps() -> None:
        await read_again(app, continuity)

    app.timer(interval=0.5)(gaps)
    app.timer(interval=1.0)(deadlines)
    app.timer(interval=5.0)(heartbeat)


async def take(
    message: Any,
    intake: Intake,
    react: React,
    emission: Emission,
    order: InOrder,
    now: datetime,
) -> None:
    """One message of Kafka, as Faust gives it: emits what follows from it, and then acknowledges it."""
    place = message.message
    finish = order.begin((place.topic, place.partition), message.ack)
    try:
        event = intake.open(message.value, place.partition)
        reaction = Reaction() if event is None else react(event, message.value, now)
    except Exception as error:
        # A fault of ours in reading one message must not stop all that come after it.
        reason = str(error) if isinstance(error, NotBelieved) else f"not read: {type(error).__name__}"
        _log.warning(
            "event_rejected", topic=place.topic, partition=place.partition, offset=place.offset, reason=reason
        )
        reaction = Reaction((intake.rejected(message.value, place.partition, place.offset, reason, now),))
    await emission.emit(
        reaction.events,
        finish,
        reply_to=reaction.reply_to,
        orders=reaction.orders,
        before=reaction.before,
        after=reaction.written,
    )


def _topic(app: Any, name: str) -> Any:
    return app.topic(name, key_type=bytes, value_type=bytes)
