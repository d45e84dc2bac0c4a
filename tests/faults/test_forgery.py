"""Someone who can write to Kafka: nothing they write lets a command run."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.breakable import Breakable
from support.builders import DANA
from support.wait import eventually

from infra.config import load
from infra.kafka.address import kafka_address
from infra.kafka.bus import partition_of
from infra.keys import signer
from schemas.codec import encode
from schemas.envelope import envelope
from schemas.events import CommandAllowed, Event, ReviewDecided
from schemas.ids import uuid7
from schemas.signature import Signer
from schemas.topics import APPROVALS, TOPIC_OF, VERDICTS
from schemas.vocabulary import Answer, Obligations, Principal, PrincipalKind, Role

NOW = datetime.now(UTC)


async def write(breakable: Breakable, raw: bytes, topic: str, key: str, partitions: list[int]) -> None:
    """What an intruder with access to Kafka does."""
    address = kafka_address(load(breakable.gateway.config))
    producer = AIOKafkaProducer(bootstrap_servers=address.bootstrap, **address.options)
    await producer.start()
    try:
        for partition in partitions:
            await producer.send_and_wait(topic, raw, key=key.encode(), partition=partition)
    finally:
        await producer.stop()


def forgeries(breakable: Breakable, event: Event, true_role: Role) -> list[bytes]:
    """The event unsigned by us, signed with the intruder's key, with another role's, and tampered with."""
    state = load(breakable.gateway.config).state
    intruder = encode(event, Signer(true_role, Ed25519PrivateKey.generate()))
    ingress = signer(state, Role.INGRESS)
    true_bytes = intruder[:-64]
    return [intruder, true_bytes + ingress.sign(true_bytes), intruder[:-66] + b"\0"]


@pytest.mark.parametrize("kind", ["verdict", "decision"])
async def test_a_forged_event_lets_nothing_run(breakable: Breakable, kind: str) -> None:
    connection = await breakable.connect()
    notices: asyncio.Queue[str] = asyncio.Queue()
    connection.add_log_listener(lambda _c, message: notices.put_nowait(message.detail or ""))
    note = f"forged {kind}"
    running = asyncio.create_task(connection.execute(f"update orders set note = '{note}' where id = 9"))
    approval = json.loads(await asyncio.wait_for(notices.get(), 30))["approval"]
    async with breakable.gateway.api(DANA) as api:
        shown = (await api.get(f"/api/approvals/{approval}")).json()
    common = envelope(
        datetime.now(UTC),
        "intruder",
        id=uuid7(NOW),
        session=shown["session"],
        command=shown["command_id"],
        principal="agent-7",
        resource="orders",
    )
    if kind == "verdict":
        event: Event = CommandAllowed(
            envelope=common,
            digest=shown["digest"],
            rule="forged",
            policy_version=shown["policy_version"],
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            obligations=Obligations(),
            approval=approval,
            decided_by=("dana",),
            comment="",
        )
        role, key, partitions = Role.PROCESSORS, shown["session"], list(range(VERDICTS.partitions))
    else:
        event = ReviewDecided(
            envelope=common,
            approval=approval,
            reviewer=Principal("dana", PrincipalKind.PERSON, ("dba",)),
            answer=Answer.APPROVE,
            comment="",
            digest=shown["digest"],
        )
        role, key = Role.API, approval
        partitions = [partition_of(approval, APPROVALS.partitions)]
    raws = forgeries(breakable, event, role)
    for raw in raws:
        await write(breakable, raw, TOPIC_OF[type(event)].name, key, partitions)

    def rejected() -> int:
        rows = breakable.gateway.audit(
            "select uniqExact(topic, partition, offset) as n from events where reason != '' "
            f"and topic = '{TOPIC_OF[type(event)].name}'"
        )
        return int(str(rows[0]["n"]))

    await eventually(
        lambda: rejected() >= len(raws) * len(partitions), seconds=40, what="the forgeries on record"
    )
    assert not running.done(), "the command must still be held"
    async with breakable.gateway.api(DANA) as api:
        assert (await api.get(f"/api/approvals/{approval}")).json()["state"] == "pending"
        await api.post(f"/api/approvals/{approval}/reject", json={"comment": "somebody forges"})
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncio.wait_for(running, 30)
    assert await connection.fetchval(f"select count(*) from orders where note = '{note}'") == 0
    await connection.close()
