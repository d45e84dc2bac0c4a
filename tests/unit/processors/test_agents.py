from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.commands import NOW, READ, bundle, requested, rule
from support.memory_bus import MemoryBus
from support.signing import KEYRING, signer, stranger
from support.table import MemoryTable

from infra.kafka.address import KafkaAddress
from infra.kafka.bus import BusUnavailable, partition_of
from processors.accounts import Accounts
from processors.agents import add_agents, take
from processors.app import (
    BUDGETS,
    STANDING,
    approvals_table,
    budgets_table,
    grants_table,
    make_app,
    standing_table,
)
from processors.continuity import Continuity
from processors.desk import Desk
from processors.emission import Emission
from processors.grantings import Grantings
from processors.intake import Intake
from processors.ordering import InOrder
from processors.reactions import Reaction, Reactions
from processors.records import LoggedTable
from processors.standings import Standings
from schemas.codec import encode
from schemas.envelope import envelope
from schemas.events import CommandAllowed, CommandRequested, EventRejected, SessionClosed
from schemas.signature import Signer
from schemas.topics import APPROVALS, COMMANDS, GRANTS
from schemas.vocabulary import Role

NODE = "processors@test#1"


@dataclass(frozen=True)
class Place:
    topic: str
    partition: int
    offset: int


@dataclass
class Message:
    """As Faust gives one."""

    value: bytes
    message: Place
    acks: list[str] = field(default_factory=list)

    def ack(self) -> None:
        self.acks.append("ack")


def message(event: Any, by: Signer) -> Message:
    place = Place(COMMANDS.name, partition_of(COMMANDS.key(event), COMMANDS.partitions), 42)
    return Message(encode(event, by), place)


def grantings_in(table: Any) -> Grantings:
    return Grantings(table, signer(Role.PROCESSORS), KEYRING)


def accounts_in(table: Any) -> Accounts:
    return Accounts(table, signer(Role.PROCESSORS), KEYRING)


async def nowhere(principal: str, raw: bytes) -> None:
    raise AssertionError("nothing here draws on a budget")


def unwritten(partition: int, key: bytes, record: bytes | None) -> Any:
    raise AssertionError("nothing is kept where nothing is taken")


async def nothing_asked(event: Any) -> None:
    raise AssertionError("nothing here stands")


async def taken(message: Message, bus: MemoryBus) -> list[BaseException]:
    rules, failures = bundle(), list[BaseException]()
    desk = Desk(MemoryTable(), lambda: rules, signer(Role.PROCESSORS), KEYRING, NODE)
    emission = Emission(bus, failures.append)
    intake = Intake(COMMANDS, [CommandRequested], KEYRING, NODE)
    reactions = Reactions(
        lambda: rules,
        desk,
        accounts_in(MemoryTable()),
        grantings_in(MemoryTable()),
        nowhere,
        None,
        nothing_asked,
        NODE,
    )
    await take(message, intake, reactions.judge, emission, InOrder(), NOW)
    if bus.durable_at_once:
        await emission.drain()
    return failures


async def test_a_request_is_answered_and_acknowledged() -> None:
    bus, asked = MemoryBus(), message(requested(READ, reply_to=4), signer(Role.INGRESS))
    assert await taken(asked, bus) == []
    ((verdict, partition),) = bus.published
    assert isinstance(verdict, CommandAllowed)
    assert (partition, asked.acks) == (4, ["ack"])


async def test_a_forged_request_gets_no_verdict_but_a_dead_letter() -> None:
    bus, forged = MemoryBus(), message(requested(READ), stranger(Role.INGRESS))
    await taken(forged, bus)
    (said,) = bus.events
    assert isinstance(said, EventRejected)
    assert (said.topic, said.offset, said.raw) == (COMMANDS.name, 42, forged.value)
    assert forged.acks == ["ack"]


async def test_what_others_consume_is_acknowledged_in_silence() -> None:
    closed = SessionClosed(envelope=envelope(NOW, "ingress@test#1", session="s"), reason="the client left")
    bus, passing = MemoryBus(), message(closed, signer(Role.INGRESS))
    await taken(passing, bus)
    assert (bus.published, passing.acks) == ([], ["ack"])


async def test_an_answer_that_is_not_durable_is_not_acknowledged() -> None:
    bus, asked = MemoryBus(durable_at_once=False), message(requested(READ), signer(Role.INGRESS))
    failures = await taken(asked, bus)
    assert asked.acks == []
    bus.refuse(BusUnavailable("gone"))
    await bus.publish(requested(READ))  # lets the loop run
    assert asked.acks == []
    assert failures == [] or str(failures[0]) == "gone"


async def test_a_message_that_we_fail_on_is_put_aside() -> None:
    def fails(*_: Any) -> Reaction:
        raise RuntimeError("hunter2")

    bus, asked = MemoryBus(), message(requested(READ), signer(Role.INGRESS))
    intake = Intake(COMMANDS, [CommandRequested], KEYRING, NODE)
    emission = Emission(bus, lambda error: None)
    await take(asked, intake, fails, emission, InOrder(), NOW)
    await emission.drain()
    (said,) = bus.events
    assert isinstance(said, EventRejected)
    assert said.reason == "not read: RuntimeError"
    assert asked.acks == ["ack"]


@pytest.mark.parametrize("standing", [False, True])
@pytest.mark.parametrize("budgets", [(), ({"measure": "commands", "amount": 2, "window": 60},)])
def test_the_wiring(tmp_path: Path, budgets: tuple[dict[str, object], ...], standing: bool) -> None:
    app = make_app(KafkaAddress("127.0.0.1:1"), tmp_path)
    rules = bundle(rule("reads", "allow", {}, budgets=list(budgets)))
    desk = Desk(
        LoggedTable(approvals_table(app), unwritten), lambda: rules, signer(Role.PROCESSORS), KEYRING, NODE
    )
    add_agents(
        app,
        Reactions(
            lambda: rules,
            desk,
            accounts_in(LoggedTable(budgets_table(app), unwritten)) if budgets else None,
            grantings_in(LoggedTable(grants_table(app), unwritten)) if budgets else None,
            nowhere,
            Standings(LoggedTable(standing_table(app), unwritten), signer(Role.PROCESSORS), KEYRING)
            if standing
            else None,
            nothing_asked,
            NODE,
        ),
        Emission(MemoryBus(), lambda error: None),
        Continuity(),
        KEYRING,
        lambda: NOW,
        NODE,
        lambda error: None,
    )
    agents = {name: agent.channel.get_topic_name() for name, agent in app.agents.items()}
    expected = {"policy": COMMANDS.name, "approvals": APPROVALS.name}
    expected |= {"budgets": BUDGETS.name, "grants": GRANTS.name} if budgets else {}
    expected |= {"standing": STANDING.name} if standing else {}
    assert agents == expected
    assert all(agent.concurrency == 1 for agent in app.agents.values()), "order is kept in each partition"
