"""The role `processors`: builds what does I/O and runs the Faust worker until it is told to stop."""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import faust
import structlog
import uvloop

from infra.clock import now
from infra.config import Config
from infra.kafka.address import kafka_address
from infra.kafka.bus import Bus, BusUnavailable
from infra.kafka.following import Following
from infra.kafka.topics import TopicsUnavailable, create_topics
from infra.keys import keyring, signer
from infra.readiness import report_ready
from processors.accounts import Accounts
from processors.agents import add_agents
from processors.app import (
    BUDGETS,
    BUDGETS_CHANGELOG,
    CHANGELOG,
    GRANTS_CHANGELOG,
    INTERNAL,
    STANDING,
    STANDING_CHANGELOG,
    approvals_table,
    budgets_table,
    grants_table,
    make_app,
    standing_table,
)
from processors.continuity import Continuity, beginnings
from processors.desk import Desk
from processors.emission import Emission
from processors.fetching import shorten_fetches
from processors.grantings import Grantings
from processors.policy.bundle import Bundle
from processors.presence import Presence
from processors.reactions import Reactions
from processors.records import LoggedTable
from processors.rulebook import Rulebook
from processors.standings import Standings
from schemas.topics import APPROVALS, COMMANDS, GRANTS, HEARTBEATS, PROPOSALS, TOPICS, Topic
from schemas.vocabulary import Role

_log = structlog.get_logger()

_STOP_LIMIT = 8.0  # seconds
_READ_LIMIT = 30.0  # seconds to read the published rules at the start


def run(config: Config) -> int:
    """Runs the processors until SIGTERM or SIGINT; the exit status, 1 when Kafka is not to be had.

    Raises ConfigError where the rules, the keys or Kafka's address cannot be used.
    """
    address = kafka_address(config)
    signs, keys = signer(config.state, Role.PROCESSORS), keyring(config.state)
    node = f"processors@{socket.gethostname()}#{secrets.token_hex(4)}"
    rulebook = Rulebook(config, node)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    bus = Bus(address, signs, keys)
    try:
        # Faust never sees a topic that is not there when it starts.
        loop.run_until_complete(create_topics(address, (*TOPICS, *INTERNAL)))
        loop.run_until_complete(bus.start())
        watches = loop.run_until_complete(_open_rulebook(rulebook, bus))
        attends = rulebook.may_change or rulebook.bundle.gives_up
        beats = loop.run_until_complete(bus.consume(HEARTBEATS)) if attends else None
    except (TopicsUnavailable, BusUnavailable) as error:
        _log.error("kafka_unavailable", reason=str(error))
        return 1
    emission = Emission(bus, _give_up)
    continuity = Continuity()
    app = make_app(address, config.state / "faust")
    table = approvals_table(app)

    def in_force() -> Bundle:
        return rulebook.bundle

    # What rules may need that are published later is kept from the beginning.
    def logged(table: Any, changelog: Topic) -> LoggedTable:
        return LoggedTable(table, partial(bus.keep, changelog))

    desk = Desk(logged(table, CHANGELOG), in_force, signs, keys, node)
    has_all = rulebook.may_change
    has_accounts = has_all or in_force().has_budgets or in_force().has_grants
    accounts = grantings = standings = None
    if has_accounts:
        accounts = Accounts(logged(budgets_table(app), BUDGETS_CHANGELOG), signs, keys)
        grantings = Grantings(logged(grants_table(app), GRANTS_CHANGELOG), signs, keys)
    if has_all or in_force().has_standing:
        standings = Standings(logged(standing_table(app), STANDING_CHANGELOG), signs, keys)
    reactions = Reactions(
        in_force,
        desk,
        accounts,
        grantings,
        partial(bus.forward, BUDGETS),
        standings,
        partial(bus.hand_on, STANDING),
        node,
    )
    presence = None
    if beats is not None:
        presence = Presence(now)
        app.task(partial(presence.follow, beats))
    add_agents(app, reactions, emission, continuity, keys, now, node, _give_up, presence)
    _add_beginning_and_end(app, table, desk, standings, grantings, continuity, bus, emission, in_force)
    worker = faust.Worker(app, quiet=True, override_logging=False, redirect_stdouts=False, loop=loop)
    worker.spinner = None  # it would draw on stdout
    watches.append(loop.create_task(_end_in_time(app)))
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        for watch in watches:
            watch.cancel()
        return end.code if isinstance(end.code, int) else 1


async def _open_rulebook(rulebook: Rulebook, bus: Bus) -> "list[asyncio.Task[None]]":
    """The rules in force, on record before the first verdict; what follows them where they may change.

    Raises BusUnavailable, ConfigError.
    """
    if not rulebook.may_change:
        await rulebook.take_over(bus.publish_durably, now())
        return []
    following = Following(bus, PROPOSALS, None, rulebook.take, now)
    tasks = [asyncio.create_task(following.run())]
    try:
        await asyncio.wait_for(following.read_up.wait(), _READ_LIMIT)
    except TimeoutError as error:
        raise BusUnavailable("the published rules cannot be read") from error
    await rulebook.take_over(bus.publish_durably, now())
    tasks.append(asyncio.create_task(rulebook.keep_up(bus.publish_durably, now)))
    for task in tasks:
        task.add_done_callback(_end_with)
    return tasks


def _end_with(task: "asyncio.Task[None]") -> None:
    """Without its rules a worker must not go on."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _give_up(error)


def _add_beginning_and_end(
    app: Any,
    table: Any,
    desk: Desk,
    standings: Standings | None,
    grantings: Grantings | None,
    continuity: Continuity,
    bus: Bus,
    emission: Emission,
    bundle: Callable[[], Bundle],
) -> None:
    """What happens once the table is back, and when the worker was told to stop."""

    async def recovered() -> None:
        try:
            shorten_fetches(app)
            assigned = app.consumer.assignment()
            desk.recover({place.partition for place in assigned if place.topic == APPROVALS.name})
            if standings is not None:
                standings.recover({place.partition for place in assigned if place.topic == STANDING.name})
            if grantings is not None:
                grantings.recover({place.partition for place in assigned if place.topic == BUDGETS.name})
            topics = (COMMANDS.name, APPROVALS.name, GRANTS.name, BUDGETS.name, STANDING.name)
            continuity.begin(await beginnings(app, topics))
        except Exception as error:
            _give_up(error)  # Faust would go on as if nothing had happened

    async def ready() -> None:
        _log.info("processors_ready", policy_version=bundle().version, approvals=desk.remembered)
        report_ready()

    async def stop(*_: object, **__: object) -> None:
        await emission.drain()
        await bus.stop()

    table.on_recover(recovered)
    app.task(ready)
    app.on_before_shutdown.connect(stop)


async def _end_in_time(app: Any) -> None:
    """Bounds an orderly stop, which without Kafka would wait for it for ever."""
    await app.wait_until_stopped()
    late = BusUnavailable(f"the stop took longer than {_STOP_LIMIT:g} s; is Kafka there?")
    asyncio.get_running_loop().call_later(_STOP_LIMIT, _give_up, late)


def _give_up(error: BaseException) -> None:
    """Ends the process at once, as Kafka no longer takes what we say, or our own code failed.

    Nothing is lost: what was not acknowledged is read again by the next worker. A slow, orderly stop
    would wait for the same Kafka, and would go on acknowledging meanwhile.
    """
    _log.critical("processors_gave_up", error=type(error).__name__, reason=str(error))
    os._exit(1)
